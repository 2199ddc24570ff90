"""Where the machine runs: two servers over one database, in this process or as real gunicorns."""

import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from flask import Flask

from app import create_app
from chat.ports import Bus, Store
from tests.conftest import FakeClock, services_of, settings_at
from tests.contract.clients import FlaskTransport, HttpTransport, PollingClient, Transport
from tests.database import bus_of
from tests.databases import Databases
from tests.real_server import Server

SERVERS = (0, 1)


class World(Protocol):
    def transport(self, server: int) -> Transport:
        """A new way to that server, with cookies and a connection of its own."""
        ...

    def token(self, person: str) -> str:
        """Return a session of that person, registering them once."""
        ...

    def new_room(self) -> str:
        """A name that no example has used yet."""
        ...

    def settle(self) -> None:
        """Make each server read the events of the other."""
        ...

    def end(self) -> None:
        """An example is over."""
        ...


class _Registered:
    """A token of each person, from the first server."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._rooms = 0

    def token(self, person: str) -> str:
        if person not in self._tokens:
            client = PollingClient(self.transport(0))
            reply = client.call("POST", "/user/register", {"username": person, "password": "secret1"})
            self._tokens[person] = reply.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
        return self._tokens[person]

    def new_room(self) -> str:
        self._rooms += 1
        return f"room {self._rooms}"

    def transport(self, server: int) -> Transport:
        raise NotImplementedError


class InProcess(_Registered):
    """Flask's test client and a clock that jumps. Lives for one example. Servers read each other's
    events when told to.
    """

    def __init__(self, databases: Databases, kind: str) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self._databases = databases
        databases.fill(self.home, kind)
        self.clock = FakeClock()
        self.apps: dict[int, Flask] = {}
        self.buses: dict[int, Bus] = {}
        self._stores: list[Store] = []  # of stopped servers too: their last pulls may still be reading
        for server in SERVERS:
            self._start(server)

    def transport(self, server: int) -> Transport:
        return FlaskTransport(self.apps[server])

    def hear(self, server: int) -> None:
        self.buses[server].read_events()

    def settle(self) -> None:
        for server in SERVERS:
            self.hear(server)

    def restart(self, server: int) -> None:
        services_of(self.apps[server]).close()
        self._start(server)

    def end(self) -> None:
        for app in self.apps.values():
            services_of(app).close()
        for store in self._stores:
            store.dispose()
        self._databases.drop(self.home)
        shutil.rmtree(self.home)

    def _start(self, server: int) -> None:
        settings = settings_at(self.home, rate_limits=False, session_hours=8000)
        self.apps[server] = create_app(settings, self.clock)
        services = services_of(self.apps[server])
        self._stores.append(services.store)
        services.rooms.ensure_lobby()
        services.is_started = True  # events of the other server are read by hear(), not by a thread
        self.buses[server] = bus_of(services)
        self.hear(server)


class Live(_Registered):
    """Two gunicorns with LiveWorker. Live for all examples: starting them takes longer than running one."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._servers = [Server(home, env={"CHAT_RATE_LIMITS": "off"}) for _ in SERVERS]
        self._transports: list[HttpTransport] = []

    def start(self) -> None:
        for server in self._servers:
            server.start()

    def transport(self, server: int) -> Transport:
        made = HttpTransport(self._servers[server].url)
        self._transports.append(made)
        return made

    def settle(self) -> None:
        """The servers read each other's events by themselves."""

    def restart(self, server: int, *, kill: bool) -> None:
        if kill:
            self._servers[server].kill()
        else:
            assert self._servers[server].stop() == 0
        self._servers[server].start()

    def end(self) -> None:
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def close(self) -> None:
        for server in self._servers:
            server.kill()
