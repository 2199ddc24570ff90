"""Signed tokens. Each carries its purpose and is good for nothing else (specs, "Sessions")."""

import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache

from flask import current_app
from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError


class Purpose(StrEnum):
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Token:
    user_id: int
    reference: str  # what it stands for: a session's id


def issue(purpose: Purpose, token: Token, lifetime_s: float) -> str:
    """The token as text, good for lifetime_s seconds."""
    text: str = create_access_token(
        identity=str(token.user_id),
        additional_claims={"purpose": purpose.value, "ref": token.reference},
        expires_delta=timedelta(seconds=lifetime_s),
    )
    return text


def read(text: str, purpose: Purpose) -> Token | None:
    """What the text stands for; None if it is not ours, altered, too old, or meant for something else."""
    claims = _claims(text, current_app.config["JWT_SECRET_KEY"])
    if claims is None or claims[0] != purpose or claims[1] < time.time():
        return None
    return claims[2]


@lru_cache(maxsize=4096)  # each request brings one; what a signature says of a text does not change
def _claims(text: str, _secret: str) -> tuple[str, float, Token] | None:
    try:
        claims = decode_token(text, allow_expired=True)
        return claims["purpose"], claims["exp"], Token(int(claims["sub"]), str(claims["ref"]))
    except (PyJWTError, JWTExtendedException, KeyError, ValueError):
        return None
