"""What may be a name, and when two names are the same (specs, "Account" and "Room")."""

import re
import unicodedata

# Controls, lone surrogates, line separators; and the marks that turn the direction of text around them,
# with which one name could be made to look like another.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# Characters that render as nothing are ignored when names are compared: Unicode's Default_Ignorable_Code_Point (emoji
# are made with some of them), the blank Braille pattern, annotation marks, the null notehead, Egyptian format controls.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# No name is longer. Normalising takes quadratic time on hostile text, and holds up everybody else.
LONGEST = 400
# What could be more than one address, or more than an address, in a mail's header is none.
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
EMAIL_MAX_CHARS = 254
_ENDS_IN_NUMBER = re.compile(r"#\d+\Z")
RESERVED_ROOM_KEYS = {"status", "feedback"}  # polling's answers have room names beside these


def name_key(name: str) -> str:
    """The form under which a name is unique: NFKC, casefold, without what shows as nothing, until it stays the same.

    "", which is nobody's, for what is too long to be a name.
    """
    if len(name) > LONGEST:
        return ""
    key = name
    while (folded := unicodedata.normalize("NFKC", _INVISIBLE.sub("", key).casefold())) != key:
        key = folded
    return key


def is_name(name: str, max_chars: int) -> bool:
    """Whether a username or title of 1 to max_chars characters is well-formed."""
    key = name_key(name)
    return (
        0 < len(name) <= max_chars and name == name.strip() and key == key.strip() != "" and not _FORBIDDEN.search(name)
    )


def is_visible(text: str) -> bool:
    """Whether any character of a text shows: not only spaces, controls and characters that render as nothing."""
    return text[:1].isalnum() or _FORBIDDEN.sub("", _INVISIBLE.sub("", text)).strip() != ""


def is_email(text: str) -> bool:
    """Whether it has the form of a mail address that may be a username too."""
    # In a mail's header, "=?" may begin an encoded word (RFC 2047), which stands for another address.
    return is_name(text, EMAIL_MAX_CHARS) and _EMAIL.fullmatch(text) is not None and "=?" not in text


def is_reserved_room_name(name: str) -> bool:
    """Whether protocols that address rooms by name must refuse to create it."""
    key = name_key(name)
    return key in RESERVED_ROOM_KEYS or _ENDS_IN_NUMBER.search(key) is not None
