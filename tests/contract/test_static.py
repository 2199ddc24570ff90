"""The page's files: kept by browsers for a year, compressed, and there after an upgrade."""

import gzip
import re

import pytest
from flask import Flask

GZIP = {"Accept-Encoding": "gzip, deflate"}


@pytest.mark.parametrize("page", ["/", "/teach", "/board/public", "/docs"])
def test_every_file_of_a_page_has_an_address_of_its_content(app: Flask, page: str) -> None:
    client = app.test_client()
    addresses = re.findall(r'(?:href|src)="(/static/[^"]*)"', client.get(page).text)
    assert len(addresses) > 3
    for address in addresses:
        reply = client.get(address, headers=GZIP, buffered=True)
        assert re.match(r"/static/v-[0-9a-f]{12}/", address)
        assert reply.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert reply.headers["Content-Encoding"] == "gzip"
        plain = client.get(address, buffered=True)
        assert "Content-Encoding" not in plain.headers
        assert gzip.decompress(reply.data) == plain.data
        assert reply.mimetype == plain.mimetype
        assert reply.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert len(reply.data) < len(plain.data)
        assert client.get(address, headers={**GZIP, "If-None-Match": reply.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("page", ["/", "/teach", "/board/public", "/docs", "/docs/polling"])
def test_a_page_is_one_style_sheet_and_at_most_two_scripts(app: Flask, page: str) -> None:
    """Each file is a request: on a phone a hundred of them take seconds."""
    text = app.test_client().get(page).text
    assert len(re.findall(r"<link rel=.stylesheet", text)) == 1
    assert len(re.findall(r"<script", text)) <= 2  # early.js is the other one


@pytest.mark.parametrize(
    "address",
    [
        "/static/v-0123456789ab/js/main.js",
        "/static/js/main.js",
        "/static/v-0123456789ab/pages/main.js",
        "/static/pages/main.css",
    ],
)
@pytest.mark.parametrize("headers", [{}, GZIP])
def test_a_page_that_is_open_during_an_upgrade_keeps_working(app: Flask, address: str, headers: dict[str, str]) -> None:
    reply = app.test_client().get(address, headers=headers, buffered=True)
    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    "name",
    ["nope.js", "v-0123456789ab", "v-0123456789ab/../../views.py", "js/../../views.py", "js", "pages", "pages/nope.js"],
)
@pytest.mark.parametrize("headers", [{}, GZIP])
def test_nothing_else_is_shown(app: Flask, name: str, headers: dict[str, str]) -> None:
    assert app.test_client().get(f"/static/{name}", headers=headers).status_code == 404
