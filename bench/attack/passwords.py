"""Attacks on log-ins, registration and codes by mail."""

import itertools
import random
from typing import Any

from bench.attack.attacker import PASSWORD, TEACHER, Attacker


async def right_log_ins(attacker: Attacker) -> None:
    """Log in rightly, 300 at a time."""
    body = {"username": attacker.name, "password": PASSWORD}
    await attacker.repeat(300, lambda: ("POST", "/user/login", body), logged_in=False)


async def log_ins_of_nobody(attacker: Attacker) -> None:
    """Log in as users that do not exist, 100 at a time."""
    numbers = itertools.count()
    await attacker.repeat(
        100, lambda: ("POST", "/login", {"username": f"nobody-{next(numbers)}", "password": "x" * 8}), logged_in=False
    )


async def guesses_at_the_teacher(attacker: Attacker) -> None:
    """Guess the teacher's password, by all five protocols."""
    paths = (("/user/login", "username"), ("/login", "username"), ("/Login", "username"), ("/account/login", "email"))
    turns = itertools.cycle(paths)

    def guess() -> tuple[str, str, Any]:
        path, name = next(turns)
        return "POST", path, {name: TEACHER, "password": f"guess{random.random()}"[:20]}  # noqa: S311

    await attacker.repeat(20, guess, logged_in=False)


async def registrations(attacker: Attacker) -> None:
    """Make accounts."""
    numbers = itertools.count()
    body = lambda: {"username": f"{attacker.name}-{next(numbers)}", "password": "secret-11"}  # noqa: E731
    await attacker.repeat(50, lambda: ("POST", "/user/register", body()), logged_in=False)


async def codes_by_mail(attacker: Attacker) -> None:
    """Ask for codes while the mail server is silent."""
    numbers = itertools.count()
    await attacker.repeat(30, lambda: ("POST", "/verify", {"email": f"m{next(numbers)}@example.com"}), logged_in=False)
