"""Argon2 at a fraction of its cost: with the real one, a sixth of the contract tests' time goes by hashing."""

from collections.abc import Callable

from argon2 import PasswordHasher

from chat.security import passwords

_CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
_NOBODYS = _CHEAP.hash("nobody")


def cheapen(set_attribute: Callable[[object, str, object], None]) -> None:
    """Have passwords hashed so, by setattr or a MonkeyPatch's. test_passwords looks at the real parameters."""
    set_attribute(passwords, "_hasher", _CHEAP)
    set_attribute(passwords, "_light_hasher", _CHEAP)
    set_attribute(passwords, "_NOBODYS", _NOBODYS)
