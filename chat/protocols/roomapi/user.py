"""/register and /login."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import REGISTERING, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import session_token
from chat.http.bodies import takes
from chat.http.context import client_address, services
from chat.protocols.roomapi.errors import success
from chat.protocols.roomapi.render import user
from chat.protocols.roomapi.requests import Credentials, Registration
from chat.protocols.roomapi.responses import LoggedIn, Registered

bp = Blueprint("roomapi_user", __name__)


@bp.post("/register")
@takes(Registration)
@answers(
    Registered,
    *REGISTERING,
    ErrorCode.USERNAME_INVALID,
    ErrorCode.RATE_LIMITED,
    zh="注册（不会自动登录）。",
)
def register(body: dict[str, Any]) -> Response:
    """Register an account, without logging in: the document has /login for it."""
    accounts = services().accounts
    user_id = accounts.create(body["username"], body["password"], client_address(), code=body["join_code"])
    return success("注册成功", user(accounts.find(user_id)))


@bp.post("/login")
@takes(Credentials)
@answers(LoggedIn, ErrorCode.CREDENTIALS_WRONG, ErrorCode.DISABLED, ErrorCode.RATE_LIMITED, zh="登录，返回 token。")
def login(body: dict[str, Any]) -> Response:
    """Log in. The token is in the answer only, not in a cookie: clients send it in the Authorization header."""
    accounts = services().accounts
    user_id, session = accounts.log_in(body["username"], body["password"], client_address())
    token = session_token(user_id, session)
    return success("登录成功", {"token": token, "user": user(accounts.find(user_id))})
