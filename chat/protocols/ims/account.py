"""/account and /verify: registration, login, the user's profile, and deletion of the account."""

import secrets
from typing import Any

from flask import Blueprint, Response

from chat.errors import REGISTERING, ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import session_token, signed_in
from chat.http.bodies import takes
from chat.http.context import client_address, services
from chat.lanes import Lane
from chat.models import Actor
from chat.protocols.ims.cipher import given_password, hidden_code, new_password
from chat.protocols.ims.errors import success, words
from chat.protocols.ims.render import avatar
from chat.protocols.ims.requests import Credentials, Mailbox, ProfileChanges, Registration
from chat.protocols.ims.responses import CodeSent, Done, LoggedIn, OwnProfileShown, Registered, Told
from chat.services.profiles import Changes

bp = Blueprint("ims_account", __name__)


@bp.post("/account/reg")
@takes(Registration)
@answers(
    Registered,
    *REGISTERING,
    ErrorCode.DISABLED,
    ErrorCode.EMAIL_INVALID,
    ErrorCode.NICKNAME_INVALID,
    ErrorCode.NICKNAME_TAKEN,
    ErrorCode.RATE_LIMITED,
    zh="注册并登录；已注销的账户用原密码恢复。",
)
def register(body: dict[str, Any]) -> Response:
    """Register an account, or restore a deleted account with that address and password."""
    user_id, session, is_restored = services().accounts.register_by_email(
        body["email"], new_password(body["password"]), body["name"], client_address(), code=body["join_code"]
    )
    message = "已恢复账户" if is_restored else "注册成功"
    return success("Succeed", token=session_token(user_id, session), message=message)


@bp.post("/account/login")
@words({ErrorCode.USER_DELETED: (404, 1, "User deleted or not activated")})
@takes(Credentials)
@answers(
    LoggedIn,
    ErrorCode.DISABLED,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.USER_DELETED,
    ErrorCode.CREDENTIALS_WRONG,
    ErrorCode.RATE_LIMITED,
    zh="登录，用邮箱或用户名。",
)
def login(body: dict[str, Any]) -> Response:
    """Log in by e-mail address or username."""
    chat = services()
    password = given_password(body["password"])
    user_id, session = chat.accounts.log_in_telling(body["email"], password, client_address())
    return success("Succeed", token=session_token(user_id, session))


@bp.delete("/account/delete")
@signed_in
@answers(Told, ErrorCode.LAST_TEACHER, zh="注销自己的账户。")
def delete(actor: Actor) -> Response:
    """Delete the caller's account."""
    services().profiles.delete(actor)
    return success("Succeed", message="注销成功")


@bp.get("/account/info")
@signed_in
@answers(OwnProfileShown, zh="获取个人信息。")
def info(actor: Actor) -> Response:
    """Return the caller's profile."""
    own = services().profiles.own(actor)
    about = {"name": own.nickname, "email": own.email, "user_info": own.profile, "avatar": avatar(own.avatar)}
    return success("Succeed", **about, deleted=False, id=own.user_id)


@bp.put("/account/info")
@words({ErrorCode.PASSWORD_INVALID: (400, -4, "Invalid password")})
@signed_in
@takes(ProfileChanges, long=Lane.PICTURES)
@answers(
    Told,
    ErrorCode.CREDENTIALS_WRONG,
    ErrorCode.RATE_LIMITED,
    ErrorCode.EMAIL_INVALID,
    ErrorCode.NICKNAME_INVALID,
    ErrorCode.NICKNAME_TAKEN,
    ErrorCode.TEACHERS_NAME,
    ErrorCode.LOOKS_LIKE_OTHER,
    ErrorCode.NAMES_FIXED,
    ErrorCode.PASSWORD_INVALID,
    ErrorCode.USERNAME_TAKEN,
    ErrorCode.QUOTA_USED,
    ErrorCode.STORAGE_FULL,
    zh="修改个人信息；新密码会使其他登录失效。",
)
def change_info(actor: Actor, body: dict[str, Any]) -> Response:
    """Change the given fields of the profile; a new password ends all other sessions."""
    changes = Changes(
        nickname=body.get("name"),
        password=new_password(body["password"]) if "password" in body else None,
        email=body.get("email"),
        profile=body.get("user_info"),
        avatar=body.get("avatar"),
    )
    services().profiles.change(actor, given_password(body["origin_password"]), changes, client_address())
    return success("Succeed", message="修改成功")


@bp.post("/verify")
@takes(Mailbox)
@answers(CodeSent, ErrorCode.EMAIL_INVALID, ErrorCode.RATE_LIMITED, ErrorCode.MAIL_NOT_SENT, zh="向邮箱发送验证码。")
def verify(body: dict[str, Any]) -> Response:
    """Send a code to a mailbox; the answer contains it in encrypted form."""
    code = services().email_codes.send_code(body["email"], client_address())
    return success("Succeed", verify_code=hidden_code(body["email"], code), message="发送成功")


@bp.get("/csrf")
@answers(Done, zh="获取部分客户端登录前需要的 Cookie。")
def csrf() -> Response:
    """Set a cookie that some clients require before logging in. The server does not use it."""
    response = success("success")
    response.set_cookie("csrftoken", secrets.token_urlsafe(24), samesite="Lax")
    return response
