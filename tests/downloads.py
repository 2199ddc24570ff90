"""Downloads as browsers and download managers do them: slowly, broken off, and resumed where they stopped."""

import contextlib
import http.client
import random
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import requests

CONTENT = random.Random(13).randbytes(18_000_003)  # more than the buffers between server and client take
AT_ONCE = 512 * 1024


def upload(url: str, token: str, cert: Path | None = None) -> str:
    """Send CONTENT as a file into the lobby, and return its address."""
    with requests.Session() as session:
        session.headers["Authorization"] = token
        session.trust_env = False  # whose certificates would replace this one
        session.verify = str(cert) if cert else True
        file = {"file": ("big.bin", CONTENT)}
        sent = session.post(f"{url}/chat/upload", files=file, data={"roomname": "public"}, timeout=60)
        assert sent.ok, sent.text
        newest = session.get(f"{url}/chat/history?roomname=public&limit=1", timeout=60).json()["messages"]
    return str(newest[0]["content"])


@contextlib.contextmanager
def download(
    url: str, path: str, headers: dict[str, str], cert: Path | None = None
) -> Iterator[tuple[socket.socket, http.client.HTTPResponse]]:
    """The connection, and the answer with its body unread."""
    to = urlsplit(url)
    assert to.hostname
    if to.scheme == "https":
        context = ssl.create_default_context(cafile=str(cert))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            to.hostname, to.port, timeout=60, context=context
        )
    else:
        connection = http.client.HTTPConnection(to.hostname, to.port, timeout=60)
    with contextlib.closing(connection):
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.request("GET", path, headers=headers)
        yield connection.sock, connection.getresponse()


def reset(connection: socket.socket) -> None:
    """Break the connection off, as a client that crashes."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_in_parts(url: str, path: str, cert: Path | None = None) -> bytes:
    """Read the whole in several connections, each broken off but the last."""
    got, tag = b"", ""
    for _ in range(3):
        with download(url, path, resuming(got, tag), cert) as (connection, response):
            check_part(response, got)
            tag = response.headers["ETag"]
            got += response.read(3 * AT_ONCE)
            reset(connection)
    with download(url, path, resuming(got, tag), cert) as (_, response):
        check_part(response, got)
        while piece := response.read(AT_ONCE):
            got += piece
    return got


def resuming(got: bytes, tag: str) -> dict[str, str]:
    return {"Range": f"bytes={len(got)}-", "If-Range": tag} if got else {}


def check_part(response: http.client.HTTPResponse, got: bytes) -> None:
    size = len(CONTENT)
    assert response.status == (206 if got else 200)
    assert response.headers["Content-Range"] == (f"bytes {len(got)}-{size - 1}/{size}" if got else None)
    assert response.headers["Accept-Ranges"] == "bytes"
    assert int(response.headers["Content-Length"]) == size - len(got)
