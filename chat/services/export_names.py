"""Names of files in an export, safe on every system."""

import re

from chat.models import StoredMessage

NAME_MAX_CHARS = 80
# Characters that Windows refuses, or that have a meaning in other systems or shells.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}


def file_stem(text: str) -> str:
    """Return the text as a part of a file name; "" if nothing is left."""
    return _UNSAFE.sub("_", text)[:NAME_MAX_CHARS].strip(" .")


def attachment_path(message: StoredMessage, media_type: str) -> str:
    """Return the path of a message's picture or file: the id makes it unique, and never a reserved name."""
    stem, dot, suffix = message.filename.rpartition(".")
    if not message.filename or not dot or len(suffix) > 10:
        stem, suffix = message.filename, _SUFFIXES.get(media_type, "").removeprefix(".")
    name = f"{message.id}-{file_stem(stem)}".rstrip("-")
    ending = file_stem(suffix)
    return f"attachments/{name}.{ending}" if ending else f"attachments/{name}"
