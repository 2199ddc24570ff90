"""Mechanisms shared by the HTTP protocols: bodies, authentication, origins, envelopes, long polls."""
