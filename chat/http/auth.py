"""Authentication (docs/specification.md, "Sessions"): a token in the Authorization header, otherwise in the cookie."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from flask import Response, current_app, request

from chat.errors import ChatError, ErrorCode
from chat.http import cookies
from chat.http.api_spec import declared
from chat.http.context import services, this_request
from chat.http.origins import Origins
from chat.models import Actor
from chat.security import devices, tokens
from chat.services.sessions import NewSession, SessionState

COOKIE = "session"  # the kind of cookie, see chat.http.cookies
DEVICE_COOKIE = "device"
# The cookie's name up to version 0.1. Read for one release, so that an upgrade logs nobody out; to be removed after
# 0.2.
OLD_COOKIE = "commonroom_session"
MEANT_USER = "HTTP_X_CHAT_USER"  # environ key of X-Chat-User: the id of the user that the request is meant for
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def signed_in(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: pass the Actor as the first argument. Raises NOT_SIGNED_IN, ORIGIN_FOREIGN, RATE_LIMITED."""
    declared(handler).needs_login = True
    declared(handler).failures |= {ErrorCode.NOT_SIGNED_IN, ErrorCode.ORIGIN_FOREIGN, ErrorCode.RATE_LIMITED}

    @wraps(handler)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return handler(current_actor(), *args, **kwargs)

    return wrapper


def own_origin(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for handlers that set a cookie. Raises ORIGIN_FOREIGN."""
    declared(handler).sets_cookie = True
    declared(handler).failures.add(ErrorCode.ORIGIN_FOREIGN)

    @wraps(handler)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        _origins().require_own()
        return handler(*args, **kwargs)

    return wrapper


def current_actor() -> Actor:
    """Return the caller of this request, who counts as online from now on. Raises NOT_SIGNED_IN, ORIGIN_FOREIGN."""
    request = this_request()
    return _actor(request.headers.get("Authorization"), any_origin=request.method in _SAFE_METHODS)


def require_meant(actor: Actor) -> None:
    """Refuse a request that is meant for another user, by ?chat_user= instead of X-Chat-User: links have no headers.

    Raises NOT_SIGNED_IN.
    """
    if request.args.get("chat_user", str(actor.user_id)) != str(actor.user_id):
        raise ChatError(ErrorCode.NOT_SIGNED_IN)


def handshaking_actor() -> Actor:
    """Return the caller of this WebSocket handshake. Browsers cannot set headers there, so `?token=` replaces the
    header.

    Pages of other sites must not connect with the cookie alone. Raises NOT_SIGNED_IN, ORIGIN_FOREIGN.
    """
    return _actor(request.headers.get("Authorization", request.args.get("token")), any_origin=False)


def _actor(given: str | None, *, any_origin: bool) -> Actor:
    """Resolve the given token, or the cookie if None; `any_origin` says whether pages of other sites may use the
    cookie.
    """
    token = _cookie_token() if given is None else _read(_bare(given))
    chat = services()
    actor = chat.sessions.resolve(token.reference, token.user_id) if token else None
    meant = request.environ.get(MEANT_USER)
    if actor is None or (meant is not None and meant != str(actor.user_id)):
        raise ChatError(ErrorCode.NOT_SIGNED_IN)
    if given is None and not any_origin:
        _origins().require_own()
    chat.requests.count(actor.user_id)
    chat.presence.touch(actor.session_id, actor.user_id)
    return actor


def session_state() -> tuple[SessionState, str]:
    """Return the state of the session named by cookie or header, and its username while it is active.
    Raises nothing.
    """
    given = request.headers.get("Authorization")
    text = _cookie() if given is None else _bare(given)
    issued = tokens.issued(text, tokens.Purpose.SESSION) if text else None
    if issued is None:
        return SessionState.NONE, ""
    return services().sessions.state(issued.token.reference, issued.token.user_id, issued.at)


def session_token(user_id: int, session: NewSession) -> str:
    """Sign a token for the user, valid as long as the session."""
    return tokens.issue(tokens.Purpose.SESSION, tokens.Token(user_id, session.id), session.lifetime_s)


def set_cookie(response: Response, user_id: int, session: NewSession) -> Response:
    """Put the session's token in a cookie that scripts cannot read, and end the session that the cookie held before."""
    replaced = _replaced()
    if replaced is not None:
        services().sessions.close(replaced)
    cookies.set_cookie(response, COOKIE, session_token(user_id, session), session.lifetime_s)
    if session.device:
        cookies.set_cookie(response, DEVICE_COOKIE, session.device, devices.LIFETIME_SECONDS)
    _delete_old(response)
    return response


def device_cookie() -> str:
    """Return the browser's device cookie, for Accounts.log_in."""
    return cookies.read_cookie(DEVICE_COOKIE)


def clear_cookie(response: Response) -> Response:
    cookies.delete_cookie(response, COOKIE)
    _delete_old(response)
    return response


def _replaced() -> Actor | None:
    token = _cookie_token()
    return services().sessions.resolve(token.reference, token.user_id) if token else None


def _cookie_token() -> tokens.Token | None:
    return _read(_cookie())


def _cookie() -> str:
    return cookies.read_cookie(COOKIE) or request.cookies.get(OLD_COOKIE, "")


def _delete_old(response: Response) -> None:
    """Delete the old cookie only if it belongs to this installation: another one on the same host may still use the
    name.
    """
    if _read(request.cookies.get(OLD_COOKIE, "")) is not None:
        response.delete_cookie(OLD_COOKIE, httponly=True, samesite="Lax", secure=request.is_secure)


def _read(text: str) -> tokens.Token | None:
    return tokens.read(text, tokens.Purpose.SESSION) if text else None


def _bare(header: str) -> str:
    scheme, _, rest = header.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else header.strip()


def _origins() -> Origins:
    return cast(Origins, current_app.extensions["commonroom.origins"])
