"""User search, friend requests, and the friend list."""

from typing import Any

from flask import Blueprint, Response

from chat.clock import to_whole_iso
from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.models import Actor
from chat.protocols.ims.errors import success, words
from chat.protocols.ims.render import avatar, person
from chat.protocols.ims.requests import FriendRequest, ListOf, RequestAnswer, Search, SomeFriend, SomeUser
from chat.protocols.ims.responses import FriendFound, FriendsFound, PeopleFound, PersonFound, RequestsFound, Told
from chat.services.friends import RequestView

bp = Blueprint("ims_friends", __name__)
GREETING = "我已经同意你的好友请求，可以开始聊天了"


@bp.get("/search_user")
@signed_in
@asks(Search, body=Body.YIELDS)
@answers(PeopleFound, zh="按昵称的一部分查找用户。")
def search(actor: Actor, query: dict[str, Any]) -> Response:
    """Find users by a part of their name."""
    found = services().user_directory.search(actor, query["query_name"])
    results = [
        {
            "user_id": each.person.user_id,
            "name": each.person.nickname,
            "email": each.person.email,
            "avatar": avatar(each.person.avatar),
            "is_friend": each.is_friend,
            "deleted": each.person.is_deleted,
        }
        for each in found
    ]
    return success("success", results=results)


@bp.get("/search_user_detail")
@signed_in
@asks(SomeUser, body=Body.YIELDS)
@answers(PersonFound, ErrorCode.USER_NOT_FOUND, zh="查看一位用户。")
def detail(actor: Actor, query: dict[str, Any]) -> Response:
    """Return one user."""
    found = services().user_directory.find(actor, query["user_id"])
    about = {"name": found.person.nickname, "email": found.person.email, "avatar": avatar(found.person.avatar)}
    return success("success", user={**about, "is_friend": found.is_friend})


@bp.post("/add_friend")
@words(
    {
        ErrorCode.USER_NOT_FOUND: (404, -1, "User not found or deleted"),
        ErrorCode.SELF_MEANT: (403, -6, "Can not add yourself as friend"),
    }
)
@signed_in
@takes(FriendRequest)
@answers(
    Told,
    ErrorCode.USER_NOT_FOUND,
    ErrorCode.SELF_MEANT,
    ErrorCode.ALREADY_FRIENDS,
    ErrorCode.REQUEST_PENDING,
    ErrorCode.TOO_MANY,
    ErrorCode.RATE_LIMITED,
    zh="申请成为好友。",
)
def request_friend(actor: Actor, body: dict[str, Any]) -> Response:
    """Send a friend request."""
    services().friends.request(actor, body["target_id"], body["message"])
    return success("success", message="申请成功")


@bp.get("/friend_requests")
@signed_in
@asks(ListOf, body=Body.YIELDS)
@answers(RequestsFound, zh="收到的好友申请，最新的在前。")
def requests(actor: Actor, query: dict[str, Any]) -> Response:
    """List the requests received by the caller, newest first."""
    page = page_of(query)
    found = services().friends.requests(actor, page)
    shown = [_request(actor, each) for each in found]
    more = next_of(page, found, shown)
    return success("success", requests=shown, **more)


@bp.post("/friend_request_handle")
@signed_in
@takes(RequestAnswer)
@answers(
    Told,
    ErrorCode.USER_DELETED,
    ErrorCode.REQUEST_NOT_FOUND,
    ErrorCode.ALREADY_FRIENDS,
    ErrorCode.DIRECTS_OFF,
    zh="同意好友申请。",
)
def accept(actor: Actor, body: dict[str, Any]) -> Response:
    """Accept a friend request."""
    services().friends.accept(actor, body["sender_user_id"], body["receiver_user_id"], GREETING)
    return success("success", message="已接受该好友申请")


@bp.delete("/friend_request_handle")
@signed_in
@takes(RequestAnswer)
@answers(Told, ErrorCode.USER_DELETED, ErrorCode.REQUEST_NOT_FOUND, ErrorCode.ALREADY_FRIENDS, zh="拒绝好友申请。")
def refuse(actor: Actor, body: dict[str, Any]) -> Response:
    """Refuse a friend request."""
    services().friends.refuse(actor, body["sender_user_id"], body["receiver_user_id"])
    return success("success", message="已拒绝该好友申请")


@bp.get("/friends")
@signed_in
@asks(ListOf, body=Body.YIELDS)
@answers(FriendsFound, zh="好友列表。")
def friends(actor: Actor, query: dict[str, Any]) -> Response:
    """List the caller's friends, longest-standing first."""
    page = page_of(query)
    found = services().friends.all(actor, page)
    shown = [person(each) for each in found]
    more = next_of(page, found, shown)
    return success("success", friends=shown, **more)


@bp.get("/manage_friends")
@signed_in
@asks(SomeFriend, body=Body.YIELDS)
@answers(FriendFound, ErrorCode.USER_NOT_FOUND, ErrorCode.FRIEND_NOT_FOUND, zh="查看好友，以及其所在分组。")
def friend(actor: Actor, query: dict[str, Any]) -> Response:
    """Return one friend, and the caller's groups that contain them."""
    found = services().friends.find(actor, query["friend_id"])
    groups = [{"id": group_id, "name": name} for group_id, name in found.groups]
    return success("success", **person(found.person), user_info=found.profile, groups=groups)


@bp.delete("/manage_friends")
@words({ErrorCode.NOT_FRIENDS: (404, -3, "Already not friend")})
@signed_in
@takes(SomeFriend)
@answers(Told, ErrorCode.USER_NOT_FOUND, ErrorCode.FRIEND_NOT_FOUND, ErrorCode.NOT_FRIENDS, zh="删除好友。")
def remove(actor: Actor, body: dict[str, Any]) -> Response:
    """End a friendship."""
    services().friends.remove(actor, body["friend_id"])
    return success("success", message="删除好友成功")


def _request(actor: Actor, request: RequestView) -> dict[str, Any]:
    return {
        "sender_user_id": request.sender.user_id,
        "receiver_user_id": actor.user_id,
        "user_email": request.sender.email,
        "user_name": request.sender.nickname,
        "avatar": avatar(request.sender.avatar),
        "message": request.message,
        "created_at": to_whole_iso(request.created_at),
        "status": request.status,
    }
