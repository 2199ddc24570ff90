"""The benchmark: `python -m bench --help`. It knows the server by plain HTTP and /proc alone."""
