"""Requests: what views load, and the OpenAPI document shows."""
