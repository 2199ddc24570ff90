"""Expensive pictures: each costs little in the server's process, and ends in the decoding one."""

import base64
import contextlib
import io
import os
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from chat.errors import ChatError, ErrorCode
from chat.pictures import Decoder, DecoderUnavailable, NotAPicture, decoder, from_text, rewritten
from chat.pictures.child import CPU_SECONDS, MEMORY_BYTES
from chat.services import Services
from chat.services.messages import Draft
from tests.conftest import sign_up
from tests.hostile_pictures import ATTACKS, BYTES, gif_of_small_frames, jpeg_of_small_exif
from tests.pictures import laden, picture, png_chunk
from tests.real_server import children_of

MOST_CPU_S = 0.25  # each took 1 to 45 s once; now at most 0.04 on a machine with nothing else to do


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_picture_made_to_be_dear_costs_little_here(attack: Callable[[], bytes]) -> None:
    data = attack()
    assert len(data) > BYTES * 0.9
    begin = time.process_time()
    try:
        kept = rewritten(data)
    except NotAPicture:
        pass
    else:
        assert len(kept.data) <= len(data)
    assert time.process_time() - begin < MOST_CPU_S


def test_base64_of_millions_of_words_costs_little() -> None:
    text = "aGk= " * 10 + "abc " * 1_900_000
    begin = time.process_time()
    with pytest.raises(NotAPicture):
        from_text(text)
    assert time.process_time() - begin < MOST_CPU_S


@pytest.fixture
def decoding() -> Iterator[Decoder]:
    made = Decoder()
    yield made
    made.close()


@pytest.fixture
def decoders() -> Callable[[], list[int]]:
    """The processes that have been started for the test, as the system lists them."""
    before = children_of(os.getpid())
    return lambda: [pid for pid in children_of(os.getpid()) if pid not in before]


def children_cpu_s() -> float:
    used = os.times()
    return used.children_user + used.children_system


