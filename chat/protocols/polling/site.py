"""/site: the whole site, and the accounts of others as teachers manage them. Beyond the document."""

from typing import Any

from flask import Blueprint, Response, current_app, request

from chat.clock import to_iso
from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import require_one, takes
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.qr import qr_code
from chat.http.query_params import asks
from chat.lanes import Lane, enter_lane
from chat.models import Actor
from chat.protocols.polling.errors import success
from chat.protocols.polling.order import audit_answer, audit_page
from chat.protocols.polling.requests.order import SiteAuditQuery
from chat.protocols.polling.requests.site import (
    Appointment,
    Claim,
    Disabling,
    NewName,
    PeopleQuery,
    QrTexts,
    SomeUser,
    WantedSettings,
)
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.order import AuditFound
from chat.protocols.polling.responses.site import (
    Addresses,
    OneTimePassword,
    PeopleFound,
    QrCodes,
    SettingsShown,
    SiteShown,
)
from chat.services.site import SiteSettings
from startup import reachable

bp = Blueprint("polling_site", __name__, url_prefix="/site")


@bp.get("")
@answers(SiteShown, zh="站点的名称、注册方式，以及是否已有老师。")
def about() -> Response:
    """Return the public facts of the site: name, registration mode, and whether it has a teacher."""
    site = services().site
    settings = site.settings()
    shown = {"name": settings.name, "registration": settings.registration, "has_teacher": site.has_teacher()}
    return success("The site.", "站点信息。", **shown)


@bp.post("/claim")
@signed_in
@takes(Claim)
@answers(Done, ErrorCode.CLAIM_INVALID, ErrorCode.LOOKS_LIKE_OTHER, zh="凭服务器启动时显示的链接成为第一位老师。")
def claim(actor: Actor, body: dict[str, Any]) -> Response:
    """Become the first teacher, with the link that the server printed at the start."""
    services().teachers.claim(actor, body["token"])
    return success("You are this site's teacher now.", "你现在是本站点的老师。")


@bp.post("/qr")
@signed_in
@takes(QrTexts)
@answers(QrCodes, zh="将文字（如链接）转换为二维码。")
def qr(_actor: Actor, body: dict[str, Any]) -> Response:
    """Return texts, such as links, as QR codes to draw."""
    enter_lane(Lane.LONG)
    codes = [dict(zip(("size", "path"), qr_code(text), strict=True)) for text in body["texts"]]
    return success(f"{len(codes)} codes.", f"{len(codes)} 个二维码。", codes=codes)


@bp.get("/addresses")
@signed_in
@answers(Addresses, zh="同一网络中的其他人可用的地址。")
def addresses(_actor: Actor) -> Response:
    """Return the addresses by which others on the network reach this page, best first."""
    found = reachable(request.host_url.rstrip("/"), current_app.config["HOST"])
    return success(found[0], found[0], addresses=found)


@bp.get("/settings")
@signed_in
@answers(SettingsShown, ErrorCode.NOT_TEACHER, zh="站点设置（仅限老师）。")
def settings(actor: Actor) -> Response:
    """The site's settings, for teachers."""
    return _settings(services().site.settings_for(actor))


@bp.post("/settings")
@signed_in
@takes(WantedSettings)
@answers(SettingsShown, ErrorCode.NOT_TEACHER, ErrorCode.SETTINGS_CHANGED, zh="修改站点设置（仅限老师）。")
def change_settings(actor: Actor, body: dict[str, Any]) -> Response:
    """Change the site's settings: those that are given, all or none. For teachers."""
    version, new_code = body.pop("version"), body.pop("new_code")
    return _settings(services().site.change(actor, version, body, new_code=new_code))


@bp.get("/people")
@signed_in
@asks(PeopleQuery)
@answers(PeopleFound, ErrorCode.NOT_TEACHER, zh="所有账号（仅限老师）。")
def people(actor: Actor, query: dict[str, Any]) -> Response:
    """All accounts, oldest first, for teachers."""
    teachers, page = services().teachers, page_of(query)
    found = teachers.people(actor, page)
    shown = [
        {
            "username": person.username,
            "nickname": person.nickname,
            "id": person.user_id,
            "email": person.email,
            "teacher": person.is_teacher,
            "disabled": person.is_disabled,
            "must_change_password": person.must_change_password,
            "online": person.is_online,
            "created": to_iso(person.created_at),
        }
        for person in found
    ]
    more = next_of(page, found, shown)
    return success(f"{len(shown)} people.", f"共 {len(shown)} 人。", people=shown, total=teachers.count(actor), **more)


