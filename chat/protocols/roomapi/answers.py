"""Users, rooms and messages as this protocol shows them."""

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
    """What of a client's whereabouts shows in a message."""

    zone: tzinfo | None  # of its times; None: the server's own
    # Under which it knows this server: http://10.0.0.5:8000. "": addresses are paths, as it puts that in front itself.
    origin: str


def here(*, is_published_client: bool = False) -> Place:
    """The place of this request's client. The published one (ZUIM) puts its server's origin before each address."""
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
    # Mostly in full: front ends of this protocol come from servers of their own, and put it into <img> as it is.
    return place.origin + URL_PREFIX + stored.attachment_name


def _record(record_id: int, created_at: int, updated_at: int) -> dict[str, Any]:
    zone = _zone()
    return {
        "ID": record_id,
        "CreatedAt": to_offset_iso(created_at, zone),
        "UpdatedAt": to_offset_iso(updated_at, zone),
        "DeletedAt": None,  # what is deleted does not show
    }


def _zone() -> tzinfo | None:
    zone: tzinfo | None = current_app.config["TIMEZONE"]
    return zone
