"""/User, /Login, /Logout: accounts, and login with a digest of the password."""

from typing import Any

from flask import Blueprint, Response, jsonify

from chat.errors import REGISTERING, ChatError, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import clear_cookie, device_cookie, own_origin, set_cookie, signed_in
from chat.http.bodies import takes
from chat.http.context import client_address, services
from chat.models import Actor
from chat.protocols.realtime.requests import USERNAME, Credentials, NewUser, Nothing
from chat.protocols.realtime.responses import Done, LoginAnswer, UserShown
from chat.services.accounts import Profile

bp = Blueprint("realtime_user", __name__)


@bp.post("/User")
@takes(NewUser)
@answers(
    UserShown,
    *REGISTERING,
    ErrorCode.USERNAME_INVALID,
    ErrorCode.NICKNAME_TAKEN,
    ErrorCode.RATE_LIMITED,
    status=201,
    zh="创建用户（不会自动登录）。",
)
def create(body: dict[str, Any]) -> tuple[Response, int]:
    """Register an account, without logging in."""
    accounts = services().accounts
    user_id = accounts.create(
        body["username"], body["password"], client_address(), body["nickname"], code=body["join_code"]
    )
    return jsonify(_shown(accounts.find(user_id))), 201


@bp.get("/User/<names:username>")
@answers(UserShown, ErrorCode.USER_NOT_FOUND, path={"username": USERNAME}, zh="获取用户信息，无需登录。")
def find(username: str) -> Response:
    """Return the public data of an account."""
    # Usernames may contain slashes; a trailing one is ignored, as everywhere.
    return jsonify(_shown(services().accounts.find(username.removesuffix("/"))))


@bp.post("/Login")
@own_origin
@takes(Credentials)
@answers(LoginAnswer, ErrorCode.DISABLED, ErrorCode.RATE_LIMITED, zh="登录；status 表示是否成功。")
def login(body: dict[str, Any]) -> Response:
    """Log in with a digest of the password or the password itself. A wrong one is not an HTTP failure."""
    address = client_address()
    try:
        user_id, session = services().accounts.log_in(
            body["username"], body["password"], address, device=device_cookie(), digest_allowed=True
        )
    except ChatError as error:
        if error.code is ErrorCode.CREDENTIALS_WRONG:
            return jsonify(status=False)
        raise
    return set_cookie(jsonify(status=True), user_id, session)


@bp.post("/Logout")
@signed_in
@takes(Nothing)
@answers(Done, zh="登出：服务器上的会话也随之结束。")
def logout(actor: Actor, _body: dict[str, Any]) -> Response:
    """Log out and end the session on the server, with its room tokens and sockets."""
    services().sessions.close(actor)
    return clear_cookie(jsonify(status=True))


def _shown(user: Profile) -> dict[str, str]:
    return {"username": user.username, "nickname": user.nickname}
