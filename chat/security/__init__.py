"""Passwords, tokens and rate limiters: mechanisms only; the rules that use them are in services."""
