"""Answers, as the OpenAPI document shows them."""
