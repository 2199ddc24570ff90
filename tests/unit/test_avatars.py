"""Avatars: read in chunks, and removed with their room."""

import base64
import io
import os
from collections.abc import Iterator

import pytest
from PIL import Image
from sqlalchemy import select

from chat.errors import ChatError, ErrorCode
from chat.models import Access, Actor, Room
from chat.services import Services
from chat.services.avatars import GIVEN_MAX_CHARS, URL_PREFIX, StoredAvatar
from tests.conftest import sign_up


@pytest.fixture
def alice(services: Services) -> Actor:
    return sign_up(services, "alice")


@pytest.fixture
def room(services: Services, alice: Actor) -> int:
    return services.rooms.create_titled(alice, "club", access=Access.GROUP).id


def in_base64(side: int) -> str:
    """Transparent noise, of which even the small version does not compress."""
    buffer = io.BytesIO()
    Image.frombytes("RGBA", (side, side), os.urandom(side * side * 4)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def give(services: Services, alice: Actor, room: int, picture: str) -> str:
    """Give the room an avatar: its name."""
    services.groups.change(alice, room, None, picture)
    with services.store.read() as connection:
        text: str = connection.execute(select(Room.avatar).where(Room.id == room)).scalar_one()
    assert text.startswith(URL_PREFIX)
    return text.removeprefix(URL_PREFIX)


def begun(services: Services, name: str) -> tuple[StoredAvatar, Iterator[bytes]]:
    found = services.avatars.find(name)
    assert found is not None
    return found, services.avatars.pieces(found)


def test_a_picture_is_read_in_pieces(services: Services, alice: Actor, room: int) -> None:
    found, pieces = begun(services, give(services, alice, room, in_base64(256)))
    read = list(pieces)
    assert found.size > 2 * 64 * 1024
    assert {len(piece) for piece in read[:-1]} == {64 * 1024}
    assert sum(map(len, read)) == found.size
    with Image.open(io.BytesIO(b"".join(read))) as image:
        image.load()
        assert (image.size, found.media_type) == ((256, 256), "image/png")


def test_a_picture_replaced_meanwhile_ends_early(services: Services, alice: Actor, room: int) -> None:
    _, pieces = begun(services, give(services, alice, room, in_base64(256)))
    next(pieces)
    give(services, alice, room, in_base64(8))
    with pytest.raises(ChatError) as caught:
        next(pieces)
    assert caught.value.code is ErrorCode.FILE_NOT_FOUND


def test_the_avatar_of_a_deleted_room_is_gone_at_once(services: Services, alice: Actor, room: int) -> None:
    name = give(services, alice, room, in_base64(8))
    assert services.avatars.find(name) is not None
    services.rooms.delete(alice, room)
    assert services.avatars.find(name) is None
    services.purger.purge()
    assert services.avatars.find(name) is None


def test_a_picture_is_taken_up_to_2_mib_of_text(services: Services, alice: Actor, room: int) -> None:
    fits = in_base64(600)
    assert 1.8 * 1024 * 1024 < len(fits) < GIVEN_MAX_CHARS == 2 * 1024 * 1024
    give(services, alice, room, fits)
