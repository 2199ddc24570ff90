"""Answers (RFC 9110), and WebSocket handshakes (RFC 6455)."""

from collections.abc import Iterator

from conformance.http_cases import HOST, Case, World, raw, refused
from tests.raw import get, post
from tests.server.websocket import ACCEPT, HANDSHAKE, KEY


def cases(world: World) -> Iterator[Case]:
    """All of them, by section."""
    yield from _methods(world)
    yield from _answers(world)
    yield from _conditions(world)
    yield from _ranges(world)
    yield from _handshakes()


def _methods(world: World) -> Iterator[Case]:
    token = f"Authorization: {world.token}"
    for path in (
        "/", "/healthz", "/user/me", "/room/find", "/api/room/list", "/Room", "/conversations", "/docs",
        "/openapi/polling.json", world.style, world.picture, "/nowhere",
    ):  # fmt: skip
        yield Case(
            "RFC 9110, 9.3.2",
            f"HEAD {_short(path)} has no body",
            get(path, token, method="HEAD") * 2,
            (404,) * 2 if path == "/nowhere" else (200,) * 2,
            bodiless=True,
        )
    for about, send, status in (
        ("a refused field", get("/", "X : y", method="HEAD"), 400), ("no Host", raw("HEAD / HTTP/1.1"), 400),
        ("too large a field", get("/", "X: " + "x" * 50000, method="HEAD"), 431),
        ("an unknown coding", get("/", "Transfer-Encoding: x", method="HEAD"), 501),
        ("an unknown expectation", get("/", "Expect: x", method="HEAD"), 417),
        ("another version", raw("HEAD / HTTP/2.0", HOST), 505),
        ("a long target", get("/" + "x" * 9000, method="HEAD"), 414),
    ):  # fmt: skip
        yield refused("RFC 9110, 9.3.2", f"HEAD with {about}: no body", send, status, bodiless=True)
    allowed = "RFC 9110, 10.2.1"
    yield Case(
        allowed, "405 says what is allowed", get("/healthz", method="DELETE"), (405,), headers={"allow": "GET, HEAD"}
    )
    yield Case(
        allowed, "405 in a protocol", get("/user/me", token, method="PUT"), (405,), headers={"allow": "GET, HEAD"}
    )
    yield Case(allowed, "an unknown method", get("/healthz", method="BREW"), (405,), headers={"allow": "GET, HEAD"})
    yield Case("RFC 9110, 9.3.8", "TRACE says nothing back", get("/healthz", "X: secret", method="TRACE"), (405,))
    yield Case("RFC 9110, 9.3.7", "OPTIONS of a path", get("/nowhere", method="OPTIONS"), (404,))


def _answers(world: World) -> Iterator[Case]:
    login = {"www-authenticate": 'Bearer realm="Commonroom"'}
    for path in ("/user/me", "/api/room/list", "/Room", "/conversations"):
        yield Case("RFC 9110, 11.6.1", f"401 names a scheme: {path}", get(path), (401,), headers=login)
    wrong = b'{"username":"nobody","password":"wrong-one"}'
    send = post("/user/login", wrong, "Content-Type: application/json")
    yield Case("RFC 9110, 11.6.1", "401 to a wrong password too", send, (401,), headers=login)
    kind = "RFC 9110, 8.3"
    yield Case(
        kind, "JSON has no charset: it is UTF-8", get("/user/me"), (401,), headers={"content-type": "application/json"}
    )
    yield Case(kind, "a page has one", get("/"), (200,), headers={"content-type": "text/html; charset=utf-8"})
    coded, vary = "RFC 9110, 12.5.3", {"content-encoding": "gzip", "vary": "Accept-Encoding"}
    plain = {"content-encoding": None, "vary": "Accept-Encoding"}
    for path in (world.style, "/openapi/polling.json"):
        for accepted, expected in (
            ("gzip", vary), ("br, GZIP;q=0.5", vary), ("*", vary), ("gzip;q=0", plain), ("br", plain), ("", plain),
            ("identity, gzip;q=0.5", plain), ("gzip;q=1, identity;q=0.5", vary), ("*;q=0", plain),
        ):  # fmt: skip
            yield Case(
                coded,
                f"{_short(path)}, Accept-Encoding: {accepted}",
                get(path, f"Accept-Encoding: {accepted}"),
                (200,),
                headers=expected,
            )
    short = get("/user/me", "Accept-Encoding: gzip", f"Authorization: {world.token}")
    yield Case(coded, "short JSON is not compressed", short, (200,), headers={"content-encoding": None})


