import time
import unicodedata

import pytest

from chat import names
from chat.names import (
    is_email,
    is_name,
    is_nickname,
    is_reserved_room_name,
    is_visible,
    name_key,
    skeleton,
    stored_name,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "ALICE"),
        ("straße", "STRASSE"),
        ("ﬁsh", "FISH"),
        ("ＡＢＣ", "abc"),
        ("é", "e\u0301"),
        ("alice", "al\u200bice"),
        ("☕", "☕\ufe0f"),
        ("ab", "a\u00adb"),
        ("admin", "admin\u2800"),
        ("admin", "ad\ufff9min"),
        ("admin", "\U0001d159admin"),
    ],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(
    "name", ["ß", "ﬁ", "İ", "ǰ", "ᾳ", "㎒", "ﷺ", "ﾞ", "Ⅷ", "ſ", "\u0345", "a\u034f\u0301", "\u3164x"]
)
def test_a_key_is_its_own_key(name: str) -> None:
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize(
    "invisible",
    [
        *("\u00ad", "\u034f", "\u115f", "\u17b4", "\u180e", "\u200b", "\u200c", "\u200d", "\u2060", "\u2064", "\u206f"),
        *("\u2800", "\u3164", "\ufe00", "\ufe0f", "\ufeff", "\uffa0", "\ufff9", "\U0001d159", "\U000e0001"),
        *("\U000e0061", "\U000e0101", "\u200b\u200d", "\u200d\ufe0f\u200d", "\ufe0f\u00ad\ufe0f"),
    ],
)
def test_invisible_characters_are_not_stored_in_names(invisible: str) -> None:
    for name in (f"{invisible}admin", f"ad{invisible}min", f"admin{invisible}"):
        assert stored_name(name) == "admin", ascii(name)


@pytest.mark.parametrize(
    "name",
    [
        *("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0915\u094d\u200d\u0937", "\u845b\U000e0100\u57ce"),
        *("\u1820\u180b", "\u2764\ufe0f 7b", "1\ufe0f\u20e3 one", "\U0001f468\u200d\U0001f469\u200d\U0001f467 Kim"),
        *("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f9d1\u200d\u2764\ufe0f\u200d\U0001f9d1", "\u092f\u093c"),
    ],
)
def test_characters_that_shape_others_stay_in_names(name: str) -> None:
    assert stored_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("a\u200bb\u00ad", "1\u200d\ufe0f\u20e3", "\u200d\u0645\u200c", "e\u034f\u0301", "x\u2800\ufe0fy"),
        *("e\u200b\u0301", "\u212a\u200d\u0301\u0301", "\u1112\u1161\u11ab", "\ufa19e\u0301", "\u0958"),
    ],
)
def test_a_stored_name_is_still_the_same_one(name: str) -> None:
    stored = stored_name(name)
    assert name_key(stored) == name_key(name)
    assert stored_name(stored) == stored


@pytest.mark.parametrize("address", ["ve\u00adra@y.zz", "vera@y\u200b.zz", "vera\ufe0f@y.zz", "\u2800vera@y.zz"])
def test_an_address_has_no_invisible_characters(address: str) -> None:
    assert is_email("vera@y.zz")
    assert not is_email(address)


@pytest.mark.parametrize(
    "name",
    [
        "\u200b",
        "\u3164",
        "\ufeff",
        "\u2800\u2800\u2800",
        "\ufffa",
        "\u200ealice",
        "\u061calice",
        "\ud800",
        "a\u0000",
        "\u202eabc",
        "\u2066x",
        "a\u2029b",
        "\u3000x",
        "x\u200a",
        "\u0301",
        "\u0e34\u0e49",
        "\u093e",
        "\u20dd",
        *("\ufffc", "admin\ufffc", "ad\U00016fe4min"),
        "\u0301alice",
        "\u200b\u0301",
        "\ufe0f\u0301\u200d",
        "\u070f",
    ],
)
def test_invalid_names(name: str) -> None:
    assert not is_name(name, 32)


def test_length_counts_characters() -> None:
    assert is_name("字" * 32, 32)
    assert not is_name("字" * 33, 32)
    assert is_name("ﷺ" * 32, 32)  # long only in its key


@pytest.mark.parametrize("letter", ["\u00e9", "\u1ebf", "\ud55c", "\u304c", "\u0419", "\u0622"])
def test_a_letter_counts_once_however_a_keyboard_composes_it(letter: str) -> None:
    decomposed = unicodedata.normalize("NFD", letter)
    assert len(decomposed) > len(letter) == 1
    for most in (16, 32, 60, 250):
        assert is_name(decomposed * most, most)
        assert not is_name(decomposed * (most + 1), most)
        assert stored_name(decomposed * most) == letter * most
    assert is_nickname(decomposed * 20, 20)
    assert not is_nickname(decomposed * 21, 20)


