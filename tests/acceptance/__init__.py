"""The acceptance checks that take minutes: `make checks` (docs/testing.md)."""