def png_of(width: int, height: int, *, interlace: int = 0, depth: int = 8, colour: int = 6, data: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = data or zlib.compress(bytes((width * 4 + 1) * height), 1)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def test_the_sender_of_an_undecodable_picture_is_told(decoding: Decoder) -> None:
    for pixels in (zlib.compress(b"few"), b"no zlib"):
        kept = rewritten(png_of(1000, 1000, data=pixels))
        with pytest.raises(NotAPicture):
            decoding.check(kept.data)
    decoding.check(picture())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_the_largest_picture_is_still_checked(decoding: Decoder, kind: str) -> None:
    buffer = io.BytesIO()
    Image.new("L", (8000, 5000)).save(buffer, kind, method=0)  # WebP: made in less than half of the CPU
    decoding.check(rewritten(buffer.getvalue()).data)


# The real process with its real limits, in which a PNG of 7 x 7 px takes more than it may.
DEAR = """
import chat.pictures.child as child
child.CPU_SECONDS = {seconds}
def check(data):
    if data[16:24] == bytes((0, 0, 0, 7)) * 2:
        {what}
    return b""
child.check = check
child.main()
"""
KINDS_OF_DEAR = {
    "time": "while True: pass",
    "refused memory, bit by bit": "kept = [bytearray(1 << 20) for _ in range(1 << 20)]",
    "refused memory, in one piece": "kept = bytearray(child.MEMORY_BYTES)",
    # A library in C that does not look whether it got any.
    "memory taken for granted": """import ctypes
        allocate = ctypes.CDLL(None).malloc
        allocate.restype, allocate.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        ctypes.memset(allocate(child.MEMORY_BYTES), 1, 1)""",
}


@pytest.mark.parametrize("kind", KINDS_OF_DEAR)
def test_a_decoder_beyond_its_limits_ends_and_the_sender_is_told(
    services: Services, decoders: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    seconds = 1 if kind == "time" else CPU_SECONDS  # a busy machine takes a while to refuse that much memory
    source = DEAR.format(seconds=seconds, what=KINDS_OF_DEAR[kind])
    monkeypatch.setattr(decoder, "_COMMAND", [sys.executable, "-P", "-c", source])
    alice = sign_up(services, "alice")
    services.messages.send(alice, "public", Draft(image=picture()))
    (process,) = decoders()
    begin = children_cpu_s()
    with pytest.raises(ChatError) as caught:
        services.messages.send(alice, "public", Draft(image=picture(size=(7, 7))))
    assert caught.value.code is ErrorCode.IMAGE_INVALID
    assert children_cpu_s() - begin < 3
    if kind.startswith("refused"):  # the process can report it; its memory is free again
        assert peak_bytes(process) <= MEMORY_BYTES
    else:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    services.messages.send(alice, "public", Draft(image=picture()))


def peak_bytes(pid: int) -> int:
    """The most address space that a process has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmPeak")))


def test_a_picture_of_many_scans_ends_soon(decoding: Decoder) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((400, 400), 90).resize((4000, 4000)).convert("RGB").save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    many = rewritten(data[:-2] + last * 40 + data[-2:])
    begin = time.monotonic()
    with contextlib.suppress(NotAPicture):
        decoding.check(many.data)
    assert time.monotonic() - begin < decoder.ANSWER_SECONDS
    with pytest.raises(NotAPicture):
        rewritten(data[:-2] + last * 64 + data[-2:])


def test_memory_is_bounded(decoding: Decoder) -> None:
    whole = io.BytesIO()
    Image.new("RGBA", (6300, 6300)).save(whole, "WEBP", lossless=True)
    with pytest.raises(NotAPicture):
        decoding.shrink(b"RIFF" + b"\xff" * 100)
    decoding.check(rewritten(whole.getvalue()).data)


def test_a_process_that_was_killed_is_replaced(decoding: Decoder, decoders: Callable[[], list[int]]) -> None:
    decoding.check(picture())
    (child,) = decoders()
    os.kill(child, 9)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    decoding.check(picture())
    (another,) = decoders()
    assert another != child


def test_an_idle_process_ends_and_the_next_picture_starts_another(
    decoding: Decoder, decoders: Callable[[], list[int]]
) -> None:
    decoding.check(picture())
    (child,) = decoders()
    decoding.end_idle()
    assert decoders() == [child]
    decoding.end_idle(0)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    decoding.check(picture())
    assert decoders() not in ([], [child])


def test_no_process_is_left(decoders: Callable[[], list[int]]) -> None:
    made = Decoder()
    threads = [threading.Thread(target=made.check, args=(picture(),)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pids = decoders()
    assert 1 <= len(pids) <= decoder.MOST_CHILDREN
    made.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(DecoderUnavailable):
        made.check(picture())


def test_the_process_knows_no_secrets(
    decoding: Decoder, decoders: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    decoding.check(picture())
    (child,) = decoders()
    with open(f"/proc/{child}/environ") as environ:
        assert "SECRET_KEY" not in environ.read()
    # The shell that runs the tests may have given them inheritable descriptors too.
    given = {number for number in map(int, os.listdir("/proc/self/fd")) if _is_inheritable(number)}
    assert set(map(int, os.listdir(f"/proc/{child}/fd"))) == {0, 1, 2} | given


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:  # the one that listed the others
        return False


def test_the_process_has_a_lower_priority_from_its_start_on(
    decoding: Decoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Otherwise importing Pillow delays requests."""
    ours, told = os.getpriority(os.PRIO_PROCESS, 0), tmp_path / "priority"
    script = f"import os; open({str(told)!r}, 'w').write(str(os.getpriority(os.PRIO_PROCESS, 0)))"
    monkeypatch.setattr(decoder, "_COMMAND", ["python", "-c", script])
    with pytest.raises(DecoderUnavailable):
        decoding.check(picture())
    assert int(told.read_text()) == min(19, ours + decoder.LOWER_PRIORITY)


def test_where_it_cannot_be_started_one_is_told_to_come_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "_COMMAND", ["python", "-c", "pass"])
    with pytest.raises(ChatError) as caught:
        services.attachments.picture(picture())
    assert caught.value.code is ErrorCode.UNAVAILABLE
    assert caught.value.data["retry_after"]


def test_a_shrunk_picture_is_small_upright_and_bare(decoding: Decoder) -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        shown = Image.open(io.BytesIO(decoding.shrink(rewritten(laden(kind)).data)))
        assert shown.size == ((40, 30) if kind == "GIF" else (30, 40))
        assert not {"exif", "xmp", "comment"} & set(shown.info)
        assert not shown.getexif()
    large = Image.open(io.BytesIO(decoding.shrink(picture("PNG", (3000, 1000)))))
    assert (large.format, large.size) == ("JPEG", (256, 85))
    buffer = io.BytesIO()
    Image.new("RGBA", (300, 600), (250, 120, 0, 128)).save(buffer, "PNG")
    clear = Image.open(io.BytesIO(decoding.shrink(buffer.getvalue())))
    assert (clear.format, clear.size, clear.getchannel("A").getextrema()) == ("PNG", (128, 256), (128, 128))


def test_an_expensive_picture_is_refused_like_an_invalid_one(services: Services) -> None:
    rows = zlib.compress(bytes((4000 * 4 + 4) * 4000), 1)  # a filter byte more for each row of each pass
    text = base64.b64encode(png_of(4000, 4000, interlace=1, data=rows)).decode()
    services.attachments.picture(text)  # large, but it decodes
    for data in (jpeg_of_small_exif(), gif_of_small_frames()):
        with pytest.raises(ChatError) as caught:
            services.attachments.picture(data)
        assert caught.value.code is ErrorCode.IMAGE_INVALID