def test_a_letter_that_is_longer_composed_counts_as_typed() -> None:
    for letter in ("\u0958", "\ufb2c", "\u2adc"):
        assert len(unicodedata.normalize("NFC", letter)) > 1
        assert is_name(letter * 32, 32)
        assert stored_name(letter) == letter
    assert stored_name("\ufa19") == "\ufa19"  # in NFC another character, which is drawn differently


def test_length_counts_what_is_stored() -> None:
    for invisible in ("\u200b", "\u00ad" * 9, "\ufe0f\u200d"):
        assert is_name(f"{invisible}{'a' * 31}{invisible}b{invisible}", 32)
        assert not is_name(f"{invisible}{'a' * 33}", 32)
        assert is_nickname(f"{'a' * 20}{invisible}", 20)
    assert not is_name("\u200b" * 390 + "a" * 33, 32)
    assert not is_name("a" + "\u200b" * 1_000_000, 32)


@pytest.mark.parametrize(
    "name", ["e\u0301", "👍\U0001f3fd", "◌\u0301", "\u0e01\u0e34", "1\ufe0f\u20e3", "-", "\U0001fae8"]
)
def test_a_name_begins_with_a_character_that_can_stand_alone(name: str) -> None:
    assert is_name(name, 32)
    assert is_nickname(f" {name}", 20)
    assert not is_nickname(" \u0301\u200b", 20)


def test_reserved_room_names() -> None:
    for name in ("status", "Feedback", "#1", "room #22", "x#٣", "ＳＴＡＴＵＳ"):
        assert is_reserved_room_name(name)
    for name in ("statuses", "my status", "#", "#1a", "22"):
        assert not is_reserved_room_name(name)


def test_hostile_text_takes_no_time() -> None:
    assert name_key("a" + "\u0301\u0316" * 60_000) == ""
    assert not is_name("a" + "\u0301\u0316" * 60_000, 10**9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\t",
        "\u200b",
        "\u2800",
        "\ufeff \u3164",
        "\u3000",
        "\u202e",
        "\x07",
        "\u3164",
        "\u115f\u1160",
        "\uffa0 ",
        "\ufffc",
        "\U00016fe4 ",
    ],
)
def test_invisible_texts(text: str) -> None:
    assert not is_visible(text)


@pytest.mark.parametrize(
    "text", ["a", " .", "☕", "❤\ufe0f", "\u200bx", "\u3164x", "字", "\u0e34", "👨\u200d👩", "\U0001fae8"]
)
def test_visible_texts(text: str) -> None:
    assert is_visible(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ms Berger", "\u041cs B\u0435rg\u0435r"),  # Cyrillic
        ("Ms Berger", "Ms. Berger"),
        ("Ms Berger", "Ms  Berger"),
        ("Ms Berger", "\U0001d4dc\U0001d4fc \U0001d4d1\U0001d4ee\U0001d4fb\U0001d4f0\U0001d4ee\U0001d4fb"),
        ("Mr Hill", "MR HIIL"),
        ("Mr Hill", "Mr Hi|1"),
        ("mary", "rnary"),
        ("Bob", "b0b"),
        ("Ms\u200d Li", "Ms Li"),
        ("\u7acb\u82b1", "\u2f74\u82b1"),  # a radical
    ],
)
def test_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other) != ""


def test_names_that_look_different_have_other_skeletons() -> None:
    names = ["kim", "kin", "Li Ming", "Li Min", "王老师", "王老实", "нина", "nina", "---", "...", "bob2", "bob3"]
    assert len({skeleton(name) for name in names}) == len(names)


def test_the_table_of_look_alikes_is_whole() -> None:
    letters = {"\u0430": "a", "\u0455": "s", "\uff21": "A", "\U0001d7ce": "O", "m": "rn", "\u2573": "X"}
    assert {char: names._look_alikes()[ord(char)] for char in letters} == letters
    assert len(names._look_alikes()) == 6565  # Unicode 17.0.0


@pytest.mark.parametrize("name", ["\ufdfa" * 400, "\u0344" * 400, "a\u0315\u0300\u05aeb" * 80, "\u0301" * 401])
def test_a_skeleton_of_hostile_text_takes_no_time(name: str) -> None:
    skeleton("")  # the table is loaded
    begun = time.process_time()
    skeleton(name)
    assert time.process_time() - begun < 0.1
