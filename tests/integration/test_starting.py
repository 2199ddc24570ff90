"""How it starts as people start it: one line for each thing that is wrong, and both families of addresses."""

import os
import re
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from certificate import fingerprint, kept_certificate
from tests import launch
from tests.raw import token_of
from tests.real_server import BIN, ROOT, Server, free_port, wait_until

StartServer = Callable[..., Server]


def started(*command: str, **environ: str) -> tuple[int, str]:
    """Return the exit code and the output."""
    environment = {"PATH": os.environ["PATH"], "TCP_PORT": "0", **environ}
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def ran(log: Path, command: tuple[str, ...], **environ: str) -> tuple[int, str]:
    """As `started`, for a third of its CPU: other packages are loaded already (`tests.launch`)."""
    log.touch()
    environment = {"PATH": os.environ["PATH"], "TCP_PORT": "0", **environ}
    if command == UPGRADE:
        return launch.flask(command[3:], environment, log), log.read_text()
    return launch.Forked("wsgi:app", environment, log, 0, code=ROOT).wait(60), log.read_text()


GUNICORN, UPGRADE = ("gunicorn",), ("flask", "--app", "wsgi", "db", "upgrade")  # what `make run` does, from behind


@pytest.mark.parametrize(
    ("command", "name", "value", "said"),
    [
        (GUNICORN, "CHAT_PULL_TIMEOUT", "soon", "give a number from 0 to 50"),
        (UPGRADE, "CHAT_LOBY", "x", "do you mean CHAT_LOBBY?"),
        (UPGRADE, "WEB_CONCURRENCY", "", "WEB_CONCURRENCY='': give a number from 1 to 256"),
        (GUNICORN, "DATABASE_URL", "sqlite:////nowhere/at/all/q.db", "there is no folder /nowhere/at/all"),
        (UPGRADE, "DATABASE_URL", "sqlite:///{home}", "not a file"),
        (GUNICORN, "DATABASE_URL", "sqlite:///{home}/junk", "file is not a database"),
        (GUNICORN, "DATABASE_URL", "sqlite:///{home}/newer.db", "created by a newer version of Commonroom"),
        (UPGRADE, "DATABASE_URL", "sqlite:///{home}/newer.db", "created by a newer version of Commonroom"),
        (GUNICORN, "DATABASE_URL", "sqlite:///{home}/older.db", "its schema is 0001; run: flask --app wsgi db upgrade"),
        (GUNICORN, "CHAT_LOBBY", "x" * 61, "give a room name of 1 to 60 characters"),
        (UPGRADE, "CHAT_LOBBY", "a\tb", "give a room name of 1 to 60 characters"),
        (GUNICORN, "CHAT_INSTANCE_PATH", "{home}/junk", "that is no folder"),
        (GUNICORN, "CHAT_INSTANCE_PATH", "{home}/keys", "keys/secret_key: that is no key; remove the file"),
        (UPGRADE, "CHAT_INSTANCE_PATH", "/proc/instance", "the folder cannot be made"),
    ],
)  # fmt: skip
def test_one_line_reports_the_failure(home: Path, command: tuple[str, ...], name: str, value: str, said: str) -> None:
    (home / "junk").write_text("this is no database, but it is long enough for one to be looked for" * 9)
    (home / "keys").mkdir()
    (home / "keys/secret_key").write_text("short")
    for name_of, revision in (("newer", "f00d"), ("older", "0001")):
        with closing(sqlite3.connect(home / f"{name_of}.db")) as made:
            made.execute("CREATE TABLE alembic_version (version_num TEXT)")
            made.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
            made.commit()
    environ = {"CHAT_INSTANCE_PATH": str(home), "PORT": str(free_port()), name: value.format(home=home)}
    code, output = ran(home / "output", command, **environ)
    assert code not in {0, -9}, output
    assert said in output
    assert len(output.splitlines()) == 1, output


