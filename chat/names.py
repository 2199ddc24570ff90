"""Valid names, and when two names are equal (docs/specification.md, "Account" and "Room")."""

import re
import unicodedata
from functools import cache
from pathlib import Path

# Controls, lone surrogates, line separators, marks that change text direction, the object replacement character (which
# browsers do not draw) and the Khitan filler: they could make one name look like another.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffc\U00016fe4]"
)
# Characters that render as nothing are ignored when names are compared: Unicode's Default_Ignorable_Code_Point (emoji
# are made with some of them), the blank Braille pattern, annotation marks, the null notehead, Egyptian format controls.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d159"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Those that change how the characters before them are drawn: joiners, variation selectors, tags of flags. They mean
# something in names of many scripts and in emoji, but nothing after ASCII, where only keycaps have one.
_SHAPING = "\u180b-\u180f\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef"
_SHAPING_NOTHING = re.compile(f"(?:^|(?<=[\0-\x7f]))(?!\ufe0f\u20e3)[{_SHAPING}]+")
_SHAPES = re.compile(f"[{_SHAPING}]")
# The upper limit for names, decomposed ones too: letters of some scripts then have three characters, and topics 250
# letters. Normalising takes quadratic time on hostile text (1 ms at this length) and would block everybody else.
LONGEST = 1000
# Rejects anything that a mail header could read as several addresses, or as more than an address.
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")
EMAIL_MAX_CHARS = 254
USERNAME_MAX_CHARS = 32
NICKNAME_MAX_CHARS = 32
EMAIL_NICKNAME_MAX_CHARS = 20  # for accounts registered by e-mail address (ims)
ROOM_NAME_MAX_CHARS = 60
_ENDS_IN_NUMBER = re.compile(r"#\d+\Z")
_LOOK_ALIKES = Path(__file__).with_name("confusables.txt")
_MOST_ROUNDS = 5  # until a skeleton is stable; two are the usual number
RESERVED_ROOM_KEYS = {"status", "feedback"}  # polling's answers have these keys beside room names


def name_key(name: str) -> str:
    """Return the form in which names are compared: NFKC, casefold, invisible characters removed, repeated until stable.

    Returns "", which no name has, for text that is too long.
    """
    if len(name) > LONGEST:
        return ""
    key = name
    while (folded := unicodedata.normalize("NFKC", _INVISIBLE.sub("", key).casefold())) != key:
        key = folded
    return key


def stored_name(name: str) -> str:
    """Return a name as it is stored; it has the same key.

    It is without invisible characters, except those that change how others are drawn, and in NFC where that is shorter:
    keyboards and file systems give é as one character or as two.
    """
    while (stored := _composed(_without_invisible(name))) != name:
        name = stored
    return stored


def _composed(name: str) -> str:
    # As it is where it becomes no shorter: NFC replaces some Chinese characters by others that are drawn differently.
    return min(name, unicodedata.normalize("NFC", name), key=len) if len(name) <= LONGEST else name


def _without_invisible(name: str) -> str:
    drawn = _INVISIBLE.sub(lambda found: found[0] if _SHAPES.match(found[0]) else "", name)
    return _SHAPING_NOTHING.sub("", drawn)


def nickname_key(nickname: str) -> str:
    """Return the key of a nickname: as for names, without the invisible characters that only nicknames may contain."""
    return name_key(_FORBIDDEN.sub("", nickname)).strip()


def skeleton(name: str) -> str:
    """Return the skeleton of a name: two names that look alike have the same skeleton, at most a few others have.

    The skeleton of Unicode TS 39, made coarser: without regard to case, spaces and punctuation, and with i as l, since
    a capital I looks like an l. So names with equal skeletons by TS 39 have equal ones here. Returns "" for text that
    is too long.
    """
    if len(name) > LONGEST:
        return ""
    look = _prototypes(_INVISIBLE.sub("", _FORBIDDEN.sub("", name)))
    for _ in range(_MOST_ROUNDS):
        folded = _prototypes(unicodedata.normalize("NFKC", look.casefold()))
        if folded == look:
            break
        look = folded
    letters = "".join(char for char in look if unicodedata.category(char)[0] not in "PZ")
    return (letters or look).replace("i", "l")


def _prototypes(text: str) -> str:
    """Replace each character by the one that stands for all that look like it (TS 39, section 4)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).translate(_look_alikes()))


@cache
def _look_alikes() -> dict[int, str]:
    found: dict[int, str] = {}
    for line in _LOOK_ALIKES.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        sources, _, prototype = line.partition("; ")
        for source in sources.split():
            first, _, last = source.partition("-")
            text = "".join(chr(int(code, 16)) for code in prototype.split())
            found |= dict.fromkeys(range(int(first, 16), int(last or first, 16) + 1), text)
    return found


def stored_length(name: str) -> int:
    """Return the number of characters of a name as it is stored; of a name that is too long anyway, as it is given."""
    return len(stored_name(name) if len(name) <= LONGEST else name)


def is_name(name: str, max_chars: int) -> bool:
    """Whether a username or title is well-formed, and stored with at most max_chars characters."""
    key = name_key(name)
    return (
        name == name.strip()
        and key == key.strip()
        and _begins_with_base(key)
        and not _FORBIDDEN.search(name)
        and stored_length(name) <= max_chars
    )


def is_nickname(nickname: str, max_chars: int) -> bool:
    """Whether a nickname of ims is well-formed, where all characters are allowed: it never identifies a user."""
    return _begins_with_base(nickname_key(nickname)) and stored_length(nickname) <= max_chars


def _begins_with_base(key: str) -> bool:
    """Whether there is a first character that can be drawn alone: no combining mark (RFC 5891, 4.2.3.2), no format."""
    return key != "" and unicodedata.category(key[0]) not in {"Mn", "Mc", "Me", "Cf"}


def is_visible(text: str) -> bool:
    """Whether a text has a visible character: not only spaces, controls and characters that render as nothing."""
    begins_visibly = text[:1].isalnum() and not _INVISIBLE.match(text)  # four blank letters count as alphanumeric
    return begins_visibly or _FORBIDDEN.sub("", _INVISIBLE.sub("", text)).strip() != ""


def is_email(text: str) -> bool:
    """Whether the text is a valid e-mail address and could be a username too."""
    # In a mail header, "=?" may begin an encoded word (RFC 2047) that stands for another address.
    is_whole = "=?" not in text and not _INVISIBLE.search(text)
    return is_whole and is_name(text, EMAIL_MAX_CHARS) and _EMAIL.fullmatch(text) is not None


def is_reserved_room_name(name: str) -> bool:
    """Whether protocols that address rooms by name must refuse to create this one."""
    key = name_key(name)
    return key in RESERVED_ROOM_KEYS or _ENDS_IN_NUMBER.search(key) is not None
