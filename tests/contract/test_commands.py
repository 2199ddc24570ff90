"""Commands of the administrator that do what teachers do in /teach."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from chat.errors import ChatError
from tests.conftest import services_of, sign_up


@pytest.fixture
def run(app: Flask) -> Any:
    """Run `flask chat …`, and return the exit code and what it printed."""

    def command(*words: str, **options: Any) -> tuple[int, str]:
        result = app.test_cli_runner().invoke(args=["chat", *words], **options)
        return result.exit_code, result.output

    return command


def test_teachers(app: Flask, run: Any) -> None:
    sign_up(services_of(app), "berger")
    assert run("teacher", "berger") == (0, "berger is a teacher now.\n")
    assert services_of(app).site.has_teacher()
    assert run("teacher", "berger", "--revoke") == (0, "berger is a teacher no longer.\n")
    code, output = run("teacher", "nobody")
    assert code == 1
    assert "There is no user with that name." in output


def test_accounts(app: Flask, run: Any) -> None:
    accounts = services_of(app).accounts
    sign_up(services_of(app), "kim")
    assert run("disable", "kim")[0] == 0
    with pytest.raises(ChatError):
        accounts.log_in("kim", "secret1", "192.0.2.1")
    assert run("disable", "kim", "--undo")[0] == 0
    password = run("reset-password", "kim")[1].split()[-1]
    assert run("rename", "kim", "--username", "kim2", "--nickname", "Kim Lee")[0] == 0
    assert accounts.log_in("kim2", password, "192.0.2.1")
    assert run("rename", "kim2", "--nickname", " ")[0] == 1
    assert run("delete-account", "kim2", input="n\n")[0] == 1
    assert accounts.find("kim2").nickname == "Kim Lee"
    assert run("delete-account", "kim2", "--yes")[0] == 0
    with pytest.raises(ChatError):
        accounts.find("kim2")


def test_site(app: Flask, run: Any) -> None:
    code, output = run("site", "--name", "7b", "--registration", "code", "--no-rooms")
    assert code == 0
    settings = services_of(app).site.settings()
    assert (settings.name, settings.registration, settings.pupils_make_rooms) == ("7b", "code", False)
    assert f"code: {settings.code}\n" in output
    assert run("site")[1] == output
    assert run("site", "--new-code")[1] != output


def test_rosters(app: Flask, run: Any, tmp_path: Path) -> None:
    roster = tmp_path / "7b.csv"
    roster.write_text("username,name,password\nkim,Kim Lee,secret7\nbo,,\n")
    code, output = run("import-roster", str(roster))
    assert code == 0
    assert "kim\tKim Lee\tsecret7\n" in output
    assert services_of(app).accounts.log_in("kim", "secret7", "192.0.2.1")
    roster.write_text("username\nkim\n=x\n")
    code, output = run("import-roster", str(roster))
    assert code == 1
    assert "line 3: =x begins like a formula" in output