def _short(path: str) -> str:
    """The path, without what differs in each run."""
    return f"/{path.split('/')[1]}/…" if path.count("/") > 2 or path.startswith("/attachments/") else path


def _conditions(world: World) -> Iterator[Case]:
    kept = {"etag": world.etag, "cache-control": "private, no-cache", "content-length": None, "content-type": None}
    tag = world.etag
    none_match = "RFC 9110, 13.1.2"
    for value, status in (
        (tag, 304), (f'"x", {tag}', 304), (f"W/{tag}", 304), ("*", 304), ('"x"', 200), ("", 200),
        (f'"x",W/{tag},"y"', 304),
    ):  # fmt: skip
        shown = value.replace(tag, '"…"')
        headers: dict[str, str | None] = dict(kept) if status == 304 else {"etag": tag}
        headers.pop("content-length", None)
        headers.pop("content-type", None)
        yield Case(
            none_match,
            f"If-None-Match: {shown}",
            get(world.picture, f"If-None-Match: {value}"),
            (status,),
            headers=headers,
        )
    yield Case(
        none_match, "HEAD too", get(world.picture, f"If-None-Match: {tag}", method="HEAD"), (304,), bodiless=True
    )
    lines = ['If-None-Match: "x"', f"If-Modified-Since: {world.modified}"]
    yield Case(none_match, "it counts, and not If-Modified-Since", get(world.style, *lines), (200,))
    since = "RFC 9110, 13.1.3"
    for value, status in ((world.modified, 304), ("Mon, 01 Jan 2001 00:00:00 GMT", 200), ("yesterday", 200)):
        shown = "the file's date" if value == world.modified else value
        yield Case(since, f"If-Modified-Since: {shown}", get(world.style, f"If-Modified-Since: {value}"), (status,))
    match = "RFC 9110, 13.1.1"
    yield Case(match, "If-Match with its tag", get(world.picture, f"If-Match: {tag}"), (200,))
    yield Case(
        match,
        "If-Match with another",
        get(world.picture, 'If-Match: "x"'),
        (412,),
        headers={"content-type": "text/plain; charset=utf-8"},
    )