@pytest.mark.parametrize("command", [GUNICORN, UPGRADE])
def test_one_line_reports_the_failure_of_the_real_command(home: Path, command: tuple[str, ...]) -> None:
    code, output = started(*command, CHAT_INSTANCE_PATH=str(home), PORT=str(free_port()), CHAT_LOBY="x")
    assert code not in {0, -9}, output
    assert output == "Commonroom cannot start. CHAT_LOBY: there is no such setting; do you mean CHAT_LOBBY?\n"


@pytest.mark.parametrize("words", ["site", "teacher bob", "people", "import-roster README.md"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:pass-1@127.0.0.1:99999999/chat", "give a port from 1 to 65535"),
        ("postgresql://u:pass-1@127.0.0.1:1/chat?sslmode=foo", "invalid sslmode value"),
        ("postgresql://u:pass-1@127.0.0.1:1/chat", "port 1 failed: Connection refused"),
    ],
)
def test_a_command_tells_why_the_database_does_not_answer(home: Path, words: str, url: str, said: str) -> None:
    environ = {
        "CHAT_INSTANCE_PATH": str(home),
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
        "DATABASE_URL": url,
    }
    environ |= {"PATH": os.environ["PATH"], "CHAT_DATABASE_BUSY_SECONDS": "0.05"}
    log = home / "output"
    code = launch.flask(["chat", *words.split()], environ, log)
    output = log.read_text()
    assert code not in {0, -9}, output
    last = output.splitlines()[-1]
    assert (said in last, "DATABASE_URL" in last) == (True, True), output
    assert "pass-1" not in output
    assert "Traceback" not in output


@pytest.mark.parametrize("name", ["PORT", "CHAT_REALTIME_PORT"])
def test_a_taken_port_is_one_line_with_another(home: Path, taken: int, name: str) -> None:
    environ = {"CHAT_INSTANCE_PATH": str(home), "CHAT_HOST": "127.0.0.1", "PORT": str(free_port()), name: str(taken)}
    code, output = ran(home / "output", GUNICORN, **environ)
    assert code
    found = re.fullmatch(rf"Commonroom cannot start\. {name}={taken}: .*: make run {name}=(\d+)\n", output)
    assert found, output
    assert int(found[1]) > taken


def test_a_host_of_another_machine_is_named(home: Path) -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        environ = {"CHAT_INSTANCE_PATH": str(home), "CHAT_HOST": host, "PORT": str(free_port())}
        code, output = ran(home / f"output {host}", GUNICORN, **environ)
        assert code
        assert output.startswith(f"Commonroom cannot start. CHAT_HOST='{host}'"), output
        assert len(output.splitlines()) == 1, output


def test_a_server_on_sqlite_loads_nothing_that_only_some_servers_or_requests_need(home: Path) -> None:
    code, output = started("python", "-c", "import sys, wsgi; print(*sys.modules)", CHAT_INSTANCE_PATH=str(home))
    assert code == 0, output
    late = {"alembic", "apispec", "latex2mathml", "markdown_it", "PIL", "prometheus_client", "psycopg", "redis"}
    assert not (late | {"segno", "smtplib", "sqlalchemy.dialects.postgresql"}) & set(output.split())


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


@pytest.mark.parametrize("host", ["::", "[::]"])
def test_both_families_of_addresses_are_served(server: StartServer, host: str) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    live = server(CHAT_HOST=host)
    for address in ("127.0.0.1", "[::1]"):
        assert requests.get(f"http://{address}:{live.port}/healthz", timeout=10).status_code == 200
        with socket.create_connection((address.strip("[]"), live.tcp_port), 10) as connection:
            connection.sendall(b'{"message_type":"heartbeat"}\n')
            assert b"message_type" in connection.recv(1000)
    said = live.log.read_text()
    assert f"http://localhost:{live.port}/" in said
    assert f"The tcp protocol is at port {live.tcp_port}." in said


def test_an_address_of_one_family_is_printed_as_it_is(server: StartServer) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    live = server(wait=False, CHAT_HOST="::1")
    live.url = f"http://[::1]:{live.port}"
    wait_until(live.healthy, "it answers by IPv6")
    assert f"Commonroom is at http://[::1]:{live.port}/\n" in live.log.read_text()


