"""Cases of the Autobahn suite for WebSocket servers: its numbers and requirements, with code of this project.

The suite talks to an echo server. The one here (/test/echo of tests/server/socket_app.py) returns texts unchanged and,
since the product sends no binary messages, the length and SHA-256 of binary ones as text.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chat.server.websocket_frames import MESSAGE_MAX_BYTES
from conformance.utf8 import sequences
from tests.server.websocket import BINARY, CLOSE, PING, PONG, TEXT, close, frame

CONTINUATION = 0
PAUSE = 1.0  # s in which a close may come; it ends with it
HELLO = b"Hello, world!"
_BROKEN = "κ\u1f79σμε".encode(), b"\xf4\x90\x80\x80", b"edited"
_KIB = 1024
_MIB = 1024 * _KIB

Reply = tuple[int, bytes]


@dataclass(frozen=True)
class Case:
    number: str
    about: str
    send: Sequence[bytes | float]  # each a write of its own; a float is a pause in seconds
    replies: Sequence[Reply] = ()  # before the close
    code: int | None = 1000  # of the server's close frame
    says_goodbye: bool = True  # the client closes after all echoes; otherwise the sent data ends the connection
    in_turn: bool = False  # each reply is awaited before the next write
    lenient: bool = False  # none of the replies before a fault counts as "non-strict"
    is_informational: bool = False
    remark: str = ""


def echo_of(opcode: int, payload: bytes) -> Reply:
    """Return the echo server's answer to a message."""
    if opcode == TEXT:
        return TEXT, payload
    return TEXT, b"%d %s" % (len(payload), hashlib.sha256(payload).hexdigest().encode())


def cases() -> list[Case]:
    """All but those of compression (12, 13), which is not offered."""
    groups = (_framing, _pings, _reserved_bits, _opcodes, _fragments, _utf8, _closing, _limits, _automatic)
    found = [case for group in groups for case in group()]
    return sorted(found, key=lambda case: [int(part) for part in case.number.split(".")])


# How a case's frames are written


def whole(*frames: bytes) -> list[bytes]:
    """All in one write."""
    return [b"".join(frames)]


def by_octet(*frames: bytes) -> list[bytes]:
    return chopped(b"".join(frames), 1)


def chopped(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def fragments(opcode: int, payload: bytes, size: int) -> list[bytes]:
    """A message in frames of that size."""
    pieces = chopped(payload, size) or [b""]
    return [
        frame(CONTINUATION if number else opcode, piece, fin=number == len(pieces) - 1)
        for number, piece in enumerate(pieces)
    ]


def _echoed(number: str, about: str, opcode: int, payload: bytes, send: Sequence[bytes | float] = ()) -> Case:
    return Case(number, about, send or [frame(opcode, payload)], [echo_of(opcode, payload)])


def _fault(number: str, about: str, send: Sequence[bytes | float], code: int = 1002, *before: bytes) -> Case:
    """A case that must fail; before: texts that were complete by then."""
    replies = [(TEXT, text) for text in before]
    return Case(number, about, send, replies, code, says_goodbye=False, lenient=bool(before))


# The groups


def _framing() -> Iterator[Case]:
    for kind, opcode, name in ((1, TEXT, "text"), (2, BINARY, "binary")):
        for number, length in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), 1):
            payload = (b"*" if opcode == TEXT else b"\xfe") * length
            data = frame(opcode, payload)
            cut = number == 8
            about = f"{name} of {length} bytes" + (", in pieces of 997" if cut else "")
            yield _echoed(f"1.{kind}.{number}", about, opcode, payload, chopped(data, 997) if cut else [data])


