"""Passwords, tokens and limits: mechanisms only; the rules that use them are in services."""