@pytest.mark.sqlite_only  # whose files they are
def test_messages_are_private_on_this_machine(server: StartServer, home: Path) -> None:
    """Also where an older version had left it open."""
    (home / "secret_key").write_text("tests-only-0123456789-abcdefghijklmnopqrstuvwxyz")
    certificate = kept_certificate(home, [])
    for path, mode in (
        (home / "commonroom.db", 0o644),
        (home / "secret_key", 0o640),
        (certificate, 0o644),
        (home, 0o755),
    ):
        path.chmod(mode)
    live = server(code=ROOT)
    token_of(live, "alice")
    made = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir() if path != live.log}
    assert made == dict.fromkeys((f"commonroom.db{end}" for end in ("", "-wal", "-shm", "-bell")), 0o600) | {
        "secret_key": 0o600,
        certificate.name: 0o600,
    }
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_folder_that_others_use_too_stays_open(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "of-others").write_text("")
    shared.chmod(0o755)
    code, output = ran(tmp_path / "output", UPGRADE, CHAT_INSTANCE_PATH=str(shared))
    assert code == 0, output
    assert stat.S_IMODE(shared.stat().st_mode) == 0o755
    assert stat.S_IMODE((shared / "commonroom.db").stat().st_mode) == 0o600


def test_a_file_of_another_program_keeps_its_mode(home: Path) -> None:
    other = home / "passwd"
    other.write_text("root:x:0:0:root:/root:/bin/bash\n")
    other.chmod(0o644)
    environ = {"CHAT_INSTANCE_PATH": str(home), "PORT": str(free_port()), "DATABASE_URL": f"sqlite:///{other}"}
    code, output = ran(home / "output", GUNICORN, **environ)
    assert code, output
    assert "file is not a database" in output
    assert stat.S_IMODE(other.stat().st_mode) == 0o644


def test_a_second_start_on_the_same_instance_serves_the_same_rooms(server: StartServer) -> None:
    first, second = server(), server(code=ROOT)
    token = token_of(first, "alice")
    sent = {"roomname": "public", "new_message": {"type": "text", "content": "from the other one"}}
    headers = {"Authorization": token}
    assert requests.post(f"{second.url}/chat/send", json=sent, headers=headers, timeout=30).status_code == 200
    got = requests.post(f"{first.url}/chat/pull", json={"public": ""}, headers=headers, timeout=30).json()
    assert [message["content"] for message in got["public"]] == ["from the other one"]


def test_tls_by_a_certificate_of_its_own(server: StartServer, home: Path) -> None:
    live = server(wait=False, CHAT_TLS="self-signed")
    live.url = live.url.replace("http:", "https:")
    kept = home / "self-signed.pem"

    def status() -> int:
        with requests.Session() as person:
            person.trust_env = False
            try:
                return person.get(f"{live.url}/healthz", timeout=5, verify=str(kept)).status_code
            except (OSError, requests.RequestException):
                return 0

    wait_until(lambda: status() == 200, "https answers, with that certificate")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    made = kept.read_bytes()
    assert fingerprint(kept) in live.log.read_text()
    assert f"https://127.0.0.1:{live.port}" not in live.log.read_text()
    assert f"https://localhost:{live.port}/" in live.log.read_text()
    assert kept_certificate(home, []).read_bytes() == made
    with socket.create_connection(("127.0.0.1", live.tcp_port), 10) as connection:
        connection.sendall(b'{"message_type":"heartbeat"}\n')
        assert b"message_type" in connection.recv(1000)


def test_a_certificate_is_renewed_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certificate._LIFETIME", timedelta(days=30))
    first = kept_certificate(tmp_path, ["192.0.2.9", "2001:db8::9"]).read_bytes()
    monkeypatch.undo()
    second = kept_certificate(tmp_path, []).read_bytes()
    assert second != first
    assert kept_certificate(tmp_path, []).read_bytes() == second
