import io
import random

import pytest
from PIL import Image

from chat.errors import ChatError, ErrorCode
from chat.services import Services
from chat.services.attachments import CHUNK_BYTES
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.database import statement_texts
from tests.pictures import noise, picture


def test_bytes_come_back_whole_over_several_chunks(services: Services) -> None:
    alice = sign_up(services, "alice")
    data = noise(900_000)
    message = services.messages.send(alice, "public", Draft(image=data))
    assert message.attachment_size == len(data)
    loaded = services.attachments.load(message.attachment_name or "")
    assert loaded is not None
    assert (loaded.data, loaded.media_type) == (data, "image/png")
    assert services.attachments.load("nothing of that name") is None


def test_a_part_is_read_without_the_chunks_before_it(services: Services) -> None:
    alice = sign_up(services, "alice")
    data = noise(900_000)
    sent = services.messages.send(alice, "public", Draft(image=data))
    found = services.attachments.find(sent.attachment_name or "")
    assert found is not None
    pieces = services.attachments.pieces(found)
    for start in (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, len(data) - 1):
        assert b"".join(pieces.from_byte(start)) == data[start:], start
    with statement_texts(services) as statements:
        assert b"".join(pieces.from_byte(len(data) - 1)) == data[-1:]
    assert len(statements) == 2  # the sizes, and the last chunk
    services.changes.delete(alice, sent.id)
    with pytest.raises(ChatError) as caught:
        list(pieces.from_byte(5))
    assert caught.value.code is ErrorCode.FILE_NOT_FOUND


def test_damaged_pictures_are_refused_or_taken_but_never_a_fault(services: Services) -> None:
    rng = random.Random(7)
    refused = []
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        whole = picture(kind, size=(20, 20))
        for _ in range(150):
            data = bytearray(whole[: rng.randrange(1, len(whole) + 1)])
            for _ in range(rng.randrange(0, 4)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                services.attachments.picture(bytes(data))
            except ChatError as error:
                refused.append(error.code)
    assert set(refused) == {ErrorCode.IMAGE_INVALID}
    assert len(refused) > 100


def test_too_many_bytes(services: Services) -> None:
    with pytest.raises(ChatError) as caught:
        services.attachments.picture(b"\x89PNG" + bytes(5 * 1024 * 1024))
    assert caught.value.code is ErrorCode.IMAGE_TOO_LARGE
    with pytest.raises(ChatError) as caught:
        services.attachments.picture("A" * (8 * 1024 * 1024))
    assert caught.value.code is ErrorCode.IMAGE_TOO_LARGE


def test_a_phones_jpeg_with_further_pictures_behind_it(services: Services) -> None:
    buffer = io.BytesIO()
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    assert services.attachments.picture(buffer.getvalue()).media_type == "image/jpeg"
