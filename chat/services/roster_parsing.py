"""Parsing a roster: CSV as saved by spreadsheets (docs/decisions/0111). Does not use the database."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from chat.names import (
    NICKNAME_MAX_CHARS,
    ROOM_NAME_MAX_CHARS,
    USERNAME_MAX_CHARS,
    is_name,
    is_reserved_room_name,
    name_key,
    stored_name,
)
from chat.security import passwords

MOST_LINES = 2000  # people
MOST_BYTES = 4 * 1024 * 1024
MOST_CELL_CHARS = 2000
MOST_PROBLEMS = 100  # reported
MOST_ROOMS = 20  # per person
_HEADS = {
    "username": "username",
    "用户名": "username",
    "name": "name",
    "姓名": "name",
    "password": "password",
    "密码": "password",
    "rooms": "rooms",
    "房间": "rooms",
}
_GBK_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xfe]")
_FULL_WIDTH = (0xA1, 0xA3)  # the rows of GB 2312 with punctuation and full-width Latin
_LAST_OF_HANGUL = 0xC8  # the row of EUC-KR's last syllables; 46 % of the characters of Chinese names come after it
_DISTINCT = 12  # of them, from which on it is no chance that all are before it: 0.06 %
_CHINESE_HEAD = "用户名".encode("gb18030")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # byte order marks
_DOCUMENTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods, .numbers; .xls
_SEPARATOR_LINE = re.compile(
    r'"?sep=([,;\t|])"?[,;\t|]*(?:\r\n|\r|\n|$)', re.IGNORECASE
)  # which Excel writes and hides
# Spreadsheets take a cell that begins so for a formula; those of East Asia also with full-width signs.
FORMULA_SIGNS = tuple("=+-@＝＋－＠")


class Problem(Enum):
    """A problem of a file or a line. The comment lists the data of each."""

    SPREADSHEET = auto()
    ENCODING = auto()
    NO_HEADER = auto()
    NO_PEOPLE = auto()
    TOO_LARGE = auto()  # limit (bytes)
    TOO_MANY = auto()  # limit (lines)
    BROKEN = auto()
    USERNAME = auto()
    USERNAME_MISSING = auto()
    NAME = auto()
    PASSWORD = auto()  # min, max (characters)
    ROOM = auto()  # room
    ROOMS = auto()  # limit (rooms)
    FORMULA = auto()  # text
    NO_COLUMN = auto()  # text: of the first cell beyond the columns
    TWICE = auto()  # username, other (line)
    # detected with the database
    TAKEN = auto()  # username: a deleted account's, or a mail address
    NAME_TAKEN = auto()  # name: another's username
    TEACHER = auto()  # username
    LIKE_TEACHER = auto()  # name: it looks like a teacher's
    PRIVATE_ROOM = auto()  # room


@dataclass(frozen=True, slots=True)
class Complaint:
    line: int  # counted from 1 as a spreadsheet does; 0: the whole file
    problem: Problem
    data: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RosterLine:
    line: int
    username: str
    name: str
    password: str  # "": not given
    rooms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roster:
    lines: list[RosterLine]
    complaints: list[Complaint]


def read_roster(data: bytes, password_min: int, password_max: int) -> Roster:
    """Return the valid lines and the problems of the others, at most MOST_PROBLEMS."""
    if len(data) > MOST_BYTES:
        return _useless(Problem.TOO_LARGE, limit=MOST_BYTES)
    if data.startswith(_DOCUMENTS):
        return _useless(Problem.SPREADSHEET)
    text = _decoded(data)
    if text is None or "\0" in text:
        return _useless(Problem.ENCODING)
    text, separator = _separated(text)
    rows = _Rows(text, separator)
    try:
        columns, width = _columns(rows)
        if "username" not in columns:
            return _useless(Problem.ENCODING if b"\0" in data and not data.startswith(_UTF_16) else Problem.NO_HEADER)
        return _Reading(columns, width, password_min, password_max).read(rows)
    except csv.Error:  # a quote that does not end, NUL, an endless cell
        return Roster([], [Complaint(rows.line, Problem.BROKEN)])


def _useless(problem: Problem, **data: object) -> Roster:
    return Roster([], [Complaint(0, problem, data)])


def _decoded(data: bytes) -> str | None:
    """Return the text in the first encoding that fits; None if there is no such encoding."""
    guesses = ["utf-8-sig", "gb18030"]  # GBK is a subset
    if data.startswith(_UTF_16):
        guesses = ["utf-16"]
    elif b"\0" in data:  # of separators and line ends; without a mark of which half comes first
        guesses = ["utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be"]
    for encoding in guesses:
        try:
            text = data.decode(encoding).lstrip("\ufeff")  # programs that add a mark add it again
        except UnicodeDecodeError:
            continue
        return None if encoding == "gb18030" and not _is_chinese(data) else text
    return None


def _is_chinese(data: bytes) -> bool:
    """Whether a file that can be read as GBK is likely to be: "Hélène" in Windows-1252 becomes "H閘鑞e" by it.

    Most of the characters are then among the 3,755 commonest (GB 2312, first level), unlike in other encodings, and not
    all of them where EUC-KR has its syllables; or there is only punctuation, such as ；, or full-width Latin.
    """
    if _CHINESE_HEAD in data:
        return True
    pairs: list[bytes] = _GBK_PAIR.findall(data)
    signs = [pair for pair in pairs if not (0xA1 <= pair[0] <= 0xA9 and pair[1] >= 0xA1)]
    distinct = set(signs)
    if len(distinct) >= _DISTINCT and all(pair[0] <= _LAST_OF_HANGUL for pair in distinct):
        return False
    common = sum(0xB0 <= pair[0] <= 0xD7 and pair[1] >= 0xA1 for pair in signs)
    return common * 2 > len(signs) or not (signs or any(pair[0] not in _FULL_WIDTH for pair in pairs))


def _separated(text: str) -> tuple[str, str]:
    """Return the text and its separator: that of a first line such as `sep=;`, which is emptied, or the likeliest."""
    told = _SEPARATOR_LINE.match(text)
    if told is not None:
        return "\n" + text[told.end() :], told[1]
    first = next((line for line in text.splitlines() if line.strip()), "")
    return text, max(",;\t", key=first[:MOST_CELL_CHARS].count)


class _Rows(Iterator[list[str]]):
    """The rows of a text. Raises csv.Error; `line` is then where the broken row begins, else where the last one did."""

    def __init__(self, text: str, separator: str) -> None:
        self._reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        self.line = 0

    def __next__(self) -> list[str]:
        self.line = self._reader.line_num + 1
        return next(self._reader)


def _columns(rows: _Rows) -> tuple[dict[str, int], int]:
    """Map columns to their meaning, by the first non-empty line, and count them."""
    for row in rows:
        if any(cell.strip() for cell in row):
            heads = [_HEADS.get(name_key(cell[:50]).strip()) for cell in row]  # also with invisible characters
            return {head: column for column, head in reversed(list(enumerate(heads))) if head}, len(row)
    return {}, 0


class _Reading:
    def __init__(self, columns: dict[str, int], width: int, password_min: int, password_max: int) -> None:
        self._columns, self._width = columns, width
        self._password_min, self._password_max = password_min, password_max
        self._roster = Roster([], [])
        self._seen: dict[str, int] = {}  # lines, by the key of their username

    def read(self, rows: _Rows) -> Roster:
        """All lines after the header."""
        found = self._roster
        count = 0
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            count += 1
            if count > MOST_LINES:
                return _useless(Problem.TOO_MANY, limit=MOST_LINES)
            if len(found.complaints) < MOST_PROBLEMS:
                self._read_row(rows.line, row)
        if count == 0:
            return _useless(Problem.NO_PEOPLE)
        return found

    def _read_row(self, line: int, row: list[str]) -> None:
        cells = {name: row[column].strip() if column < len(row) else "" for name, column in self._columns.items()}
        username, password = cells["username"], cells.get("password", "")
        name = cells.get("name", "") or username
        rooms = tuple(dict.fromkeys(filter(None, (r.strip() for r in _split(cells.get("rooms", ""))))))
        complaint = self._complaint(username, name, password, rooms)
        beyond = next(filter(None, map(str.strip, row[self._width :])), "")
        if beyond:  # such as the second room where ; separates cells: they would be lost
            complaint = (Problem.NO_COLUMN, {"text": beyond[:60]})
        username, name, key = stored_name(username), stored_name(name), name_key(username)
        if complaint is None and key in self._seen:
            complaint = (Problem.TWICE, {"username": username, "other": self._seen[key]})
        if complaint is not None:
            self._roster.complaints.append(Complaint(line, *complaint))
            return
        self._seen[key] = line
        self._roster.lines.append(RosterLine(line, username, name, password, rooms))

    def _complaint(
        self, username: str, name: str, password: str, rooms: tuple[str, ...]
    ) -> tuple[Problem, dict[str, object]] | None:
        if not username:
            return Problem.USERNAME_MISSING, {}
        for text in (username, name, *rooms):
            if text.startswith(FORMULA_SIGNS):
                return Problem.FORMULA, {"text": text[:60]}
        if not is_name(username, USERNAME_MAX_CHARS):
            return Problem.USERNAME, {}
        if not is_name(name, NICKNAME_MAX_CHARS):
            return Problem.NAME, {}
        if password and not self._password_min <= len(passwords.normal(password)) <= self._password_max:
            return Problem.PASSWORD, {"min": self._password_min, "max": self._password_max}
        if len(rooms) > MOST_ROOMS:
            return Problem.ROOMS, {"limit": MOST_ROOMS}
        for room in rooms:
            if not is_name(room, ROOM_NAME_MAX_CHARS) or is_reserved_room_name(room):
                return Problem.ROOM, {"room": room[:60]}
        return None


def _split(rooms: str) -> list[str]:
    return rooms[:MOST_CELL_CHARS].replace("；", ";").split(";")
