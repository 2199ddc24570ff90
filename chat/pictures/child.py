"""The child process that decodes pictures, started by decoder.py with a socket (wire.py) as standard input.

It has no secrets, files or connections. Each picture may use CPU_SECONDS and MEMORY_BYTES; beyond that the kernel kills
the process, and decoder.py starts another. It exits when the socket is closed, and therefore with its parent.
"""

import contextlib
import io
import math
import resource
import socket
import time
import warnings

from PIL import GifImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from chat.pictures.bounds import MOST_PIXELS_DECODED
from chat.pictures.wire import CHECK, HEAD, READY, SIDES

CPU_SECONDS = 2  # the kernel rounds up to whole seconds
MEMORY_BYTES = 1024 * 1024 * 1024  # address space: 40 megapixels of RGBA, twice, and the interpreter
PROFILE_MAX_BYTES = 4096  # of the scaled picture's colour profile; larger ones are removed
_PLUGINS = (PngImagePlugin, JpegImagePlugin, GifImagePlugin, WebPImagePlugin)  # imported before the limits apply
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


def check(data: bytes) -> bytes:
    """Decode the picture, or the first frame of an animation. Raises anything that Pillow may raise."""
    with _open(data) as image:
        if image.width * image.height <= MOST_PIXELS_DECODED:
            image.draft(image.mode, (1, 1))  # JPEG: decoding at an eighth of the size takes a quarter of the time
            image.load()
        else:
            image.verify()
    return b""


def shrink(data: bytes, side: int) -> bytes:
    """Scale to a still picture of at most side x side px, upright: JPEG, or PNG for transparency or a palette."""
    with _open(data) as image:
        profile = image.info.get("icc_profile")
        image.thumbnail((side, side))
        is_lossless = image.has_transparency_data or image.mode in ("1", "L", "P")
        if image.mode == "P" or image.has_transparency_data:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        elif image.mode not in ("1", "L", "RGB"):
            image, profile = image.convert("RGB"), None  # the profile may be for CMYK
        upright = ImageOps.exif_transpose(image)
    upright.info.clear()
    if profile is not None and len(profile) > PROFILE_MAX_BYTES:
        profile = None
    buffer = io.BytesIO()
    if is_lossless:
        upright.save(buffer, "PNG", icc_profile=profile)
    else:
        upright.save(buffer, "JPEG", quality=88, icc_profile=profile)
    return buffer.getvalue()


def serve(connection: socket.socket) -> None:
    """Answer requests until the other end closes."""
    connection.sendall(READY)
    while head := _receive(connection, HEAD.size):
        operation, length = HEAD.unpack(head)
        data = _receive(connection, length)
        _limit_cpu()
        try:
            is_fine, answer = b"\1", check(data) if operation == CHECK else shrink(data, SIDES[operation])
        except Exception:  # anything that hostile bytes make a decoder raise, MemoryError included
            is_fine, answer = b"\0", b""
        connection.sendall(HEAD.pack(is_fine, len(answer)) + answer)


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=_FORMATS)


def _receive(connection: socket.socket, length: int) -> bytes:
    """Read this many bytes; fewer if the connection ends."""
    received = bytearray()
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            return b""
        received += piece
    return bytes(received)


def _limit_cpu() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time()) + CPU_SECONDS, hard))


def _confine() -> None:
    limits = [
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ]
    for kind, most in limits:
        with contextlib.suppress(OSError, ValueError):  # systems without this limit, or with a lower one
            resource.setrlimit(kind, (most, most))


def main() -> None:
    connection = socket.socket(fileno=0)
    Image.preinit()
    Image.MAX_IMAGE_PIXELS = None  # the size has been checked already
    warnings.simplefilter("ignore")
    _confine()
    serve(connection)


if __name__ == "__main__":
    main()
