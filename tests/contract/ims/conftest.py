"""The world is created once per process; each test has its own copy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from app import create_app
from tests.conftest import services_of, settings_at
from tests.contract.ims.world import World
from tests.databases import Databases
from tests.hashing import cheapen
from tests.real_server import free_port


class Mailboxes:
    """A mail server that stores its mail; it refuses refused@…"""

    def __init__(self) -> None:
        self.received: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received.append(envelope)
        return "250 OK"


@pytest.fixture(scope="session")
def mail_server() -> Iterator[tuple[str, Mailboxes]]:
    """A mail server's URL, and its mailboxes."""
    boxes = Mailboxes()
    controller = Controller(boxes, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield f"smtp://127.0.0.1:{controller.port}", boxes
    controller.stop()


@pytest.fixture
def mail(mail_server: tuple[str, Mailboxes]) -> tuple[str, Mailboxes]:
    """The mail server, with no mail yet."""
    mail_server[1].received.clear()
    return mail_server


@pytest.fixture(scope="session")
def built(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world and its database."""
    home = tmp_path_factory.mktemp("world")
    databases.fill(home)
    with pytest.MonkeyPatch.context() as patch:
        cheapen(patch.setattr)
        app = create_app(settings_at(home, rate_limits=False))
        world = World(app)
        world.build()
    services_of(app).close()
    services_of(app).store.dispose()
    return world


@pytest.fixture
def home(tmp_path: Path, databases: Databases, built: World) -> Iterator[Path]:
    """Instead of the empty database: the world's."""
    folder = tmp_path / "instance"
    folder.mkdir()
    databases.fill(folder, like=Path(built.app.instance_path))
    yield folder
    databases.drop(folder)


@pytest.fixture
def app(make_app: Callable[..., Flask], mail: tuple[str, Mailboxes]) -> Flask:
    return make_app(smtp_url=mail[0])


@pytest.fixture
def w(app: Flask, built: World) -> World:
    """The test's own copy of the world."""
    return World(app, built.tokens, built.ids)
