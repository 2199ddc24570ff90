"""Finding people, asking them to be friends, and the friends one has."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import ErrorCode
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.models import Actor
from chat.protocols.ims.answers import person, seconds
from chat.protocols.ims.errors import success, words
from chat.protocols.ims.parameters import asks
from chat.protocols.ims.schemas import FriendRequest, RequestAnswer, Search, SomeFriend, SomeUser
from chat.services.friends import RequestView

bp = Blueprint("ims_friends", __name__)
GREETING = "我已经同意你的好友请求，可以开始聊天了"


@bp.get("/search_user")
@signed_in
@asks(Search)
def search(actor: Actor, query: dict[str, Any]) -> Response:
    """Users by a part of their name."""
    found = services().people.search(actor, query["query_name"])
    results = [
        {
            "user_id": each.person.user_id,
            "name": each.person.nickname,
            "email": each.person.email,
            "avatar": each.person.avatar,
            "is_friend": each.is_friend,
            "deleted": each.person.is_deleted,
        }
        for each in found
    ]
    return success("success", results=results)


@bp.get("/search_user_detail")
@signed_in
@asks(SomeUser)
def detail(actor: Actor, query: dict[str, Any]) -> Response:
    """One user."""
    found = services().people.find(actor, query["user_id"])
    about = {"name": found.person.nickname, "email": found.person.email, "avatar": found.person.avatar}
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
def request_friend(actor: Actor, body: dict[str, Any]) -> Response:
    """Ask somebody to be friends."""
    services().friends.request(actor, body["target_id"], body["message"])
    return success("success", message="申请成功")


@bp.get("/friend_requests")
@signed_in
def requests(actor: Actor) -> Response:
    """The requests one has received, newest first."""
    found = services().friends.requests(actor)
    return success("success", requests=[_request(actor, each) for each in found])


@bp.post("/friend_request_handle")
@signed_in
@takes(RequestAnswer)
def accept(actor: Actor, body: dict[str, Any]) -> Response:
    """Become friends."""
    services().friends.accept(actor, body["sender_user_id"], body["receiver_user_id"], GREETING)
    return success("success", message="已接受该好友申请")


@bp.delete("/friend_request_handle")
@signed_in
@takes(RequestAnswer)
def refuse(actor: Actor, body: dict[str, Any]) -> Response:
    """Refuse to be friends."""
    services().friends.refuse(actor, body["sender_user_id"], body["receiver_user_id"])
    return success("success", message="已拒绝该好友申请")


@bp.get("/friends")
@signed_in
def friends(actor: Actor) -> Response:
    """One's friends, longest-standing first."""
    return success("success", friends=[person(each) for each in services().friends.all(actor)])


@bp.get("/manage_friends")
@signed_in
@asks(SomeFriend)
def friend(actor: Actor, query: dict[str, Any]) -> Response:
    """One friend, and the groups one has them in."""
    found = services().friends.find(actor, query["friend_id"])
    groups = [{"id": group_id, "name": name} for group_id, name in found.groups]
    return success("success", **person(found.person), user_info=found.profile, groups=groups)


@bp.delete("/manage_friends")
@words({ErrorCode.NOT_FRIENDS: (404, -3, "Already not friend")})
@signed_in
@takes(SomeFriend)
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
        "avatar": request.sender.avatar,
        "message": request.message,
        "created_at": seconds(request.created_at),
        "status": request.status,
    }
