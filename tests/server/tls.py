"""The server behind TLS, by gunicorn's certfile and keyfile, and clients for it."""

from pathlib import Path

from tests.raw import Talk
from tests.real_server import Server, trusting
from tests.server.websocket import Socket


class TlsServer(Server):
    def __init__(self, home: Path, cert: Path, key: Path, *, descriptors: int = 0, gunicorn: str = "") -> None:
        env = {"GUNICORN_CMD_ARGS": f"--certfile {cert} --keyfile {key} {gunicorn}"}
        super().__init__(home, env=env, descriptors=descriptors, app="tests.server.socket_app:create()")
        self.cert = cert
        self.verify = str(cert)
        self.url = f"https://127.0.0.1:{self.port}"


class TlsTalk(Talk):
    def __init__(self, server: TlsServer, timeout: float = 15) -> None:
        super().__init__(server, timeout=timeout)
        self.socket = self.encrypted = trusting(str(server.cert)).wrap_socket(self.socket, server_hostname="127.0.0.1")

    def say_good_bye(self) -> bytes:
        """Send close_notify, and return the data until the server's and the end."""
        self.socket = self.encrypted.unwrap()
        return self.socket.recv(1)


class TlsSocket(Socket, TlsTalk):
    """A WebSocket by TLS."""