@bp.post("/people/reset_password")
@signed_in
@takes(SomeUser)
@answers(OneTimePassword, ErrorCode.NOT_TEACHER, ErrorCode.USER_NOT_FOUND, zh="为用户设置一次性密码（仅限老师）。")
def reset_password(actor: Actor, body: dict[str, Any]) -> Response:
    """Set a one-time password for a user; their sessions end. For teachers."""
    password = services().teachers.reset_password(actor, body["user"])
    return success("Give them this password.", "请将此密码告知本人。", user=body["user"], password=password)


@bp.post("/people/disable")
@signed_in
@takes(Disabling)
@answers(
    Done,
    ErrorCode.NOT_TEACHER,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.SELF_MEANT,
    ErrorCode.LAST_TEACHER,
    zh="停用或恢复账号（仅限老师）。",
)
def disable(actor: Actor, body: dict[str, Any]) -> Response:
    """Disable or enable an account. For teachers."""
    services().teachers.set_disabled(actor, body["user"], is_disabled=body["disabled"])
    if body["disabled"]:
        return success("Account disabled.", "账号已停用。")
    return success("Account enabled.", "账号已恢复。")


@bp.post("/people/teacher")
@signed_in
@takes(Appointment)
@answers(
    Done,
    ErrorCode.NOT_TEACHER,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.LAST_TEACHER,
    ErrorCode.LOOKS_LIKE_OTHER,
    ErrorCode.TEACHERS_NAME,
    zh="设为老师或取消（仅限老师）。",
)
def appoint(actor: Actor, body: dict[str, Any]) -> Response:
    """Appoint or dismiss a teacher. For teachers."""
    services().teachers.appoint(actor, body["user"], is_teacher=body["teacher"])
    if body["teacher"]:
        return success("Made a teacher.", "已设为老师。")
    return success("No longer a teacher.", "已取消老师身份。")


@bp.post("/people/rename")
@signed_in
@takes(NewName)
@answers(
    Done,
    ErrorCode.NOT_TEACHER,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.USERNAME_INVALID,
    ErrorCode.USERNAME_TAKEN,
    ErrorCode.NICKNAME_TAKEN,
    ErrorCode.TEACHERS_NAME,
    ErrorCode.LOOKS_LIKE_OTHER,
    zh="修改用户名或昵称（仅限老师）。",
)
def rename(actor: Actor, body: dict[str, Any]) -> Response:
    """Change a user's username or nickname. For teachers."""
    require_one(body, "username", "nickname")
    if services().teachers.rename(actor, body["user"], body["username"], body["nickname"]):
        return success("Renamed.", "已改名。")
    return success("They have that name already.", "名称未变。")


@bp.post("/people/delete")
@signed_in
@takes(SomeUser)
@answers(
    Done,
    ErrorCode.NOT_TEACHER,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.SELF_MEANT,
    ErrorCode.LAST_TEACHER,
    zh="删除账号，无法恢复（仅限老师）。",
)
def delete(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete an account permanently. For teachers."""
    services().teachers.delete(actor, body["user"])
    return success("Account deleted.", "账号已删除。")


@bp.get("/audit")
@signed_in
@asks(SiteAuditQuery)
@answers(AuditFound, ErrorCode.NOT_TEACHER, zh="全站的操作记录（仅限老师）。")
def audit(actor: Actor, query: dict[str, Any]) -> Response:
    """The audit log of the whole site, newest first, without private rooms. For teachers."""
    page = audit_page(query)
    return audit_answer(page, services().audit.of_site(actor, page))


def _settings(found: SiteSettings) -> Response:
    shown = {
        "version": found.version,
        "name": found.name,
        "registration": found.registration,
        "code": found.code,
        "pupils_make_rooms": found.pupils_make_rooms,
        "private_rooms": found.private_rooms,
        "direct_conversations": found.direct_conversations,
        "keep_days": found.keep_days,
        "slow_mode": found.slow_mode,
        "pupils_change_names": found.pupils_change_names,
    }
    return success("The settings.", "站点设置。", **shown)
