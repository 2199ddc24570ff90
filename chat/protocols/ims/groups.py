"""/groups: the caller's private groups of friends."""

from typing import Any

from flask import Blueprint, Response

from chat.errors import ErrorCode
from chat.http.api_spec import answers
from chat.http.auth import signed_in
from chat.http.bodies import takes
from chat.http.context import services
from chat.http.paging_params import next_of, page_of
from chat.http.query_params import Body, asks
from chat.models import Actor
from chat.protocols.ims.errors import success, words
from chat.protocols.ims.render import person
from chat.protocols.ims.requests import (
    FriendGroupEntry,
    FriendGroupName,
    ListFriendGroup,
    ListOf,
    NewFriendGroup,
    SomeFriendGroup,
)
from chat.protocols.ims.responses import FriendGroupFound, FriendGroupMembers, FriendGroupsFound, Told

bp = Blueprint("ims_groups", __name__, url_prefix="/groups")
_NO_GROUP = (404, -3, "Group not found")


@bp.get("")
@signed_in
@asks(ListOf, body=Body.YIELDS)
@answers(FriendGroupsFound, zh="好友分组列表。")
def groups(actor: Actor, query: dict[str, Any]) -> Response:
    """List the caller's groups, oldest first."""
    page = page_of(query)
    found = services().friend_groups.all(actor, page)
    shown = [{"id": group_id, "name": name} for group_id, name in found]
    more = next_of(page, found, shown)
    return success("success", groups=shown, **more)


@bp.post("")
@signed_in
@takes(NewFriendGroup)
@answers(Told, ErrorCode.FRIEND_GROUP_TAKEN, ErrorCode.TOO_MANY, zh="创建分组。")
def create(actor: Actor, body: dict[str, Any]) -> Response:
    """Create a group."""
    services().friend_groups.create(actor, body["name"])
    return success("success", message="分组创建成功")


@bp.get("/manage_groups")
@signed_in
@asks(SomeFriendGroup, body=Body.YIELDS)
@answers(FriendGroupFound, ErrorCode.FRIEND_GROUP_NOT_FOUND, zh="查看分组及其成员。")
def group(actor: Actor, query: dict[str, Any]) -> Response:
    """Return one group with its members."""
    name, members = services().friend_groups.members(actor, query["group_id"])
    shown = {"id": query["group_id"], "name": name, "members": [person(each) for each in members]}
    return success("success", group=shown)


@bp.put("/manage_groups")
@words({ErrorCode.FRIEND_GROUP_TAKEN: (409, -1, "Name already exists")})
@signed_in
@takes(FriendGroupName)
@answers(Told, ErrorCode.FRIEND_GROUP_NOT_FOUND, ErrorCode.FRIEND_GROUP_TAKEN, zh="修改分组名称。")
def rename(actor: Actor, body: dict[str, Any]) -> Response:
    """Rename a group."""
    services().friend_groups.rename(actor, body["group_id"], body["new_name"])
    return success("success", message="修改分组名称成功")


@bp.delete("/manage_groups")
@signed_in
@takes(SomeFriendGroup)
@answers(Told, ErrorCode.FRIEND_GROUP_NOT_FOUND, zh="删除分组。")
def delete(actor: Actor, body: dict[str, Any]) -> Response:
    """Delete a group."""
    services().friend_groups.delete(actor, body["group_id"])
    return success("success", message="删除分组成功")


@bp.get("/members")
@signed_in
@asks(ListFriendGroup, body=Body.YIELDS)
@answers(FriendGroupMembers, ErrorCode.FRIEND_GROUP_NOT_FOUND, zh="分组成员列表。")
def members(actor: Actor, query: dict[str, Any]) -> Response:
    """List the members of a group."""
    page = page_of(query)
    _, found = services().friend_groups.members(actor, query["group_id"], page)
    shown = [person(each) for each in found]
    more = next_of(page, found, shown)
    return success("success", members=shown, **more)


@bp.post("/members")
@words(
    {
        ErrorCode.FRIEND_GROUP_NOT_FOUND: _NO_GROUP,
        ErrorCode.NOT_FRIENDS: (404, -1, "Member is not friend"),
    }
)
@signed_in
@takes(FriendGroupEntry)
@answers(
    Told, ErrorCode.FRIEND_GROUP_NOT_FOUND, ErrorCode.NOT_FRIENDS, ErrorCode.IN_FRIEND_GROUP, zh="将好友加入分组。"
)
def add(actor: Actor, body: dict[str, Any]) -> Response:
    """Add a friend to a group."""
    services().friend_groups.add(actor, body["group_id"], body["member_id"])
    return success("success", message="添加分组成员成功")


@bp.delete("/members")
@words({ErrorCode.FRIEND_GROUP_NOT_FOUND: _NO_GROUP})
@signed_in
@takes(FriendGroupEntry)
@answers(Told, ErrorCode.FRIEND_GROUP_NOT_FOUND, ErrorCode.NOT_IN_FRIEND_GROUP, zh="将好友移出分组。")
def remove(actor: Actor, body: dict[str, Any]) -> Response:
    """Remove a friend from a group."""
    services().friend_groups.remove(actor, body["group_id"], body["member_id"])
    return success("success", message="删除分组成员成功")
