"""A link that tests cut, in front of a server."""

import contextlib
import socket
import threading
from collections.abc import Callable


class Relay:
    """TCP in front of a server: passes on, swallows, or refuses."""

    def __init__(self, server: str | tuple[str, int]) -> None:
        """server: the path of a Unix socket, or an address."""
        self._server = server
        self._clients: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._passes = threading.Event()
        self._passes.set()
        self.port = 0
        self.open()

    def open(self) -> None:
        """Take connections."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener)

    def refuse(self) -> None:
        """End all connections and take no more, as a server that has stopped."""
        _shut(self._listener)
        for client in list(self._clients):
            _shut(client)

    def swallow(self) -> None:
        """Take everything and answer nothing, as a host that is paused."""
        self._passes.clear()

    def pass_on(self) -> None:
        self._passes.set()

    def stop(self) -> None:
        self.pass_on()
        self.refuse()
        for thread in self._threads:
            thread.join()

    def _start(self, job: Callable[..., None], *args: object) -> None:
        self._threads.append(threading.Thread(target=job, args=args))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        with listener, contextlib.suppress(OSError):
            while True:
                self._start(self._relay, listener.accept()[0])

    def _relay(self, client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET
        with client, socket.socket(family) as server:
            self._clients.add(client)
            self._passes.wait()
            with contextlib.suppress(OSError):  # the server is away, and the client is told by the end of this
                server.connect(self._server)
                back = threading.Thread(target=self._copy, args=(server, client))
                back.start()
                self._copy(client, server)
                back.join()
            self._clients.discard(client)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._passes.wait()
                target.sendall(data)
        _shut(source)
        _shut(target)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
