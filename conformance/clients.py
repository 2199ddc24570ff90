"""Third-party clients against a real server: each gets instructions, and its results are compared."""

import asyncio
import http.client
import json
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests

from tests.real_server import Server

HERE = Path(__file__).parent
LIMIT = 60  # seconds a client may take for one case


@dataclass
class Outcome:
    client: str
    about: str
    fault: str = ""
    skipped: str = ""  # the reason, where the client is not here

    @property
    def result(self) -> str:
        """As a cell of the table has it."""
        return self.fault or (f"skipped: {self.skipped}" if self.skipped else "pass")


@dataclass
class Reply:
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A client that makes requests; `ask` raises the client's own exceptions."""

    name = ""

    def __init__(self, server: Server) -> None:
        self.server = server

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        raise NotImplementedError

    def close(self) -> None:
        """Connections that are kept."""


class Curl(Client):
    name = "curl"
    options: tuple[str, ...] = ()
    with_body: tuple[str, ...] = ()

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        command = ["curl", "-sS", "-X", method, "-H", f"Authorization: {token}", "-w", r"\n%{http_code}", *self.options]
        command += ["--cacert", str(self.server.verify)] if self.server.url.startswith("https") else []
        command += ["--data-binary", "@-", *self.with_body] if body is not None else []
        command.append(self.server.url + path)
        out = subprocess.run(command, input=body, capture_output=True, timeout=LIMIT, check=True)
        content, _, status = out.stdout.rpartition(b"\n")
        return Reply(int(status), content)


class CurlOld(Curl):
    name = "curl, HTTP/1.0"
    options = ("--http1.0",)


class CurlChunked(Curl):
    name = "curl, chunked"
    with_body = ("-H", "Transfer-Encoding: chunked")


class CurlExpecting(Curl):
    name = "curl, Expect: 100-continue"
    with_body = ("-H", "Expect: 100-continue", "--expect100-timeout", "20")


class Wget(Client):
    name = "wget"

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        command = ["wget", "-qS", "-O", "-", "--content-on-error", f"--method={method}"]
        command.append(f"--header=Authorization: {token}")
        command += [f"--ca-certificate={self.server.verify}"] if self.server.url.startswith("https") else []
        command += [f"--body-data={body.decode()}"] if body is not None else []
        out = subprocess.run([*command, self.server.url + path], capture_output=True, timeout=LIMIT, check=False)
        status = [line.split()[1] for line in out.stderr.decode().splitlines() if line.strip().startswith("HTTP/")]
        return Reply(int(status[-1]), out.stdout)


class HttpClient(Client):
    name = "http.client"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        host = urlsplit(server.url).netloc
        self._connection: http.client.HTTPConnection
        if server.url.startswith("https"):
            context = ssl.create_default_context(cafile=str(server.verify))
            self._connection = http.client.HTTPSConnection(host, timeout=LIMIT, context=context)
        else:
            self._connection = http.client.HTTPConnection(host, timeout=LIMIT)

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        try:
            self._connection.request(method, path, body, {"Authorization": token})
            with self._connection.getresponse() as reply:
                return Reply(reply.status, reply.read())
        except OSError:
            self._connection.close()  # else it takes no further request
            raise

    def close(self) -> None:
        self._connection.close()


class Requests(Client):
    name = "requests"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._session = requests.Session()

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        headers = {"Authorization": token}
        reply = self._session.request(  # verify here, as the environment's REQUESTS_CA_BUNDLE goes before the session's
            method, self.server.url + path, data=body, headers=headers, timeout=LIMIT, verify=self.server.verify
        )
        return Reply(reply.status_code, reply.content)

    def close(self) -> None:
        self._session.close()


class RequestsChunked(Requests):
    name = "requests, chunked"

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        pieces: Any = None if body is None else (body[at : at + 1000] for at in range(0, len(body), 1000))
        return super().ask(method, path, token, pieces)


class Aiohttp(Client):
    name = "aiohttp"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._loop = asyncio.new_event_loop()
        context = ssl.create_default_context(cafile=str(server.verify)) if server.url.startswith("https") else None
        self._session = self._loop.run_until_complete(self._opened(context))

    @staticmethod
    async def _opened(context: ssl.SSLContext | None) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context or True))

    def ask(self, method: str, path: str, token: str, body: bytes | None = None) -> Reply:
        return self._loop.run_until_complete(self._ask(method, path, token, body))

    async def _ask(self, method: str, path: str, token: str, body: bytes | None) -> Reply:
        headers = {"Authorization": token}
        limit = aiohttp.ClientTimeout(LIMIT)
        url = self.server.url + path
        async with self._session.request(method, url, data=body, headers=headers, timeout=limit) as reply:
            return Reply(reply.status, await reply.read())

    def close(self) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.close()


CLIENTS: tuple[type[Client], ...] = (
    Curl, CurlOld, CurlChunked, CurlExpecting, Wget, HttpClient, Requests, RequestsChunked, Aiohttp,
)  # fmt: skip
