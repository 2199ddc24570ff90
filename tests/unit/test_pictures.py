"""Pictures are rewritten: the same pixels without location and author."""

import base64
import io
import random
import struct
import warnings
import zlib

import pytest
from PIL import Image, ImageOps

from chat.pictures import MAX_PIXELS, NotAPicture, exif, from_text, rewritten
from tests.pictures import SECRET, frames, jpeg_segment, laden, picture, png_chunk, riff_chunk

KINDS = ["JPEG", "PNG", "GIF", "WEBP"]


def opened(data: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a second picture that is invalid
        return Image.open(io.BytesIO(data))


def pixels(data: bytes) -> list[bytes]:
    """Of each frame, as it is shown."""
    image = opened(data)
    shown = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        shown.append(ImageOps.exif_transpose(image).convert("RGBA").tobytes())
    return shown


@pytest.mark.parametrize("kind", KINDS)
def test_only_visible_content_is_kept(kind: str) -> None:
    data = laden(kind)
    kept = rewritten(data)
    assert SECRET[:11] in data
    assert SECRET[:11] not in kept.data
    assert (kept.width, kept.height) == (40, 30)
    assert kept.media_type == f"image/{kind.lower()}"
    image = opened(kept.data)
    assert image.format == kind
    assert pixels(kept.data) == pixels(data)
    assert not {"comment", "xmp", "photoshop", "mp", "Author", "XML:com.adobe.xmp"} & set(image.info)
    assert dict(image.getexif()) == ({0x0112: 6} if kind != "GIF" else {})


@pytest.mark.parametrize("kind", KINDS)
def test_rewriting_again_changes_nothing(kind: str) -> None:
    once = rewritten(laden(kind))
    assert rewritten(once.data) == once


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_colour_profile_stays(kind: str) -> None:
    assert opened(rewritten(laden(kind)).data).info["icc_profile"] == b"ICC" * 1000


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_it_stays_the_right_way_up(kind: str, orientation: int) -> None:
    made = Image.Exif()
    made[0x0112] = orientation
    buffer = io.BytesIO()
    frames()[0].save(buffer, kind, exif=made.tobytes())
    kept = rewritten(buffer.getvalue()).data
    assert opened(kept).getexif().get(0x0112, 1) == (orientation if orientation < 9 else 1)
    assert pixels(kept) == pixels(buffer.getvalue())


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_animations_move_as_before(kind: str) -> None:
    kept = rewritten(laden(kind))
    image = opened(kept.data)
    assert kept.is_animated
    assert image.n_frames == 3  # type: ignore[attr-defined]
    image.load()
    if kind != "PNG":
        assert (image.info["loop"], image.info["duration"]) == (5, 70)
    assert not rewritten(picture(kind)).is_animated


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("I;16", "PNG"), ("L", "JPEG"), ("CMYK", "JPEG"),
        ("P", "GIF"), ("RGBA", "WEBP"),
    ],
)  # fmt: skip
def test_all_kinds_of_pixels_stay_as_they_are(mode: str, kind: str) -> None:
    image = Image.linear_gradient("L").resize((50, 40))
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(Image.radial_gradient("L").resize((50, 40)))
    else:
        image = image.convert(mode) if mode != "I;16" else image.convert("I").convert("I;16")
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"transparency": 7} if mode == "P" else {}))
    kept = rewritten(buffer.getvalue()).data
    assert opened(kept).mode == opened(buffer.getvalue()).mode
    assert pixels(kept) == pixels(buffer.getvalue())


def test_a_profile_that_inflates_without_end_is_left_out() -> None:
    data = picture("PNG")
    bomb = png_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(3_000_000)))
    assert b"iCCP" not in rewritten(data[:33] + bomb + data[33:]).data
    large = [jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 20)) + bytes(60_000)) for n in range(1, 21)]
    data = picture("JPEG")
    assert b"ICC_PROFILE" not in rewritten(data[:2] + b"".join(large) + data[2:]).data


@pytest.mark.parametrize("kind", KINDS)
def test_no_picture_that_is_cut_off_is_taken(kind: str) -> None:
    whole = rewritten(laden(kind)).data
    for length in range(len(whole)):
        with pytest.raises(NotAPicture):
            rewritten(whole[:length])


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_or_kept_but_never_another_error(kind: str) -> None:
    rng = random.Random(kind)
    whole = laden(kind)
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 5)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            kept = rewritten(bytes(data))
        except NotAPicture:
            continue
        assert 0 < kept.width * kept.height <= MAX_PIXELS
        assert rewritten(kept.data) == kept  # accepted output is well-formed


@pytest.mark.parametrize(("width", "height"), [(0, 5), (6401, 6250), (65_535, 65_535)])
@pytest.mark.parametrize("kind", KINDS)
def test_none_and_too_many_pixels_are_refused(kind: str, width: int, height: int) -> None:
    data = bytearray(picture(kind))
    if kind == "PNG":
        data[8:33] = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    elif kind == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
        at = data.index(b",", 13)
        data[at + 5 : at + 9] = struct.pack("<HH", width, height)
    elif kind == "JPEG":
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    else:
        canvas = (max(width, 1) - 1).to_bytes(3, "little") + (max(height, 1) - 1).to_bytes(3, "little")
        body = b"WEBP" + riff_chunk(b"VP8X", bytes(4) + canvas) + bytes(data[12:])
        data = bytearray(b"RIFF" + len(body).to_bytes(4, "little") + body)
    with pytest.raises(NotAPicture):
        rewritten(bytes(data))


def test_other_formats_are_refused() -> None:
    for data in (b"", b"GIF89a", b"<svg/>", b"%PDF-1.7", picture("BMP"), picture("TIFF"), b"\xff\xd8\xff", b"RIFF"):
        with pytest.raises(NotAPicture):
            rewritten(data)


def test_base64_is_read_however_it_is_wrapped() -> None:
    for text in ("aGk=", "aGk", " aG\r\n k=\t", "data:image/png;base64,aGk=", "data:;charset=x;base64,aGk"):
        assert from_text(text) == b"hi"
    for text in ("aG!k=", "aGk=aGk=", "é", "data:image/png,aGk=", "a"):
        with pytest.raises(NotAPicture):
            from_text(text)


def test_base64_in_lines_is_read_like_base64_in_one_line() -> None:
    for size in range(70):
        text = base64.b64encode(bytes(range(size))).decode()
        assert from_text(text) == bytes(range(size))
        assert from_text("\n".join(text[at : at + 7] for at in range(0, len(text), 7))) == bytes(range(size))
    for text in ("aGk=" + "a" * 100, "aGk=" * 3, "a" * 65, "aGk=" + " " * 100 + "a"):
        with pytest.raises(NotAPicture):
            from_text(text)


def test_exif_is_read_in_either_byte_order_with_any_content() -> None:
    for order, mark in ((">", b"MM\0*"), ("<", b"II*\0")):
        entries = struct.pack(order + "HHIHH", 0x0100, 3, 1, 9, 0) + struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0)
        tiff = mark + struct.pack(order + "IH", 8, 2) + entries
        assert exif.orientation(tiff) == 8
        assert exif.orientation(tiff[:-8]) == exif.UPRIGHT
    assert exif.orientation(exif.only(5)) == 5
    assert exif.orientation(b"MM\0*" + b"\xff" * 20) == exif.UPRIGHT
