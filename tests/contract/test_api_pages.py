"""The pages made of the OpenAPI documents and of the guides."""

import html
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from app import create_app
from chat.http.openapi import documents
from chat.web.guides import render
from tests.conftest import services_of, settings_at
from tests.contract.test_openapi import PROTOCOLS
from tests.databases import Databases
from tests.pictures import picture
from tests.real_server import Server


@pytest.fixture(scope="module")
def app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One for all tests here, which only read; it makes each page once."""
    made = create_app(settings_at(databases.filled(tmp_path_factory.mktemp("pages")), rate_limits=False))
    yield made
    services_of(made).close()
    services_of(made).store.dispose()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_every_operation_of_every_document(app: Flask, language: str) -> None:
    client = app.test_client()
    page = client.get("/docs", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    shown = page.get_data(as_text=True)
    assert page.get_data() == client.get(f"/docs?lang={language}").get_data()
    for name, document in documents(app).items():
        assert f"/openapi/{name}.json" in shown
        for path, methods in document.json["paths"].items():
            for about in methods.values():
                assert f"<code>{path}</code>" in shown
                summary = about["summary" if language == "en" else "x-summary-zh"]
                assert summary
                assert f">{html.escape(summary, quote=False)}<" in shown.replace("&#39;", "'")
    texts = re.sub(r"<(pre|code)\b.*?</\1>|<[^>]*>", "", shown, flags=re.DOTALL)
    assert re.findall(r".*(?:`|\*\*|\]\(|</?\w+>).*", html.unescape(texts)) == []  # Markdown or HTML as text


def test_all_files_linked_by_the_page_exist_and_no_others(app: Flask) -> None:
    client = app.test_client()
    links = re.findall(r'href="(/(?:docs|openapi)/[^"]+)"', client.get("/docs").get_data(as_text=True))
    assert {f"/docs/{protocol}?lang=en" for protocol in (*PROTOCOLS, "tcp")} <= set(links)
    for link in links:
        with client.get(link) as reply:
            assert reply.status_code == 200, link
    for path in (
        "/docs/nope.md",
        "/docs/nope",
        "/docs/..%2farchitecture.md",
        "/docs/../../README.md",
        "/openapi/nope.json",
    ):
        assert client.get(path).status_code == 404, path


@pytest.mark.parametrize("path", ["/docs", "/docs/tcp", "/docs/teaching"])
def test_a_language_that_there_is_not_is_the_browsers(app: Flask, path: str) -> None:
    client = app.test_client()
    pages = {language: client.get(f"{path}?lang={language}").get_data() for language in ("en", "zh")}
    assert pages["en"] != pages["zh"]
    for asked in ("fr", "", "%00", "zz-CN", "../zh", "x" * 2000):
        for language, page in pages.items():
            answer = client.get(f"{path}?lang={asked}", headers={"Accept-Language": language})
            assert (answer.status_code, answer.get_data()) == (200, page), (asked, language)
    for asked, language in (("zh-CN", "zh"), ("zh-TW", "zh"), ("EN", "en"), ("en-GB", "en")):
        assert client.get(f"{path}?lang={asked}").get_data() == pages[language], asked


@pytest.mark.parametrize("name", [*PROTOCOLS, "tcp", "teaching"])
@pytest.mark.parametrize(("language", "suffix", "contents"), [("en", "", "Contents"), ("zh", ".zh-CN", "目录")])
def test_guides_are_pages_and_markdown(app: Flask, name: str, language: str, suffix: str, contents: str) -> None:
    client = app.test_client()
    page = client.get(f"/docs/{name}", headers={"Accept-Language": language})
    assert page.get_data() == client.get(f"/docs/{name}?lang={language}").get_data()
    assert page.headers["Content-Security-Policy"] == client.get("/docs").headers["Content-Security-Policy"]
    shown = page.get_data(as_text=True)
    assert f'href="/docs/{name}{suffix}.md"' in shown
    with client.get(f"/docs/{name}{suffix}.md") as reply:
        markdown = reply.get_data(as_text=True)
    title = html.escape(markdown.partition("\n")[0].removeprefix("# "), quote=False)
    assert f"<h1>{title}</h1>" in shown
    assert f">{contents}</h2>" in shown
    assert " style=" not in shown  # the policy refuses it
    anchors = re.findall(r'<li class="level-\d"><a href="#([^"]+)"', shown)
    assert len(anchors) == len(re.findall(r"^###? ", markdown, re.MULTILINE))
    for anchor in anchors:
        assert shown.count(f' id="{anchor}"') == 1, anchor
    for link in re.findall(r'(?:href|src)="((?:/docs|teaching)/[^"]+)"', shown):
        with client.get(f"/docs/{link}" if link.startswith("teaching") else link) as reply:
            assert reply.status_code == 200, link
    assert not re.search(r'href="(?!/|#|\?|https?:)', shown)  # other files are not served


def test_html_in_a_guide_is_shown_as_text() -> None:
    hostile = "<script>x</script> <img src=x> [y](javascript:z)"
    guide = render(f"# T <b>\n\n## Two `a`\n\n## Two a\n\n{hostile}\n\n|a|\n|-:|\n|1|\n", lambda _link: None)
    assert (guide.title, [heading.anchor for heading in guide.contents]) == ("T <b>", ["two-a", "two-a-2"])
    assert "<script" not in guide.html
    assert "<img" not in guide.html
    assert "<a " not in guide.html
    assert "style" not in guide.html


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_lines_of_curl_on_the_page_work(server: Callable[..., Server], tmp_path: Path, protocol: str) -> None:
    live = server()
    page = requests.get(f"{live.url}/docs", timeout=30).text
    section = page.partition(f'<section aria-labelledby="{protocol}">')[2].partition("</section>")[0]
    lines = [html.unescape(line) for line in re.findall(r"<code>(curl .*)</code>", section)]
    assert len(lines) == len(operations_of(live, protocol))
    environment = dict(os.environ)
    (tmp_path / "picture.png").write_bytes(picture())
    bob = requests.Session()
    bob.post(f"{live.url}/user/register", json={"username": "bob", "password": "secret1"}, timeout=30)
    is_teacher = False
    for line in sorted(lines, key=when):
        # The last member deletes the room; there is no such link, import or code; bob must stay unchanged; an account
        # cannot be deleted after a logout.
        if any(
            path in line
            for path in ("/leave", "/site/claim", "/roster/status", "/by_code", "/people/rename", "/user/delete")
        ):
            continue
        if "/site/" in line and not is_teacher:
            live.flask("chat", "teacher", "alice")
            is_teacher = True
        if "/room/" in line and '"user": "bob"' in line:  # who is in the room
            bob.post(f"{live.url}/room/join", json={"roomname": "physics"}, timeout=30)
        command = f"{line} -s --fail-with-body"
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",  # some answers are files
            timeout=40,
        )
        if protocol == "ims":  # most actions need two users: only check that the request is understood
            assert '"code":-7' not in done.stdout, (line, done.stdout)
            assert done.stdout.startswith('{"code":'), (line, done.stdout)
        else:
            assert done.returncode == 0, (line, done.stdout)
            assert '"status":false' not in done.stdout, line
        if found := re.search('"token":"([^"]+[.][^"]+)"', done.stdout):  # $TOKEN of the page
            environment["TOKEN"] = found[1]


def when(line: str) -> tuple[bool, ...]:
    """The sort key of a line: lines that end something come last, and before them what needs a message."""
    late = ("logout", "/room/delete ", "delete", "/user/password", "/room/seen")
    return tuple(word in line.lower() for word in late)


def operations_of(live: Server, protocol: str) -> list[Any]:
    """Its operations."""
    paths = requests.get(f"{live.url}/openapi/{protocol}.json", timeout=30).json()["paths"]
    return [operation for methods in paths.values() for operation in methods.values()]
