"""Pictures are delivered without location and author in every protocol."""

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.contract.clients import HttpTransport, Transport
from tests.contract.conftest import CLIENTS, Meet
from tests.pictures import SECRET, laden
from tests.real_server import Server

SENDERS = [kind for kind in CLIENTS if "show" in kind.can]


@pytest.fixture(scope="module")
def live(serve: Callable[..., Server]) -> Server:
    return serve()


@pytest.fixture
def connect(live: Server) -> Callable[[], Transport]:
    """All tests to one server: starting it, and its decoder, takes longer than a test."""
    return lambda: HttpTransport(live.url, live.tcp_port)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("sender", SENDERS, ids=[each.protocol for each in SENDERS])
def test_others_get_the_picture_without_metadata(meet: Meet, sender: Any, kind: str) -> None:
    person, data = meet(sender, f"alice-{sender.protocol}-{kind}"), laden(kind)
    assert SECRET[:11] in data
    person.show("public", data)
    (heard,) = meet(SENDERS[0], f"bob-{sender.protocol}-{kind}").hear("public", timeout=10)[-1:]
    shown = base64.b64decode(heard.content) if isinstance(heard.content, str) else heard.content
    assert SECRET[:11] not in shown
    image = Image.open(io.BytesIO(shown))
    image.load()
    assert (image.format, image.size, getattr(image, "n_frames", 1)) == (kind, (40, 30), 1 if kind == "JPEG" else 3)
    assert image.getexif().get(0x0112) == (None if kind == "GIF" else 6)