def _pings() -> Iterator[Case]:
    binary = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
    long = b"\xfe" * 125
    for number, about, payload in ((1, "empty", b""), (2, "with text", HELLO), (3, "binary", binary), (4, "125", long)):
        yield Case(f"2.{number}", f"ping, {about}", [frame(PING, payload)], [(PONG, payload)])
    yield _fault("2.5", "ping of 126 bytes", [frame(PING, b"\xfe" * 126)])
    yield Case("2.6", "ping of 125 bytes, octet by octet", by_octet(frame(PING, long)), [(PONG, long)])
    yield Case("2.7", "a pong that nobody asked for", [frame(PONG)])
    yield Case("2.8", "the same with a payload", [frame(PONG, b"unsolicited")])
    asked = [frame(PONG, b"unsolicited"), frame(PING, b"ping")]
    yield Case("2.9", "the same, then a ping", whole(*asked), [(PONG, b"ping")])
    pings = [b"payload-%d" % number for number in range(10)]
    sent, answered = [frame(PING, ping) for ping in pings], [(PONG, ping) for ping in pings]
    yield Case("2.10", "ten pings", sent, answered)
    yield Case("2.11", "ten pings, octet by octet", by_octet(*sent), answered)


def _reserved(bits: int, opcode: int, payload: bytes = b"") -> bytes:
    data = bytearray(frame(opcode, payload))
    data[0] |= bits << 4
    return bytes(data)


