"""Small generated pictures."""

import io
import os
import zlib

from PIL import Image, PngImagePlugin


def picture(kind: str = "PNG", size: tuple[int, int] = (3, 2), color: tuple[int, int, int] = (200, 30, 30)) -> bytes:
    """A picture of that kind, as bytes."""
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, kind)
    return buffer.getvalue()


def noise(size: int) -> bytes:
    """A PNG of about that many bytes: noise does not compress."""
    side = int((size / 3) ** 0.5)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


SECRET = b"SECRET-PLACE 52.5200N"  # placed wherever a picture may contain anything but its pixels


def jpeg_segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload


def png_chunk(kind: bytes, payload: bytes) -> bytes:
    return len(payload).to_bytes(4) + kind + payload + zlib.crc32(kind + payload).to_bytes(4)


def riff_chunk(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) % 2)


def gif_extension(label: int, payload: bytes, piece: int = 255) -> bytes:
    pieces = [payload[at : at + piece] for at in range(0, len(payload), piece)]
    return bytes((0x21, label)) + b"".join(bytes((len(each),)) + each for each in pieces) + b"\0"


def frames(count: int = 3) -> list[Image.Image]:
    """Pictures of 40 x 30 px that differ."""
    return [Image.linear_gradient("L").resize((40, 30)).rotate(90 * n).convert("RGB") for n in range(count)]


def exif(orientation: int = 6) -> Image.Exif:
    """A phone's metadata: orientation, maker, model, location, and maker notes."""
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = SECRET.decode()  # Make
    made.get_ifd(0x8825)[29] = SECRET.decode()  # GPSDateStamp
    made.get_ifd(0x8769)[0x927C] = SECRET  # MakerNote
    return made


def laden(kind: str) -> bytes:
    """A picture of that kind, of 40 x 30 px, that carries all that one of its kind can; PNG, GIF, WEBP: animated."""
    return {"JPEG": _laden_jpeg, "PNG": _laden_png, "GIF": _laden_gif, "WEBP": _laden_webp}[kind]()


def _laden_jpeg() -> bytes:
    buffer = io.BytesIO()
    frames()[0].save(
        buffer, "JPEG", exif=exif(), icc_profile=b"ICC" * 1000, comment=SECRET, progressive=True, quality=95
    )
    data = buffer.getvalue()
    more = [
        jpeg_segment(0xE0, b"JFXX\0" + SECRET),
        jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>" + SECRET),
        jpeg_segment(0xE2, b"MPF\0" + SECRET),
        jpeg_segment(0xED, b"Photoshop 3.0\08BIM\x04\x04" + SECRET),
        jpeg_segment(0xEF, SECRET),
    ]
    after_scan = data.rindex(b"\xff\xda")
    data = data[:after_scan] + jpeg_segment(0xFE, SECRET) + jpeg_segment(0xE1, b"Exif\0\0" + SECRET) + data[after_scan:]
    return data[:2] + b"".join(more) + data[2:] + SECRET + data  # and a second picture behind it


def _laden_png() -> bytes:
    first, *others = frames()
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", SECRET.decode())
    info.add_text("Comment", SECRET.decode(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    first.save(
        buffer,
        "PNG",
        save_all=True,
        append_images=others,
        pnginfo=info,
        exif=exif(),
        icc_profile=b"ICC" * 1000,
        dpi=(72, 72),
    )
    data = buffer.getvalue()
    more = png_chunk(b"tIME", b"\7\xe9\1\1\1\1\1") + png_chunk(b"prVt", SECRET) + png_chunk(b"gAMA", SECRET)
    return data[:33] + more + data[33:-12] + png_chunk(b"tEXt", b"a\0" + SECRET) + data[-12:] + SECRET


def _laden_gif() -> bytes:
    first, *others = frames()
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=70, loop=5, comment=SECRET)
    data = buffer.getvalue()
    more = [
        gif_extension(0xFF, b"XMP DataXMP" + SECRET, 11),
        gif_extension(0x01, bytes(12) + SECRET, 12),
        gif_extension(0xFE, SECRET, 1),
        gif_extension(0x77, SECRET),
    ]
    start = data.index(b"\x21")
    return data[:start] + b"".join(more) + data[start:-1] + more[0] + data[-1:] + SECRET


def _laden_webp() -> bytes:
    first, *others = frames()
    buffer = io.BytesIO()
    first.save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=70,
        loop=5,
        lossless=True,
        exif=exif().tobytes(),
        xmp=SECRET,
        icc_profile=b"ICC" * 1000,
    )
    body = buffer.getvalue()[12:] + riff_chunk(b"juNK", SECRET)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body + SECRET
