"""Frames, however they are cut up: the same messages, the same faults."""

import random
import struct

import pytest

from chat.server.websocket_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MESSAGE_MAX_BYTES,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    close_code,
    close_frame,
    frame,
)
from tests.server import websocket

client = websocket.frame


def read(data: bytes, step: int = 1 << 20) -> tuple[list[tuple[int, bytes]], int | None]:
    """The messages, and the code of the fault that ended them."""
    reader, got = FrameReader(), []
    try:
        for start in range(0, len(data), step):
            reader.buffer += data[start : start + step]
            while (message := reader.next()) is not None:
                if message != (CONTINUATION, b""):
                    got.append(message)
    except FrameError as error:
        return got, error.code
    return got, None


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, MESSAGE_MAX_BYTES])
def test_lengths(length: int) -> None:
    payload = random.Random(length).randbytes(length)
    assert read(client(BINARY, payload, mask=b"\x00\xff\x10\x81")) == ([(BINARY, payload)], None)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_pieces(step: int) -> None:
    said = [(TEXT, "café 聊天 🙂".encode()), (PING, b"x"), (BINARY, bytes(300)), (TEXT, b""), (CLOSE, b"\x03\xe8")]
    assert read(b"".join(client(opcode, payload) for opcode, payload in said), step) == (said, None)


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_fragments_with_control_frames_between(step: int) -> None:
    text = "聊天🙂".encode()
    data = client(TEXT, text[:1], fin=False) + client(PING, b"1") + client(CONTINUATION, b"", fin=False)
    data += client(CONTINUATION, text[1:5], fin=False) + client(PING, b"2") + client(CONTINUATION, text[5:])
    assert read(data + client(TEXT, b"next"), step) == (
        [(PING, b"1"), (PING, b"2"), (TEXT, text), (TEXT, b"next")],
        None,
    )


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_control_frames_do_not_count_to_the_message_they_come_amid(opcode: int) -> None:
    first, control, last = bytes(MESSAGE_MAX_BYTES - 1), b"\x03\xe8" + bytes(123), b"x"
    data = client(BINARY, first, fin=False) + client(opcode, control) + client(CONTINUATION, last)
    assert read(data) == ([(opcode, control), (BINARY, first + last)], None)


BAD = {
    "reserved bit 1": (b"\xc1\x80", 1002),
    "reserved bit 2": (b"\xa1\x80", 1002),
    "reserved bit 3": (b"\x91\x80", 1002),
    **{f"opcode {n}": (bytes([0x80 | n, 0x80]), 1002) for n in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "unmasked": (client(TEXT, b"x", mask=None), 1002),
    "unmasked ping": (client(PING, b"", mask=None), 1002),
    "long ping": (b"\x89\xfe\x00\x7e", 1002),
    "fragmented ping": (client(PING, b"x", fin=False), 1002),
    "fragmented close": (client(CLOSE, b"", fin=False), 1002),
    "nothing to continue": (client(CONTINUATION, b"x"), 1002),
    "a message within a message": (client(TEXT, b"x", fin=False) + client(TEXT, b"y"), 1002),
    "length 125 in 16 bits": (b"\x81\xfe\x00\x7d", 1002),
    "length 65535 in 64 bits": (b"\x81\xff" + struct.pack("!Q", 65535), 1002),
    "length over 63 bits": (b"\x81\xff" + struct.pack("!Q", 1 << 63), 1002),
    "too long": (b"\x82\xff" + struct.pack("!Q", MESSAGE_MAX_BYTES + 1), 1009),
    "too long together": (
        client(BINARY, bytes(MESSAGE_MAX_BYTES - 10), fin=False) + bytes([CONTINUATION | 0x80, 0x80 | 11]),
        1009,
    ),
    "bad UTF-8": (client(TEXT, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"), 1007),
    "UTF-8 broken off": (client(TEXT, "聊".encode()[:2]), 1007),
    "overlong UTF-8": (client(TEXT, b"\xc0\xaf"), 1007),
    "beyond Unicode": (client(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "bad UTF-8 in a fragment, at once": (client(TEXT, b"ok\xff", fin=False), 1007),
    "UTF-8 broken off over fragments": (client(TEXT, b"\xe8", fin=False) + client(CONTINUATION, b"\x81"), 1007),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_faults_are_found_as_soon_as_they_are_there(name: str, step: int) -> None:
    data, code = BAD[name]
    assert read(client(TEXT, b"before") + data, step) == ([(TEXT, b"before")], code)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4999])
def test_good_close_codes(code: int) -> None:
    assert close_code(code.to_bytes(2, "big") + "再见".encode()) == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_bad_close_codes(code: int) -> None:
    with pytest.raises(FrameError) as raised:
        close_code(code.to_bytes(2, "big"))
    assert raised.value.code == 1002


def test_close_payloads() -> None:
    assert close_code(b"") is None
    for payload, code in ((b"\x03", 1002), (b"\x03\xe8\xff", 1007)):
        with pytest.raises(FrameError) as raised:
            close_code(payload)
        assert raised.value.code == code
    long = close_frame(1008, "原因" * 50)
    assert len(long) <= 127
    long[4:].decode()
    assert close_frame(None) == b"\x88\x00"


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_our_own_frames(length: int) -> None:
    assert frame(TEXT, b"x" * length) == client(TEXT, b"x" * length, mask=None)


def test_the_cost_of_fragments_depends_on_their_length() -> None:
    small = client(BINARY, b"", fin=False) + client(CONTINUATION, b"", fin=False) * 10_000
    assert read(small + client(CONTINUATION, b"end")) == ([(BINARY, b"end")], None)