def _ranges(world: World) -> Iterator[Case]:
    for path, length in ((world.picture, world.size), (world.style, world.style_size)):
        name = _short(path)
        part = "RFC 9110, 14.2"
        some = {"content-length": "10", "accept-ranges": "bytes", "content-range": f"bytes 0-9/{length}"}
        yield Case(part, f"{name}: bytes=0-9", get(path, "Range: bytes=0-9"), (206,), headers=dict(some))
        yield Case(part, f"{name}: BYTES=0-9", get(path, "Range: BYTES=0-9"), (206,), headers=dict(some))
        yield Case(
            part, f"{name}: the last ten", get(path, "Range: bytes=-10"), (206,), headers={"content-length": "10"}
        )
        yield Case(part, f"{name}: to the end and beyond", get(path, "Range: bytes=0-99999999"), (206,))
        yield Case(part, f"{name}: more than there is, from the end", get(path, "Range: bytes=-99999999"), (206,))
        past = {"content-range": f"bytes */{length}", "content-type": "text/plain; charset=utf-8"}
        for value in ("bytes=99999999-", "bytes=99999999-999999999", "bytes=-0"):
            yield Case(
                "RFC 9110, 15.5.17", f"{name}: {value}", get(path, f"Range: {value}"), (416,), headers=dict(past)
            )
        for value in (
            "bytes=0-1,4-5",
            "bytes=5-1",
            "bytes=",
            "bytes=a-b",
            "bytes=-",
            "items=0-5",
            "0-5",
        ):
            yield Case(
                part,
                f"{name}: {value} is ignored",
                get(path, f"Range: {value}"),
                (200,),
                headers={"content-range": None},
            )
        huge = "bytes=0-9999999999999999999999"
        yield Case(part, f"{name}: {huge} is to the end", get(path, f"Range: {huge}"), (206,))
        yield Case(
            part, f"{name}: HEAD ignores it", get(path, "Range: bytes=0-9", method="HEAD"), (200,), bodiless=True
        )
    condition = "RFC 9110, 13.1.5"
    for value, status in (
        (world.etag, 206), ('"x"', 200), (f"W/{world.etag}", 200), ("Mon, 01 Jan 2001 00:00:00 GMT", 200), ("x", 200),
    ):  # fmt: skip
        shown = value.replace(world.etag, '"…"')
        yield Case(
            condition, f"If-Range: {shown}", get(world.picture, "Range: bytes=0-9", f"If-Range: {value}"), (status,)
        )
    dated = get(world.style, "Range: bytes=0-9", f"If-Range: {world.modified}")
    yield Case(condition, "If-Range with the file's date", dated, (206,))
    first = get(world.picture, "Range: bytes=0-9", f"If-None-Match: {world.etag}")
    yield Case("RFC 9110, 13.2.2", "If-None-Match comes before Range", first, (304,), headers={"content-range": None})


def _handshakes() -> Iterator[Case]:
    section = "RFC 6455, 4.2.1"
    done = {"sec-websocket-accept": ACCEPT, "upgrade": "websocket", "connection": "Upgrade"}
    connection, upgrade, key, version = HANDSHAKE
    for about, lines in (
        ("a handshake", HANDSHAKE),
        ("names in any case", [line.upper() if n < 2 else line for n, line in enumerate(HANDSHAKE)]),
        ("Upgrade: foo, websocket", [connection, "Upgrade: foo, websocket", key, version]),
        ("Upgrade in two lines", [connection, "Upgrade: foo", upgrade, key, version]),
        ("Connection: keep-alive, Upgrade", ["Connection: keep-alive, Upgrade", upgrade, key, version]),
        ("Connection in two lines", ["Connection: keep-alive", connection, upgrade, key, version]),
    ):
        yield Case(section, about, get("/test/echo", *lines), (101,), headers=done)
    for about, lines in (
        ("no key", [connection, upgrade, version]),
        ("a key of too few bytes", [connection, upgrade, "Sec-WebSocket-Key: c2hvcnQ=", version]),
        ("a key that is no Base64", [connection, upgrade, f"Sec-WebSocket-Key: {KEY[:-2]}!!", version]),
        ("two keys", [connection, upgrade, key, key, version]),
    ):
        yield Case(section, f"{about}: 400", get("/test/echo", *lines), (400,))
    again = {"sec-websocket-version": "13", "upgrade": "websocket"}
    for value in ("8", "12", "14", "x"):
        lines = [connection, upgrade, key, f"Sec-WebSocket-Version: {value}"]
        yield Case(
            "RFC 6455, 4.4", f"version {value}: 426 says which", get("/test/echo", *lines), (426,), headers=again
        )
    yield Case("RFC 6455, 4.4", "no version", get("/test/echo", connection, upgrade, key), (426,), headers=again)
    yield Case("RFC 9110, 7.8", "no upgrade asked for", get("/test/echo"), (426,), headers=again)
    yield Case(
        "RFC 9110, 7.8",
        "an upgrade to something else is ignored",
        get("/healthz", "Connection: Upgrade", "Upgrade: h2c"),
        (200,),
    )
    yield Case(
        "RFC 9110, 7.8",
        "Upgrade by HTTP/1.0 is ignored",
        get("/test/echo", *HANDSHAKE, version="1.0"),
        (400,),
        closes=True,
    )
