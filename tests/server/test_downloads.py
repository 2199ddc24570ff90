"""Files read slowly, broken off, and resumed, by http and by TLS (behind nginx: tests/integration/test_nginx.py)."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.downloads import AT_ONCE, CONTENT, check_part, download, read_in_parts, reset, upload
from tests.processes import sockets_of
from tests.raw import token_of
from tests.real_server import Server, certificate, wait_until
from tests.server.tls import TlsServer

SLOW = 12  # more clients than threads for requests
LAST = len(CONTENT) - 1


@dataclass
class Site:
    server: Server
    cert: Path | None
    path: str  # of a file
    token: str

    def ask(self, path: str, body: object = None, **headers: str) -> requests.Response:
        verify = str(self.cert) if self.cert else True
        method = "GET" if body is None else "POST"
        url = self.server.url + path
        return requests.request(method, url, json=body, headers=headers, verify=verify, timeout=60)

    def delete_newest(self) -> None:
        newest = self.ask("/chat/history?roomname=public&limit=1&detail=1", Authorization=self.token)
        id_ = newest.json()["messages"][0]["id"]
        assert self.ask("/chat/delete", {"roomname": "public", "id": id_}, Authorization=self.token).ok


@pytest.fixture(scope="module", params=["http", "https"])
def site(request: pytest.FixtureRequest, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("downloads")
    shutil.copy(migrated, home / "commonroom.db")
    cert, server = None, Server(home)
    if request.param == "https":
        cert, key = certificate(home)
        server = TlsServer(home, cert, key)
    try:
        server.start()
        token = token_of(server, "alice")
        yield Site(server, cert, upload(server.url, token, cert), token)
    finally:
        server.kill()


def test_a_download_is_resumed_where_it_was_broken_off(site: Site) -> None:
    assert read_in_parts(site.server.url, site.path, site.cert) == CONTENT


def test_slow_readers_hold_up_nobody_and_get_everything(site: Site) -> None:
    (pid,) = site.server.worker_pids()
    before = sockets_of(pid)
    with ExitStack() as stack:
        opened = [stack.enter_context(download(site.server.url, site.path, {}, site.cert)) for _ in range(SLOW)]
        got = [response.read(AT_ONCE) for _, response in opened]
        assert site.ask("/user/me", Authorization=site.token).ok  # while all of them wait
        for at, (connection, response) in enumerate(opened):
            if at % 2:
                reset(connection)
            else:
                got[at] += response.read()
    assert all(each == CONTENT for each in got[::2])
    wait_until(lambda: sockets_of(pid) <= before, "the connections are closed")


@pytest.mark.parametrize(
    ("headers", "status", "first"),
    [
        ({"Range": f"bytes={LAST}-"}, 206, LAST),
        ({"Range": "bytes=-1"}, 206, LAST),
        ({"Range": f"bytes={LAST + 1}-"}, 416, None),
        ({"Range": f"bytes={LAST}-", "If-Range": '"another"'}, 200, 0),
        ({"Range": f"bytes={LAST}-,0-0"}, 200, 0),
    ],
)
def test_ranges_of_a_file(site: Site, headers: dict[str, str], status: int, first: int | None) -> None:
    reply = site.ask(site.path, **headers)
    assert reply.status_code == status
    if first is not None:
        assert reply.content == CONTENT[first:]


def test_a_file_deleted_meanwhile_cannot_be_resumed(site: Site) -> None:
    path = upload(site.server.url, site.token, site.cert)
    with download(site.server.url, path, {}, site.cert) as (_, response):
        check_part(response, b"")
        got = response.read(AT_ONCE)
        site.delete_newest()
        rest = site.ask(path, Range=f"bytes={len(got)}-", **{"If-Range": response.headers["ETag"]})
    assert (got, rest.status_code) == (CONTENT[:AT_ONCE], 404)
