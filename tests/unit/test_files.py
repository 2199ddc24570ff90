"""Files as a service: permissions, removal of incomplete uploads, and files in other protocols."""

import pytest
from sqlalchemy import func, select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Attachment, AttachmentChunk, MessageType
from chat.protocols.tcp import render
from chat.services import Services
from chat.services.files import LEASE
from tests.conftest import FakeClock, sign_up


def stored(services: Services) -> tuple[int, int]:
    with services.store.read() as connection:
        files = connection.execute(select(func.count()).select_from(Attachment)).scalar_one()
        return files, connection.execute(select(func.count()).select_from(AttachmentChunk)).scalar_one()


def test_a_file_is_a_message_once_it_is_whole(services: Services) -> None:
    alice = sign_up(services, "alice")
    upload = services.files.begin(alice, "public", "a.txt", 6)
    services.files.add(upload, b"abc")
    assert services.messages.history(alice, "public", None, 10) == []
    assert services.files.listed(alice, "public")[1] == []
    with pytest.raises(ChatError, match="FILE_NOT_FOUND"):
        services.files.named(upload.attached.name)
    services.files.add(upload, b"def")
    sent = services.files.finish(alice, upload)
    (read,) = services.messages.history(alice, "public", None, 10)
    assert read == sent
    assert (read.type, read.filename, read.attachment_size) == (MessageType.FILE, "a.txt", 6)
    assert b"".join(services.files.pieces(services.files.find(alice, read.attachment_id or 0))) == b"abcdef"


def test_incomplete_uploads_are_removed(services: Services, clock: FakeClock) -> None:
    alice = sign_up(services, "alice")
    done = services.files.begin(alice, "public", "done", 3)
    services.files.add(done, b"abc")
    services.files.finish(alice, done)
    left, coming = (services.files.begin(alice, "public", name, 9) for name in ("left", "coming"))
    services.files.add(left, b"abc")
    clock.advance(LEASE / 1e6 - 1)
    services.files.add(coming, b"abc")
    services.files.purge()
    assert stored(services) == (3, 3)
    clock.advance(2)
    services.files.purge()
    assert stored(services) == (2, 2), "the others are whole, or still come"
    with pytest.raises(ChatError, match="FILE_NOT_FOUND"):
        services.files.add(left, b"def")
    with pytest.raises(ChatError, match="FILE_NOT_FOUND"):
        services.files.finish(alice, left)
    services.files.abandon(coming)
    assert stored(services) == (1, 1)


def test_files_are_for_members(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    services.rooms.create(alice, "club")
    upload = services.files.begin(alice, "club", "f", 1)
    services.files.add(upload, b"x")
    file_id = services.files.finish(alice, upload).attachment_id or 0
    for attempt in (
        lambda: services.files.begin(bob, "club", "f", 1),
        lambda: services.files.listed(bob, "club"),
        lambda: services.files.find(bob, file_id),
    ):
        with pytest.raises(ChatError) as failure:
            attempt()
        assert failure.value.code in {ErrorCode.ROOM_NOT_FOUND, ErrorCode.FILE_NOT_FOUND}
    services.rooms.delete(alice, "club")
    with pytest.raises(ChatError, match="FILE_NOT_FOUND"):
        services.files.find(alice, file_id)
    with pytest.raises(ChatError, match="FILE_NOT_FOUND"):
        services.files.named(upload.attached.name)


def test_a_room_with_members_is_made_whole_or_not_at_all(services: Services) -> None:
    alice, bob = sign_up(services, "alice"), sign_up(services, "bob")
    with pytest.raises(ChatError, match="USER_NOT_FOUND"):
        services.rooms.create(alice, "club", members=["bob", "nobody"])
    room_id = services.rooms.create(alice, "club", members=["bob", "BOB", "alice"])
    members = services.memberships.members(bob, room_id)
    assert [(each.username, each.role) for each in members] == [("alice", "owner"), ("bob", "member")]


def test_a_direct_conversation_is_a_private_chat(services: Services) -> None:
    alice = sign_up(services, "alice")
    sign_up(services, "bob")
    direct = services.rooms.create_titled(alice, "alice, bob", access=Access.DIRECT, members=["bob"])
    assert render.group(direct, None)["is_private_chat"]
    assert not render.group(services.rooms.view(alice, "public"), None)["is_private_chat"]
