"""`python -m conformance`: published suites and clients that nobody here wrote, against a real server."""