def _reserved_bits() -> Iterator[Case]:
    def after(bits: int) -> list[bytes]:
        return [frame(TEXT, HELLO), _reserved(bits, TEXT, HELLO), frame(PING)]

    yield _fault("3.1", "text with reserved bits 1", [_reserved(1, TEXT, HELLO)])
    yield _fault("3.2", "a good text, then bits 2", whole(*after(2)), 1002, HELLO)
    yield _fault("3.3", "a good text, then bits 3, frame by frame", after(3), 1002, HELLO)
    yield _fault("3.4", "a good text, then bits 4, octet by octet", by_octet(*after(4)), 1002, HELLO)
    yield _fault("3.5", "binary with bits 5", [_reserved(5, BINARY, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")])
    yield _fault("3.6", "ping with bits 6", [_reserved(6, PING, HELLO)])
    yield _fault("3.7", "close with bits 7", [_reserved(7, CLOSE)])


def _opcodes() -> Iterator[Case]:
    for kind, first in ((1, 3), (2, 11)):
        for number, opcode in enumerate(range(first, first + 5), 1):
            about = f"opcode {opcode}"
            bad = frame(opcode, b"" if number in (1, 3) else b"reserved opcode payload")
            if number <= 2:
                yield _fault(f"4.{kind}.{number}", about, [bad])
                continue
            frames = [frame(TEXT, HELLO), bad, frame(PING)]
            sent = by_octet(*frames) if number == 5 else frames
            yield _fault(f"4.{kind}.{number}", f"a good text, then {about}", sent, 1002, HELLO)


def _fragments() -> Iterator[Case]:
    whole_text = b"fragment1fragment2"
    one, two = frame(TEXT, b"fragment1", fin=False), frame(CONTINUATION, b"fragment2")
    for number, opcode, name in ((1, PING, "ping"), (2, PONG, "pong")):
        yield _fault(f"5.{number}", f"{name} in two fragments", whole(*fragments(opcode, whole_text, 9)))
    writes: list[tuple[str, Callable[..., list[bytes]]]] = [
        ("at once", whole),
        ("frame by frame", lambda *frames: list(frames)),
        ("octet by octet", by_octet),
    ]
    for number, (how, write) in enumerate(writes):
        yield _echoed(f"5.{3 + number}", f"two fragments, {how}", TEXT, whole_text, write(one, two))
        answers = [(PONG, b"ping"), (TEXT, whole_text)]
        about = f"two fragments and a ping between, {how}"
        yield Case(f"5.{6 + number}", about, write(one, frame(PING, b"ping"), two), answers)
        for first, is_last in ((9, True), (12, False)):
            nothing = frame(CONTINUATION, b"non-continuation payload", fin=is_last)
            about = f"a {'last' if is_last else 'first'} fragment of nothing, then a text, {how}"
            yield _fault(f"5.{first + number}", about, write(nothing, frame(TEXT, HELLO)))
    stray = frame(CONTINUATION, b"fragment3", fin=False)
    about = "a text in two fragments, then a fragment of nothing, then a text"
    yield _fault("5.15", about, whole(one, two, stray, frame(TEXT, b"fragment4")), 1002, whole_text)
    for number, is_last in ((16, False), (17, True)):
        twice = [frame(CONTINUATION, b"fragment1", fin=is_last), one, two] * 2
        yield _fault(f"5.{number}", f"twice: a fragment of nothing (last: {is_last}), then a text in two", twice)
    yield _fault("5.18", "two first fragments", whole(one, frame(TEXT, b"fragment2")))
    parts = [frame(TEXT if n == 1 else CONTINUATION, b"fragment%d" % n, fin=n == 5) for n in range(1, 6)]
    replies = [(PONG, b"pongme 1!"), (PONG, b"pongme 2!"), (TEXT, b"fragment1fragment2fragment3fragment4fragment5")]
    early, late = [*parts[:2], frame(PING, b"pongme 1!")], [*parts[2:4], frame(PING, b"pongme 2!"), parts[4]]
    yield Case("5.19", "five fragments, pings and a pause between", [*whole(*early), 0.1, *whole(*late)], replies)
    yield Case("5.20", "the same, frame by frame", [*early, 0.1, *late], replies)


def _utf8() -> Iterator[Case]:
    empty = [frame(TEXT, fin=False), frame(CONTINUATION, fin=False), frame(CONTINUATION)]
    yield _echoed("6.1.1", "an empty text", TEXT, b"")
    yield _echoed("6.1.2", "three empty fragments", TEXT, b"", whole(*empty))
    middle = [empty[0], frame(CONTINUATION, HELLO, fin=False), empty[2]]
    yield _echoed("6.1.3", "only the middle fragment is not empty", TEXT, HELLO, whole(*middle))
    text = "Hello-µ@ßöäüàá-UTF-8!!".encode()
    yield _echoed("6.2.1", "valid text", TEXT, text)
    yield _echoed("6.2.2", "cut between characters", TEXT, text, fragments(TEXT, text, 12))
    yield _echoed("6.2.3", "a fragment for each octet", TEXT, text, fragments(TEXT, text, 1))
    yield _echoed("6.2.4", "the same in Greek", TEXT, _BROKEN[0], fragments(TEXT, _BROKEN[0], 1))
    broken = b"".join((_BROKEN[0], b"\xed\xa0\x80", _BROKEN[2]))
    yield _fault("6.3.1", "a surrogate", [frame(TEXT, broken)], 1007)
    yield _fault("6.3.2", "a surrogate, a fragment for each octet", fragments(TEXT, broken, 1), 1007)
    yield from _fail_fast()
    for number, about, data, is_valid in sequences():
        if is_valid:
            yield _echoed(number, about, TEXT, data)
        else:
            yield _fault(number, about, [frame(TEXT, data)], 1007)


def _fail_fast() -> Iterator[Case]:
    good, bad, rest = _BROKEN
    for number, cut in ((1, len(bad)), (2, 2)):  # by its second octet it is beyond Unicode
        parts = good, bad[:cut], bad[cut:] + rest
        frames = [frame(TEXT if n == 0 else CONTINUATION, part, fin=n == 2) for n, part in enumerate(parts)]
        about = f"bad in the second of three fragments ({cut} octets)"
        yield _fault(f"6.4.{number}", about, [frames[0], 0.1, frames[1], PAUSE, frames[2]], 1007)
        data = frame(TEXT, good + bad + rest)
        end = len(data) - len(good + bad + rest) + len(good)
        pieces: list[bytes | float] = [data[:end], 0.1, data[end : end + cut], PAUSE, data[end + cut :]]
        yield _fault(f"6.4.{number + 2}", f"bad in the second of three pieces of a frame ({cut} octets)", pieces, 1007)


def _closing() -> Iterator[Case]:
    end = close(1000)

    def closed(number: str, about: str, send: list[bytes], code: int | None = 1000, *replies: Reply) -> Case:
        return Case(number, about, send, replies, code, says_goodbye=False)

    yield closed("7.1.1", "a text, then close", [frame(TEXT, HELLO), end], 1000, (TEXT, HELLO))
    yield closed("7.1.2", "two close frames", whole(end, end))
    yield closed("7.1.3", "a ping after close", whole(end, frame(PING)))
    yield closed("7.1.4", "a text after close", whole(end, frame(TEXT, HELLO)))
    first, last = fragments(TEXT, b"fragment1fragment2", 9)
    yield closed("7.1.5", "close between two fragments", whole(first, end, last))
    long = b"BAsd7&jh23" * (256 * _KIB // 10)
    yield Case(
        "7.1.6",
        "256 KiB, a text, close, a ping",
        [frame(TEXT, long), frame(TEXT, HELLO), end, frame(PING)],
        [(TEXT, long), (TEXT, HELLO)],
        says_goodbye=False,
        is_informational=True,
    )
    yield closed("7.3.1", "close without a payload", [frame(CLOSE)], None)
    yield closed("7.3.2", "close with one octet", [frame(CLOSE, b"a")], 1002)
    yield closed("7.3.3", "close with a code", [end])
    yield closed("7.3.4", "close with a reason", [close(1000, HELLO)])
    yield closed("7.3.5", "close with the longest reason", [close(1000, b"*" * 123)])
    yield closed("7.3.6", "close with a reason too long", [close(1000, b"*" * 124)], 1002)
    yield closed("7.5.1", "close with a reason that is not UTF-8", [close(1000, _BROKEN[0] + b"\xed\xa0\x80")], 1007)
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    for number, code in enumerate(good, 1):
        yield closed(f"7.7.{number}", f"close code {code}", [close(code)], code)
    for number, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1):
        yield closed(f"7.9.{number}", f"close code {code}", [close(code)], 1002)
    for number, code in ((1, 5000), (2, 65535)):
        bad = [close(code)]
        yield Case(f"7.13.{number}", f"close code {code}", bad, (), 1002, says_goodbye=False, is_informational=True)


def _limits() -> Iterator[Case]:
    kinds = ((TEXT, "text", b"*"), (BINARY, "binary", b"\xfe"))
    for kind, (opcode, name, byte) in enumerate(kinds, 1):
        for number, size in enumerate((64 * _KIB, 256 * _KIB, _MIB, 4 * _MIB, 8 * _MIB, 16 * _MIB), 1):
            about = f"{name} of {size // _KIB} KiB"
            if size <= MESSAGE_MAX_BYTES:
                yield _echoed(f"9.{kind}.{number}", about, opcode, byte * size)
            else:
                head = bytes([0x80 | opcode, 0xFF]) + size.to_bytes(8)
                remark = f"refused with 1009: a message has at most {MESSAGE_MAX_BYTES:,} bytes"
                sent = [head, bytes(_MIB)]
                yield Case(f"9.{kind}.{number}", about, sent, (), 1009, says_goodbye=False, remark=remark)
    for kind, (opcode, name, byte) in enumerate(kinds, 3):
        payload = byte * MESSAGE_MAX_BYTES
        sizes = [64 * 4**power for power in range(9)]
        for number, size in enumerate(sizes, 1):
            about = f"{name} in fragments of {size} bytes"
            remark = f"{MESSAGE_MAX_BYTES // _KIB} KiB instead of 4 MiB: the longest message"
            sent = whole(*fragments(opcode, payload, size))
            yield Case(f"9.{kind}.{number}", about, sent, [echo_of(opcode, payload)], remark=remark)
    for kind, (opcode, name, byte) in enumerate(kinds, 5):
        payload = byte * MESSAGE_MAX_BYTES
        for number, size in enumerate((64, 128, 256, 512, 1024, 2048), 1):
            about = f"{name} in pieces of {size} bytes"
            remark = f"{MESSAGE_MAX_BYTES // _KIB} KiB instead of 1 MiB: the longest message"
            pieces = chopped(frame(opcode, payload), size)
            yield Case(f"9.{kind}.{number}", about, pieces, [echo_of(opcode, payload)], remark=remark)
    for kind, (opcode, name, byte) in enumerate(kinds, 7):
        for number, size in enumerate((0, 16, 64, 256, 1024, 4096), 1):
            payload = byte * size
            about = f"1,000 {name} messages of {size} bytes"
            replies = [echo_of(opcode, payload)] * 1000
            yield Case(f"9.{kind}.{number}", about, [frame(opcode, payload)] * 1000, replies, in_turn=True)


def _automatic() -> Iterator[Case]:
    payload = b"*" * 65536
    yield _echoed("10.1.1", "64 KiB in fragments of 1,300 bytes", TEXT, payload, fragments(TEXT, payload, 1300))
