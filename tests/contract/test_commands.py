"""Commands of the administrator that do what teachers do in /teach."""

import re
from pathlib import Path

import pytest
from flask import Flask

from chat.errors import ChatError
from chat.services.messages import Draft
from chat.services.paging import Page
from tests.conftest import services_of, sign_up
from tests.contract.conftest import RunCommand


def test_teachers(app: Flask, run: RunCommand) -> None:
    sign_up(services_of(app), "berger")
    assert run("teacher", "berger") == (0, "berger is a teacher now.\n")
    assert services_of(app).site.has_teacher()
    assert run("teacher", "berger", "--revoke") == (0, "berger is a teacher no longer.\n")
    code, output = run("teacher", "nobody")
    assert code == 1
    assert "There is no user with that name." in output


def test_accounts(app: Flask, run: RunCommand) -> None:
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
    assert run("rename", "kim2", "--username", "kim2") == (0, "kim2 has that name already.\n")
    assert run("delete-account", "kim2", input="n\n")[0] == 1
    assert accounts.find("kim2").nickname == "Kim Lee"
    assert run("delete-account", "kim2", "--yes")[0] == 0
    with pytest.raises(ChatError):
        accounts.find("kim2")


def test_site(app: Flask, run: RunCommand) -> None:
    code, output = run("site", "--name", "7b", "--registration", "code", "--no-rooms")
    assert code == 0
    settings = services_of(app).site.settings()
    assert (settings.name, settings.registration, settings.pupils_make_rooms) == ("7b", "code", False)
    assert f"code: {settings.code}\n" in output
    assert run("site")[1] == output
    assert run("site", "--new-code")[1] != output


def test_rosters(app: Flask, run: RunCommand, tmp_path: Path) -> None:
    roster = tmp_path / "7b.csv"
    roster.write_text("username,name,password\nkim,Kim Lee,secret7\nbo,,\n")
    code, output = run("import-roster", str(roster))
    assert code == 0
    assert "kim\tKim Lee\tsecret7\n" in output
    assert services_of(app).accounts.log_in("kim", "secret7", "192.0.2.1")
    code, output = run("import-roster", "/dev/zero")
    assert (code, output) == (1, "The file is too large: at most 4194304 bytes.\nError: Nothing was imported.\n")
    roster.write_text("username\nkim\n=x\n")
    code, output = run("import-roster", str(roster))
    assert code == 1
    assert "line 3: =x begins like a formula" in output


def test_keeping_order(app: Flask, run: RunCommand) -> None:
    services = services_of(app)
    owner, kim = sign_up(services, "owner"), sign_up(services, "kim")
    services.rooms.create(owner, "physics")
    services.memberships.join(kim, "physics")
    said = [services.messages.send(kim, "physics", Draft(text=text)).id for text in ("page 12", "bad words")]
    assert run("pin", "physics", str(said[0])) == (0, f"Message {said[0]} is pinned.\n")
    code, output = run("pins", "physics")
    assert re.fullmatch(rf"{said[0]}\t\S+Z\tkim\tpage 12\n", output), (code, output)
    assert run("pin", "physics", str(said[0]), "--undo") == (0, f"Message {said[0]} is not pinned.\n")
    assert run("pins", "physics") == (0, "")
    assert run("mute", "physics", "kim", "10") == (0, "kim is muted for 10 minutes.\n")
    with pytest.raises(ChatError):
        services.messages.send(kim, "physics", Draft(text="x"))
    assert run("mute", "physics", "kim", "0") == (0, "kim is not muted.\n")
    assert run("delete-message", "physics", str(said[0])) == (0, f"Message {said[0]} is deleted.\n")
    assert run("delete-message", "physics", str(said[0]))[0] == 0, "it is"
    assert run("delete-recent", "physics", "kim", "5") == (0, "1 messages are deleted.\n")
    assert run("remove", "physics", "kim") == (0, "kim is removed.\n")
    assert run("bar", "physics", "kim") == (0, "kim is barred.\n")
    with pytest.raises(ChatError):
        services.memberships.join(kim, "physics")
    assert run("barred", "physics") == (0, "kim\n")
    assert run("bar", "physics", "kim", "--undo") == (0, "kim may come back.\n")
    assert services.memberships.join(kim, "physics")
    done = [entry.action for entry in services.audit.of_room(owner, "physics", Page(20)) if not entry.actor]
    assert done == [
        *("member_barred", "member_barred", "member_removed", "message_deleted", "message_deleted"),
        *("member_muted", "member_muted", "message_pinned", "message_pinned"),
    ]


def test_messages_are_kept_for_so_many_days(app: Flask, run: RunCommand) -> None:
    assert "keep_days: 0\n" in run("site")[1]
    assert "keep_days: 365\n" in run("site", "--keep-days", "365")[1]
    assert services_of(app).site.settings().keep_days == 365
    code, output = run("site", "--keep-days", "3651")
    assert code == 2
    assert "3651 is not in the range" in output
    assert services_of(app).site.settings().keep_days == 365
