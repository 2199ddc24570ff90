"""Cookie names of this installation.

Browsers keep cookies by host regardless of port, and do not let an http page overwrite a Secure cookie. Each name
therefore contains the installation (from its signing key) and the scheme, so that two servers on one host, and http
beside https, have separate cookies (docs/decisions/0040).
"""

import hashlib
from typing import cast

from flask import Flask, Response, current_app, request

_EXTENSION = "commonroom.cookies"
_HOST_PREFIX = (
    "__Host-"  # browsers accept this prefix only over https, for this host and all its paths (RFC 6265bis 4.1.3)
)


def init_app(app: Flask) -> None:
    app.extensions[_EXTENSION] = hashlib.sha256(f"cookies {app.config['SECRET_KEY']}".encode()).hexdigest()[:8]


def cookie_name(kind: str) -> str:
    """Return the name of this installation's cookie of a kind (such as "session"), for the request's scheme."""
    name = plain_name(current_app, kind)
    return _HOST_PREFIX + name if request.is_secure else name


def plain_name(app: Flask, kind: str) -> str:
    """Return the name used over http; over https it is prefixed with `__Host-`."""
    return f"commonroom_{kind}_{cast(str, app.extensions[_EXTENSION])}"


def read_cookie(kind: str) -> str:
    """Return the cookie's value; "" if the client sent none."""
    return request.cookies.get(cookie_name(kind), "")


def set_cookie(response: Response, kind: str, value: str, lifetime_s: float) -> None:
    """Set the cookie for `lifetime_s` seconds, hidden from scripts."""
    response.set_cookie(
        cookie_name(kind), value, max_age=round(lifetime_s), httponly=True, samesite="Lax", secure=request.is_secure
    )


def delete_cookie(response: Response, kind: str) -> None:
    response.delete_cookie(cookie_name(kind), httponly=True, samesite="Lax", secure=request.is_secure)
