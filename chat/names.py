"""What may be a name, and when two names are the same (specs, "Account" and "Room")."""

import re
import unicodedata

# Controls, lone surrogates, line separators; and the marks that turn the direction of text around them,
# with which one name could be made to look like another.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_ENDS_IN_NUMBER = re.compile(r"#\d+\Z")
RESERVED_ROOM_KEYS = {"status", "feedback"}  # polling's answers have room names beside these


def name_key(name: str) -> str:
    """The form under which a name is unique: NFKC and casefold, until nothing changes any more."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_name(name: str, max_chars: int) -> bool:
    """Whether a username or title of 1 to max_chars characters is well-formed."""
    key = name_key(name)
    return (
        0 < len(name) <= max_chars and name == name.strip() and key == key.strip() != "" and not _FORBIDDEN.search(name)
    )


def is_reserved_room_name(name: str) -> bool:
    """Whether protocols that address rooms by name must refuse to create it."""
    key = name_key(name)
    return key in RESERVED_ROOM_KEYS or _ENDS_IN_NUMBER.search(key) is not None
