"""Request parsing (RFC 9112), and refusals."""

from collections.abc import Iterator

from conformance.http_cases import HOST, Case, World, raw, refused
from tests.raw import get
from tests.server.websocket import HANDSHAKE


def cases(world: World) -> Iterator[Case]:
    """All of them, by section."""
    yield from _messages()
    yield from _targets()
    yield from _fields(world)
    yield from _bodies(world)
    yield from _connections()


def _messages() -> Iterator[Case]:
    lines, version = "RFC 9112, 2.2", "RFC 9112, 2.3"
    ok = get("/healthz")
    yield Case(lines, "empty lines before a request", b"\r\n\r\n" + ok, (200,))
    yield refused(lines, "bare line feeds", b"GET /healthz HTTP/1.1\nHost: x\n\n")
    yield refused(lines, "a bare carriage return in a field", raw("GET /healthz HTTP/1.1", HOST, "X: a\rb"))
    yield refused(lines, "white space before the first field", raw("GET /healthz HTTP/1.1", " X: a", HOST))
    yield Case(version, "HTTP/1.2 is answered as HTTP/1.1", get("/healthz", version="1.2"), (200,))
    yield Case(version, "HTTP/1.9, by a route of the application", get("/nowhere", version="1.9"), (404,))
    yield Case(version, "HTTP/1.0 without Host", raw("GET /healthz HTTP/1.0"), (200,), closes=True)
    for name in ("http/1.1", "HTTP/1.10", "HTTP/1", "HTTP/1.1x", "HTTPS/1.1"):
        yield refused(version, f"{name} is no version", raw(f"GET /healthz {name}", HOST))
    major = "RFC 9110, 15.6.6"
    for name in ("HTTP/2.0", "HTTP/3.0", "HTTP/0.9"):
        yield refused(major, name, raw(f"GET /healthz {name}", HOST), 505)
    yield refused(major, "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)
    line = "RFC 9112, 3"
    yield refused(line, "no version at all", raw("GET /healthz"))
    yield refused(line, "HTTP/0.9: a line alone, refused at once", b"GET /healthz\r\n")
    yield refused(
        lines, "carriage returns instead of line ends, refused at once", b"GET /healthz HTTP/1.1\rHost: x\r\r"
    )
    yield refused(line, "two spaces", raw("GET  /healthz HTTP/1.1", HOST))
    yield refused(line, "a space in the target", raw("GET /health z HTTP/1.1", HOST))
    yield refused(line, "a tab instead of a space", raw("GET\t/healthz HTTP/1.1", HOST))
    yield refused(line, "a line of over 8,190 bytes", raw("GET /" + "x" * 8190 + " HTTP/1.1", HOST), 414)
    yield refused("RFC 9110, 5.6.2", "a method with a byte beyond ASCII", raw("GET\xdf /healthz HTTP/1.1", HOST))
    yield refused("RFC 9110, 5.6.2", "a method in brackets", raw("(GET) /healthz HTTP/1.1", HOST))
    yield refused("RFC 9110, 9.1", "a method in small letters", raw("get /healthz HTTP/1.1", HOST))
    for about, begun in {
        "a TLS hello": b"\x16\x03\x01\x02\x00",
        "NULs": b"\0\0",
        "no line at all": "你好".encode(),
    }.items():
        yield refused(line, f"{about}, refused at once", begun)


def _targets() -> Iterator[Case]:
    host = "RFC 9112, 3.2"
    yield refused(host, "no Host", raw("GET /healthz HTTP/1.1"))
    yield refused(host, "no Host, by HTTP/1.2", raw("GET /healthz HTTP/1.2"))
    yield refused(host, "two Hosts", raw("GET /healthz HTTP/1.1", HOST, HOST))
    yield refused(host, "two Hosts by HTTP/1.0", raw("GET /healthz HTTP/1.0", HOST, "host: y"))
    for value in ("", " ", "a b", "a/b", "a?b", "a#b", "a@b", "a:b", "a:1:2", "[::1", "a\\b", "<a>", "h\xf6st", "%zz"):
        yield refused(
            host, f"Host: {value.encode('unicode_escape').decode()}", raw("GET /healthz HTTP/1.1", f"Host: {value}")
        )
    for value in ("localhost", "localhost:8000", "a_b.example", "[::1]:80", "127.0.0.1", "A.Example:", "a%20b"):
        yield Case(host, f"Host: {value}", raw("GET /nowhere HTTP/1.1", f"Host: {value}"), (404,))
    yield refused(host, "a handshake without Host", raw("GET /test/echo HTTP/1.1", *HANDSHAKE))
    yield refused(host, "a handshake with Host: a/b", raw("GET /test/echo HTTP/1.1", "Host: a/b", *HANDSHAKE))
    form = "RFC 9112, 3.2.2"
    yield Case(form, "a whole URI", raw("GET http://localhost/healthz HTTP/1.1", HOST), (200,))
    yield Case(form, "a whole URI, its scheme in capitals", raw("GET HTTP://localhost/healthz HTTP/1.1", HOST), (200,))
    yield Case(
        form, "the URI's host counts, not Host",
        raw("GET http://right.example/docs?lang=en HTTP/1.1", "Host: wrong.example"), (200,), body=b"//right.example/",
    )  # fmt: skip
    yield Case(form, "a URI without a path", raw("GET http://localhost HTTP/1.1", HOST), (200,), body=b"<html")
    yield Case(form, "a URI with a query alone", raw("GET http://localhost?x=1 HTTP/1.1", HOST), (200,), body=b"<html")
    yield refused(form, "a whole URI without Host", raw("GET http://localhost/healthz HTTP/1.1"))
    yield refused(form, "a URI without a host", raw("GET http:///healthz HTTP/1.1", HOST))
    yield refused(form, "a URI with a user", raw("GET http://me@localhost/healthz HTTP/1.1", HOST))
    yield refused(form, "a URI of another scheme", raw("GET ftp://localhost/healthz HTTP/1.1", HOST))
    yield refused(form, "no path, no URI", raw("GET healthz HTTP/1.1", HOST))
    yield refused(form, "a fragment", raw("GET /healthz#x HTTP/1.1", HOST))
    for path in ("/%", "/%1", "/%zz", "/a%2"):
        yield refused("RFC 3986, 2.1", f"a path with a percent sign alone: {path}", get(path))
    yield Case("RFC 3986, 2.1", "a percent sign alone in a query", get("/healthz?q=100%"), (200,))
    yield Case("RFC 3986, 2.1", "an encoded NUL", get("/attachments/%00"), (404,))
    yield Case("RFC 3986, 2.1", "bytes that are no UTF-8", get("/attachments/%ff%fe"), (404,))
    yield refused("RFC 9110, 9.3.6", "CONNECT", raw("CONNECT localhost:80 HTTP/1.1", HOST), 501)
    star = "RFC 9110, 9.3.7"
    allow = {"allow": "DELETE, GET, HEAD, OPTIONS, POST, PUT"}
    yield Case(star, "OPTIONS *", raw("OPTIONS * HTTP/1.1", HOST), (204,), headers=allow)
    yield Case(
        star, "OPTIONS of a URI without a path", raw("OPTIONS http://localhost HTTP/1.1", HOST), (204,), headers=allow
    )
    for method in ("GET", "HEAD", "POST", "TRACE"):
        yield refused("RFC 9112, 3.2.4", f"{method} *", raw(f"{method} * HTTP/1.1", HOST), bodiless=method == "HEAD")


def _fields(world: World) -> Iterator[Case]:
    syntax = "RFC 9112, 5.1"
    me = f'"username":"{world.user}"'.encode()
    yield refused(syntax, "white space before the colon", get("/healthz", "X : a"))
    yield refused(syntax, "a line without a colon", get("/healthz", "nonsense"))
    yield refused(syntax, "a name that is no token", get("/healthz", "X(Y): a"))
    yield refused(syntax, "an empty name", get("/healthz", ": a"))
    yield Case(syntax, "white space around the value", get("/user/me", f"Cookie:\t {world.cookie} \t"), (200,), body=me)
    yield refused("RFC 9112, 5.2", "a folded line", get("/healthz", "X: a", " b"))
    yield refused("RFC 9112, 5.2", "a line folded by a tab", get("/healthz", "X: a", "\tb"))
    for name, byte in (("NUL", "\0"), ("a vertical tab", "\x0b"), ("DEL", "\x7f"), ("escape", "\x1b")):
        yield refused("RFC 9110, 5.5", f"{name} in a value", get("/nowhere", f"X: a{byte}b"))
    jar = "RFC 9113, 8.2.3"
    both = ["Cookie: theme=dark", f"Cookie: {world.cookie}"]
    yield Case(jar, "two lines of cookies are one jar", get("/user/me", *both), (200,), body=me)
    yield Case(jar, "the same, the other way round", get("/user/me", *both[::-1]), (200,), body=me)
    yield Case(
        jar,
        "fifty lines of cookies",
        get("/user/me", *[f"cookie: c{n}={n}" for n in range(50)], both[1]),
        (200,),
        body=me,
    )
    yield Case("RFC 6265, 5.4", "an empty line of cookies", get("/user/me", "Cookie:", both[1]), (200,), body=me)
    large = "RFC 6585, 5"
    filled = [f"Cookie: other={'x' * 4000}; c{n}=1" for n in range(7)]
    yield Case(large, "28 KiB of cookies in seven lines", get("/user/me", *filled, both[1]), (200,), body=me)
    one = f"Cookie: other={'x' * (32768 - len(world.cookie) - 8)}; {world.cookie}"
    yield Case(large, "32 KiB of cookies in one line", get("/user/me", one), (200,), body=me)
    whole = 40 * 1024 - len(get("/healthz", "X: ")) + len("\r\n\r\n")
    yield Case(large, "a head of 40 KiB", get("/healthz", "X: " + "x" * whole), (200,))
    yield refused(large, "a head of 40 KiB and a byte", get("/healthz", "X: " + "x" * (whole + 1)), 431)
    yield refused(large, "48 KiB of cookies", get("/user/me", *filled, *filled[:5]), 431)
    yield refused(large, "48 KiB in one field", get("/user/me", "X: " + "x" * 49152), 431)
    yield refused(large, "400 fields", get("/user/me", *["X: y"] * 400), 431)
    yield refused(large, "9 KiB of Authorization", get("/user/me", f"Authorization: {'x' * 9216}"), 431)
    yield Case(large, "200 fields", get("/user/me", both[1], *["X: y"] * 200), (200,), body=me)


def _bodies(world: World) -> Iterator[Case]:
    token = f"Authorization: {world.token}"
    where = "/chat/pull?timeout=0"
    length, coding = "RFC 9112, 6.2", "RFC 9112, 6.1"
    for value in ("+2", "-2", "2,2", "2, 2", "0x2", "2.0", "", "2 2", "\xb2", "1_0", "9" * 30):
        about = f"Content-Length: {value.encode('unicode_escape').decode()}"
        yield refused(length, about, get(where, token, f"Content-Length: {value}", method="POST") + b"{}")
    yield Case(
        length,
        "Content-Length with leading zeros",
        get(where, token, "Content-Length: 002", method="POST") + b"{}",
        (200,),
    )
    two = ["Content-Length: 2", "Content-Length: 2"]
    yield refused("RFC 9112, 6.3", "two equal lengths", get(where, token, *two, method="POST") + b"{}")
    both = ["Content-Length: 2", "Transfer-Encoding: chunked"]
    yield refused("RFC 9112, 6.3", "a length and chunks", get(where, token, *both, method="POST") + b"0\r\n\r\n")
    for value in ("gzip", "gzip, chunked", "identity", "xchunked", "chunked, x"):
        send = get(where, token, f"Transfer-Encoding: {value}", method="POST") + b"0\r\n\r\n"
        yield refused("RFC 9110, 15.6.2", f"Transfer-Encoding: {value}", send, 501)
    for value in ("chunked, chunked", "", "chun ked", ", chunked", '"chunked"'):
        send = get(where, token, f"Transfer-Encoding: {value}", method="POST") + b"0\r\n\r\n"
        yield refused(coding, f"Transfer-Encoding: {value}", send)
    yield refused(
        coding, "chunks by HTTP/1.0", get(where, token, "Transfer-Encoding: chunked", method="POST", version="1.0")
    )
    chunks = get(where, token, "Transfer-Encoding: Chunked", method="POST")
    yield Case("RFC 9112, 7.1", "chunks", chunks + b"1\r\n{\r\n01\r\n}\r\n0\r\n\r\n", (200,))
    yield Case("RFC 9112, 7.1.1", "chunk extensions", chunks + b'2;a=b;c="d"\r\n{}\r\n0;e\r\n\r\n', (200,))
    yield Case("RFC 9112, 7.1.2", "trailers", chunks + b"2\r\n{}\r\n0\r\nX: a\r\nY: b\r\n\r\n", (200,))
    late = chunks.replace(token.encode(), b"X: y") + b"2\r\n{}\r\n0\r\n" + token.encode() + b"\r\n\r\n"
    yield Case("RFC 9112, 7.1.2", "a trailer is no header", late, (401,))
    for about, data in (
        ("a size that is no hexadecimal number", b"g\r\n"), ("a size with a sign", b"+2\r\n{}\r\n0\r\n\r\n"),
        ("a size of 0x2", b"0x2\r\n{}\r\n0\r\n\r\n"), ("a longer chunk than its size", b"1\r\n{}\r\n0\r\n\r\n"),
        ("a bare line feed behind a size", b"2\n{}\r\n0\r\n\r\n"), ("a folded trailer", b"0\r\nX: a\r\n b\r\n\r\n"),
        ("a control character in an extension", b"2;a=\x01\r\n{}\r\n0\r\n\r\n"),
    ):  # fmt: skip
        yield refused("RFC 9112, 7.1", about, chunks + data)
    expect = "RFC 9110, 10.1.1"
    waits = get(where, token, "Content-Length: 2", "Expect: 100-continue", method="POST")
    yield Case(expect, "100-continue: 100 before the body", b"{}", (100, 200), early=waits)
    yield Case(expect, "100-continue in capitals", b"{}", (100, 200), early=waits.replace(b"100-c", b"100-C"))
    yield Case(expect, "no 100 where the body came with the head", waits + b"{}", (200,))
    for about, path, method, status in (
        ("no log-in", "/chat/send", "POST", 401), ("no such path", "/nowhere", "POST", 404),
        ("no such method", "/chat/send", "DELETE", 405),
    ):  # fmt: skip
        for framing in ("Content-Length: 2", "Transfer-Encoding: chunked"):
            head = get(path, framing, "Expect: 100-continue", method=method)
            yield refused(expect, f"no 100 where the head decides: {about}, {framing.partition(':')[0]}", head, status)
    yield Case(expect, "no 100 by HTTP/1.0", waits.replace(b"HTTP/1.1", b"HTTP/1.0") + b"{}", (200,), closes=True)
    yield refused(expect, "no 100 where the body is too large", waits.replace(b": 2\r", b": 99999999\r"), 413)
    yield refused(expect, "an unknown expectation", waits.replace(b"100-continue", b"a-miracle"), 417)
    yield refused(expect, "100-continue and an unknown one", waits.replace(b"100-continue", b"100-continue, x=y"), 417)


def _connections() -> Iterator[Case]:
    keep = "RFC 9112, 9.3"
    yield Case(keep, "HTTP/1.1 goes on", get("/healthz") * 2, (200, 200), headers={"connection": "keep-alive"})
    yield Case(keep, "HTTP/1.0 closes", get("/healthz", version="1.0") * 2, (200,), closes=True)
    asked = get("/healthz", "Connection: Keep-Alive", version="1.0")
    yield Case(keep, "HTTP/1.0 goes on where asked to", asked * 2, (200, 200), headers={"connection": "keep-alive"})
    listed = asked.replace(b"Keep-Alive", b"TE, keep-alive")
    yield Case(keep, "HTTP/1.0: TE, keep-alive", listed * 2, (200, 200), headers={"connection": "keep-alive"})
    option = "RFC 9110, 7.6.1"
    for lines in (
        ["Connection: close"], ["Connection: CLOSE"], ["Connection: TE, close"], ["Connection: close, TE"],
        ["Connection: TE", "Connection: close"], ["Connection: keep-alive", "Connection: close"],
        ["Connection: keep-alive, close"], ["Connection: close,"], ["Connection: , close"],
    ):  # fmt: skip
        for path in ("/healthz", "/docs"):
            send = get(path, *lines) + get("/healthz")
            yield Case(
                option, f"{' · '.join(lines)} ({path})", send, (200,), closes=True, headers={"connection": "close"}
            )
    yield Case(option, "closed is no option", get("/healthz", "Connection: closed") * 2, (200, 200))
    mixed = get("/healthz") + get("/nowhere") + get("/healthz", method="POST") + get("/user/me")
    yield Case("RFC 9112, 9.3.2", "pipelined requests are answered in order", mixed, (200, 404, 405, 401))
    behind = get("/healthz", "Connection: close") + b"x" * 100_000
    yield Case("RFC 9112, 9.6", "bytes behind the last request take no answer back", behind, (200,), closes=True)
