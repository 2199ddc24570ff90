"""Cookies of this installation.

Browsers keep cookies by host, whatever the port, and do not let an http page overwrite a Secure cookie. So each name
tells the installation (by its signing key) and the scheme: two servers on one host, and http beside https, each have
cookies of their own (decision 0040).
"""

import hashlib
from typing import cast

from flask import Flask, Response, current_app, request

_EXTENSION = "commonroom.cookies"
_HOST_PREFIX = (
    "__Host-"  # browsers take such a name only from https, for this host and all its paths (RFC 6265bis 4.1.3)
)


def init_app(app: Flask) -> None:
    app.extensions[_EXTENSION] = hashlib.sha256(f"cookies {app.config['SECRET_KEY']}".encode()).hexdigest()[:8]


def cookie_name(kind: str) -> str:
    """The name of this installation's cookie of that kind ("session"), for the scheme of this request."""
    name = plain_name(current_app, kind)
    return _HOST_PREFIX + name if request.is_secure else name


def plain_name(app: Flask, kind: str) -> str:
    """The name under http; under https it has `__Host-` before it."""
    return f"commonroom_{kind}_{cast(str, app.extensions[_EXTENSION])}"


def read_cookie(kind: str) -> str:
    """What the client sends; empty: none."""
    return request.cookies.get(cookie_name(kind), "")


def set_cookie(response: Response, kind: str, value: str, lifetime_s: float) -> None:
    """Have the browser keep the value for lifetime_s seconds, where scripts cannot read it."""
    response.set_cookie(
        cookie_name(kind), value, max_age=round(lifetime_s), httponly=True, samesite="Lax", secure=request.is_secure
    )


def delete_cookie(response: Response, kind: str) -> None:
    response.delete_cookie(cookie_name(kind), httponly=True, samesite="Lax", secure=request.is_secure)
