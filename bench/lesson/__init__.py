"""A lesson from roster to archive, played against a server of its own."""
