"""The page's files at addresses that contain a hash of all of them, so that browsers can cache them for a year.

One hash covers the whole folder, and the files joined from it: `/static/v-<hash>/pages/main.js`. A page that was open
during an upgrade gets the new files at the old addresses, marked as not cacheable.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, send_from_directory

from chat.http.finishing import takes_gzip
from chat.http.ranges import answer_conditionally
from chat.web import bundles
from chat.web.bundles import FOLDER

bp = Blueprint("files", __name__, url_prefix="/static")
_FOR_EVER = "public, max-age=31536000, immutable"
_COMPRESSED = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MARK = "v-"


@cache
def version() -> str:
    """Return the hash of all files."""
    made = hashlib.sha256()
    for path in sorted(path for path in FOLDER.rglob("*") if path.is_file()):
        content = path.read_bytes()
        made.update(f"{path.relative_to(FOLDER)} {len(content)} ".encode() + content)
    for name in bundles.NAMES:
        made.update(_bundle(name))
    return _MARK + made.hexdigest()[:12]


def static_url(filename: str) -> str:
    """Return the address of a file."""
    return f"/static/{version()}/{filename}"


@bp.get("/<path:filename>")
def file(filename: str) -> Response:
    """Serve one file, compressed if the client accepts that."""
    first, _, rest = filename.partition("/")
    is_versioned = first.startswith(_MARK)
    name = rest if is_versioned else filename
    response = _compressed(name) or _joined(name) or send_from_directory(FOLDER, name, conditional=False)
    response.headers["Cache-Control"] = _FOR_EVER if first == version() else "no-cache"
    response.vary.add("Accept-Encoding")
    return answer_conditionally(response)


def _compressed(name: str) -> Response | None:
    path = FOLDER / name
    if path.suffix not in _COMPRESSED or not takes_gzip() or name not in _names():
        return None
    response = Response(_gzip(name), mimetype=_COMPRESSED[path.suffix])
    response.headers["Content-Encoding"] = "gzip"
    response.set_etag(hashlib.sha256(_gzip(name)).hexdigest()[:16])
    return response


def _joined(name: str) -> Response | None:
    if name not in bundles.NAMES:
        return None
    content = _bundle(name)
    response = Response(content, mimetype=_COMPRESSED[Path(name).suffix])
    response.set_etag(hashlib.sha256(content).hexdigest()[:16])
    return response


@cache
def _names() -> frozenset[str]:
    return frozenset([*bundles.NAMES, *(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*"))])


@cache
def _bundle(name: str) -> bytes:
    return bundles.joined(name).encode()


@cache
def _gzip(name: str) -> bytes:
    content = _bundle(name) if name in bundles.NAMES else (FOLDER / name).read_bytes()
    return gzip.compress(content, 9, mtime=0)
