"""Representation of users, rooms and messages in this protocol."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from flask import current_app, request

from chat.clock import to_local, to_offset_iso
from chat.models import StoredMessage
from chat.services.accounts import Profile
from chat.services.attachments import URL_PREFIX
from chat.services.memberships import MemberView
from chat.services.room_views import RoomView


@dataclass(frozen=True, slots=True)
class Place:
    """The client's time zone and origin, as far as they affect messages."""

    zone: tzinfo | None  # for timestamps; None: the server's own
    # The client's URL of this server, such as http://10.0.0.5:8000. "": addresses are paths, and the client adds the
    # origin.
    origin: str


def here(*, is_published_client: bool = False) -> Place:
    """Return the Place of the current request. The published client (ZUIM) prefixes addresses with its
    server's origin.
    """
    return Place(_zone(), request.host_url.rstrip("/") if request.host and not is_published_client else "")


def user(profile: Profile) -> dict[str, Any]:
    return {"ID": profile.user_id, "username": profile.username}


def room(view: RoomView) -> dict[str, Any]:
    return {**_record(view.id, view.created_at, view.updated_at), "name": view.title, "description": view.description}


def member(view: MemberView) -> dict[str, Any]:
    return {**_record(view.user_id, view.created_at, view.updated_at), "username": view.username}


def message(stored: StoredMessage, place: Place) -> dict[str, Any]:
    return {
        "ID": stored.id,
        "send_time": to_local(stored.time, place.zone),
        "room_id": stored.room_id,
        "sender_id": stored.sender_id,
        "sender_name": stored.username,
        "type": stored.type,
        "content": _content(stored, place),
    }


def _content(stored: StoredMessage, place: Place) -> str:
    if stored.attachment_name is None:
        return stored.content
    # A full URL in most cases: front ends usually come from another server, and use it in <img> unchanged.
    return place.origin + URL_PREFIX + stored.attachment_name


def _record(record_id: int, created_at: int, updated_at: int) -> dict[str, Any]:
    zone = _zone()
    return {
        "ID": record_id,
        "CreatedAt": to_offset_iso(created_at, zone),
        "UpdatedAt": to_offset_iso(updated_at, zone),
        "DeletedAt": None,  # deleted messages are not shown
    }


def _zone() -> tzinfo | None:
    zone: tzinfo | None = current_app.config["TIMEZONE"]
    return zone
