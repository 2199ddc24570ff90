"""/user: registration, login and logout."""

from typing import Any

from flask import Blueprint, Response

from chat.clock import to_iso
from chat.errors import REGISTERING, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import clear_cookie, device_cookie, own_origin, session_state, set_cookie, signed_in
from chat.http.bodies import require_one, takes
from chat.http.context import client_address, services
from chat.http.query_params import asks
from chat.lanes import Lane
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.requests.users import (
    Credentials,
    Leaving,
    MeQuery,
    NewPassword,
    NewProfile,
    Nothing,
    OwnPassword,
    Registration,
)
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.users import Me, OwnSessions, Session
from chat.services.profiles import Changes

bp = Blueprint("polling_user", __name__, url_prefix="/user")


@bp.post("/register")
@own_origin
@takes(Registration)
@answers(
    Done,
    *REGISTERING,
    ErrorCode.USERNAME_INVALID,
    ErrorCode.RATE_LIMITED,
    zh="注册并登录。",
)
def register(body: dict[str, Any]) -> Response:
    """Register an account and log in."""
    accounts = services().accounts
    user_id, session = accounts.register(
        body["username"], body["password"], client_address(), code=body["join_code"], device=device_cookie()
    )
    return set_cookie(success("Registered and logged in.", "注册成功，已登录。"), user_id, session)


@bp.post("/login")
@own_origin
@takes(Credentials)
@answers(Done, ErrorCode.CREDENTIALS_WRONG, ErrorCode.DISABLED, ErrorCode.RATE_LIMITED, zh="登录。")
def login(body: dict[str, Any]) -> Response:
    """Log in."""
    accounts = services().accounts
    user_id, session = accounts.log_in(body["username"], body["password"], client_address(), device=device_cookie())
    return set_cookie(success("Logged in.", "登录成功。"), user_id, session)


@bp.post("/logout")
@signed_in
@takes(Leaving)
@answers(Done, zh="登出：服务器上的会话也随之结束；all 为 true 时，该用户的所有会话都结束。")
def logout(actor: Actor, body: dict[str, Any]) -> Response:
    """Log out and end the session on the server; with `all`, end all sessions of the user."""
    sessions = services().sessions
    if body["all"]:
        sessions.close_all(actor)
    else:
        sessions.close(actor)
    return clear_cookie(success("Logged out.", "已登出。"))


@bp.get("/sessions")
@signed_in
@answers(OwnSessions, zh="自己的所有会话，最新的在前，最多 100 个。")
def sessions(actor: Actor) -> Response:
    """List the caller's sessions in all protocols, newest first, at most 100. Beyond the document."""
    found = services().sessions.own(actor)
    shown = [
        {
            "protocol": each.protocol,
            "address": each.address,
            "created": to_iso(each.created_at),
            "expires": to_iso(each.expires_at),
            "current": each.is_current,
        }
        for each in found
    ]
    return success(f"{len(shown)} sessions.", f"共 {len(shown)} 个会话。", sessions=shown)


@bp.get("/me")
@signed_in
@asks(MeQuery)
@answers(Me, zh="当前登录的用户。")
def me(actor: Actor, query: dict[str, Any]) -> Response:
    """Return the logged-in user. Beyond the document."""
    about: dict[str, Any] = {"username": actor.username, "nickname": actor.nickname}
    about |= {"id": actor.user_id, "email": actor.email}
    if query["detail"]:
        own = services().profiles.own(actor)
        about |= {"teacher": own.is_teacher, "must_change_password": own.must_change_password, "avatar": own.avatar}
    return success("Logged in.", "已登录。", **about)


@bp.post("/profile")
@signed_in
@takes(NewProfile, long=Lane.PICTURES)
@answers(
    Done,
    ErrorCode.NICKNAME_INVALID,
    ErrorCode.NICKNAME_TAKEN,
    ErrorCode.TEACHERS_NAME,
    ErrorCode.LOOKS_LIKE_OTHER,
    ErrorCode.NAMES_FIXED,
    ErrorCode.QUOTA_USED,
    ErrorCode.STORAGE_FULL,
    ErrorCode.RATE_LIMITED,
    zh="修改自己的昵称或头像。",
)
def change_profile(actor: Actor, body: dict[str, Any]) -> Response:
    """Change the user's nickname or avatar. Beyond the document."""
    require_one(body, "nickname", "avatar")
    services().profiles.present(actor, body["nickname"], body["avatar"])
    return success("Saved.", "已保存。")


@bp.post("/sessions/end_others")
@signed_in
@takes(Nothing)
@answers(Done, zh="结束自己的其他所有会话。")
def end_others(actor: Actor, _body: dict[str, Any]) -> Response:
    """End all of the user's sessions except this one. Beyond the document."""
    services().sessions.close_others(actor)
    return success("All other sessions have ended.", "其他会话已全部结束。")


@bp.post("/delete")
@signed_in
@takes(OwnPassword)
@answers(Done, ErrorCode.CREDENTIALS_WRONG, ErrorCode.LAST_TEACHER, ErrorCode.RATE_LIMITED, zh="删除自己的账号。")
def delete(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete the user's account: all its sessions end. Beyond the document."""
    services().profiles.delete_proven(actor, body["password"], client_address())
    return clear_cookie(success("Your account is deleted.", "你的账号已删除。"))


@bp.post("/password")
@signed_in
@takes(NewPassword)
@answers(
    Done,
    ErrorCode.CREDENTIALS_WRONG,
    ErrorCode.PASSWORD_INVALID,
    ErrorCode.RATE_LIMITED,
    zh="修改自己的密码；其他会话随之结束。",
)
def change_password(actor: Actor, body: dict[str, Any]) -> Response:
    """Change the user's password: all other sessions end. Beyond the document."""
    services().profiles.change(actor, body["password"], Changes(password=body["new_password"]), client_address())
    return success("Password changed; all other sessions have ended.", "密码已修改，其他会话已全部结束。")


@bp.get("/session")
@answers(Session, zh="此 cookie 的会话是否有效；若已结束，说明原因。")
def session() -> Response:
    """Return whether the cookie's session is active, and if not, why it ended. Beyond the document."""
    state, username = session_state()
    if username:
        return success("Logged in.", "已登录。", state=state, username=username)
    return success("Not logged in.", "未登录。", state=state, username="")
