"""Commands of the administrator that are refused or fail: each says so in one line."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask import Flask
from sqlalchemy import text

from chat.cli import chat as all_commands
from chat.cli_errors import PathType
from chat.errors import ChatError, ErrorCode
from chat.models import Access
from chat.ports import BackupError
from chat.services.paging import Page
from tests.conftest import services_of, sign_up
from tests.contract.conftest import RunCommand


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("mute", "nowhere", "kim", "1"), "There is no such room, or it is private."),
        (("mute", "physics", "nobody", "1"), "There is no user with that name."),
        (("mute", "physics", "kim", "1"), "kim is not in this room."),
        (("mute", "physics", "owner", "1"), "That cannot be done in this room, or to this user."),
        (("remove", "physics", "owner"), "The owner of a room stays in it."),
        (("remove", "physics", "kim"), "kim is not in this room."),
        (("bar", "physics", "nobody"), "There is no user with that name."),
        (("pin", "physics", "7"), "There is no such message in this room."),
        (("pin", "physics", str(10**30)), "There is no such message in this room."),
        (("delete-message", "physics", "7"), "There is no such message in this room."),
        (("delete-message", "physics", str(10**30)), "There is no such message in this room."),
        (("delete-message", "secret", "7"), "There is no such room, or it is private."),
        (("pins", "secret"), "There is no such room, or it is private."),
        (("mute", "-5", "kim", "3"), "There is no such room, or it is private."),
        (("mute", "physics", "-5", "3"), "There is no user with that name."),
        (("pin", "--undo", "-5", "3"), "There is no such room, or it is private."),
        (("room", "-5", "--slow-mode", "3"), "There is no such room, or it is private."),
        (("delete-account", "-5", "--yes"), "There is no user with that name."),
        (("leave-rooms", "kim", "--of", "-5"), "There is no user with that name."),
    ],
)
def test_keeping_order_in_vain(app: Flask, run: RunCommand, words: tuple[str, ...], answer: str) -> None:
    services = services_of(app)
    owner, _ = sign_up(services, "owner"), sign_up(services, "kim")
    services.rooms.create(owner, "physics")
    services.rooms.create_titled(owner, "secret", access=Access.INVITE)
    assert run(*words) == (1, f"Error: {answer}\n")


@pytest.mark.parametrize(
    "words",
    [
        *(("mute", "physics", "kim", number) for number in ("-1", "527041", "1" + "0" * 30)),
        *(("delete-recent", "physics", "kim", number) for number in ("-5", "0", "1" + "0" * 30)),
        *(("pin", "physics", "-1", "--undo"), ("pin", "physics", "--", "-1"), ("delete-message", "physics", "-1")),
        *(("room", "physics", "--slow-mode", "-1"), ("site", "--keep-days", "-1"), ("site", "--slow-mode", "-1")),
    ],
)
def test_a_number_out_of_range_is_told_its_range(run: RunCommand, words: tuple[str, ...]) -> None:
    number = next(word for word in words if word.lstrip("-").isdigit())
    code, output = run(*words)
    assert (code, f": {number} is not in the range " in output.splitlines()[-1]) == (2, True), output


@pytest.mark.parametrize("word", ["-3.5", "-.5", "-1e9", "-5x", "1.5", "soon"])
@pytest.mark.parametrize(
    "words", [("mute", "physics", "kim"), ("delete-message", "-1"), ("pin", "physics"), ("site", "--keep-days")]
)
def test_a_word_that_is_no_whole_number_is_told_as_one(run: RunCommand, words: tuple[str, ...], word: str) -> None:
    code, output = run(*words, word)
    assert (code, output.splitlines()[-1].endswith(f": '{word}' is not a valid integer.")) == (2, True), output


@pytest.mark.parametrize("number", ["5", "-5"])
def test_an_unknown_option_beside_a_number_is_still_unknown(run: RunCommand, number: str) -> None:
    code, output = run("mute", "physics", "kim", number, "--fo")
    assert (code, "No such option" in output) == (2, True), output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rename", "kim"), "Give --username, or --nickname, or both."),
        (("room", "physics", "--new-code", "--no-code"), "Give --new-code or --no-code."),
        (("room", "physics", "--delete", "--members"), "--delete goes with no other option."),
        (("export",), "Give a room's name, or --all."),
        (("export", "physics", "--all"), "Give a room's name, or --all."),
    ],
)
def test_a_command_that_says_too_little_or_too_much_does_nothing(
    app: Flask, run: RunCommand, words: tuple[str, ...], said: str
) -> None:
    services = services_of(app)
    owner, _ = sign_up(services, "owner"), sign_up(services, "kim")
    services.rooms.create(owner, "physics")
    code, output = run(*words, input="y\n")
    assert (code, output.splitlines()[-1]) == (2, f"Error: {said}")
    assert not services.audit.of_room(owner, "physics", Page(20))


BAD = os.fsdecode(b"na\xffme")
_VALUES = {"integer": "1", "choice": "open", "path": "file"}  # by the parameter's type


def with_bad_text() -> Iterator[list[str]]:
    """Every command with text that is not UTF-8 in each of its arguments and options, one at a time."""
    for name, command in sorted(all_commands.commands.items()):
        for bad in command.params:
            if not isinstance(bad.type, click.types.StringParamType):
                continue
            given = [name]
            for param in command.params:
                value = BAD if param is bad else _VALUES.get(param.type.name, "name")
                if isinstance(param, click.Argument):
                    given.append(value)
                elif param is bad or param.required:
                    given += [param.opts[0], value]
            yield given


@pytest.mark.parametrize("words", list(with_bad_text()), ids=lambda words: "-".join(words).replace(BAD, "BAD"))
def test_text_that_is_not_utf_8_is_named(run: RunCommand, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "file").touch()
    code, output = run(*(str(tmp_path / word) if word == "file" else word for word in words))
    assert (code, output.splitlines()[-1].endswith(": this is not UTF-8.")) == (2, True), output


def test_names_that_the_terminal_lacks_are_shown_as_escapes(app: Flask) -> None:
    sign_up(services_of(app), "小明")
    latin = app.test_cli_runner(charset="latin-1").invoke(args=["chat", "people"])
    assert latin.exit_code == 0, latin.exception
    assert latin.output.startswith("\\u5c0f\\u660e\t")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("version", "said"), [("0015", "its schema is 0015; run: flask --app wsgi db upgrade"), ("9999", "newer version")]
)
def test_a_database_of_another_version_is_refused_in_one_line(
    app: Flask, run: RunCommand, version: str, said: str
) -> None:
    services = services_of(app)
    sign_up(services, "kim")
    with services.store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
    for words in (("teacher", "kim"), ("people",), ("rename", "kim", "--username", "lee"), ("site", "--new-code")):
        code, output = run(*words)
        assert (code, said in output, len(output.splitlines())) == (1, True, 1), output
    assert services.accounts.find("kim").username == "kim"
    assert not services.site.has_teacher()
    assert run("version")[0] == run("site", "--help")[0] == 0


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_failure_is_one_line(
    app: Flask, run: RunCommand, monkeypatch: pytest.MonkeyPatch, code: ErrorCode
) -> None:
    """Also one that no command expects."""
    data = dict.fromkeys(("username", "nickname", "name", "field", "limit", "min", "max"), "x")

    def fail(*_: object, **__: object) -> None:
        raise ChatError(code, **data)

    services = services_of(app)
    sign_up(services, "kim")
    for service, method, words in (
        (services.memberships, "leave_all_of", ("leave-rooms", "kim", "--of", "kim")),
        (services.moderation, "mute", ("mute", "physics", "kim", "1")),
        (services.teachers, "people", ("people",)),
        (services.roster_imports, "check", ("import-roster", str(Path(__file__)))),
        (services.site, "settings", ("site",)),
    ):
        monkeypatch.setattr(service, method, fail)
        exit_code, output = run(*words)
        assert exit_code == 1, output
        assert re.fullmatch(r"Error: .+\n", output)


def test_a_folder_that_cannot_be_made_is_named(run: RunCommand) -> None:
    assert run("export", "--all", "--to", "/proc/here") == (1, "Error: /proc/here: No such file or directory\n")


def test_a_path_that_is_not_utf_8_is_shown_by_its_bytes(app: Flask, run: RunCommand, tmp_path: Path) -> None:
    folder = str(tmp_path / BAD)
    shown = f"{tmp_path}/na\\xffme"
    services_of(app).rooms.create(sign_up(services_of(app), "owner"), "physics")
    code, output = run("export", "physics", "--to", folder)
    assert (code, output.startswith(f"{shown}/physics-")) == (0, True), output
    roster = tmp_path / BAD / "roster.csv"
    roster.mkdir()
    code, output = run("import-roster", str(roster))
    assert (code, "roster.csv" in output) == (2, True), output


@pytest.mark.parametrize(
    "words",
    ["backup -", "restore -", "import-roster -", "export physics --to -", "export --all --to=-", "move --to -"],
)
def test_a_dash_names_no_file(run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    code, output = run(*words.split())
    said = "sqlite:////" if "move" in words else "the standard streams are not supported; give a path"
    assert (code != 0, said in output.splitlines()[-1]) == (True, True), output
    assert [*here.iterdir()] == []


def test_every_path_of_a_command_refuses_a_dash() -> None:
    params = [param for command in all_commands.commands.values() for param in command.params]
    types = {type(param.type) for param in params if isinstance(param.type, (click.Path, click.File))}
    assert types == {PathType}


def test_a_file_called_dash_can_be_meant(run: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run("backup", "./-")
    assert (code, (tmp_path / "-").is_file()) == (0, True), output


@pytest.mark.parametrize(
    "words",
    [
        ("backup", "/proc/no\nfolder/file"),
        ("restore", "/proc/no\r\nfile"),
        ("export", "--all", "--to", "/proc/no\u2028folder"),
    ],
)
def test_a_name_of_several_lines_is_told_in_one(run: RunCommand, words: tuple[str, ...]) -> None:
    code, output = run(*words)
    assert code != 0
    assert len(output.splitlines()) == 1
    assert re.search("Error: .*/proc/no f(older|ile)", output), output


def test_a_damaged_backup_is_told_in_one_line(app: Flask, run: RunCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's check has several."""

    def fail(*_: object) -> None:
        raise BackupError("the backup is damaged: *** in database main ***\nOn tree page 62")

    monkeypatch.setattr(services_of(app).backend, "restore", fail)
    assert run("restore", "torn") == (
        1,
        "Error: the backup is damaged: *** in database main *** On tree page 62\n",
    )
