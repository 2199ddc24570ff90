"""Workers that die while the code on disk is broken: the others serve on, the log tells, and replacements are tried."""

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.raw import Talk, get
from tests.real_server import Server, wait_until

StartServer = Callable[..., Server]
SAID = "A worker cannot start, and is tried again every 0.2 s; "
BROKEN = "nowhere()"
KILLED = "import os; os.kill(os.getpid(), 9)"


@pytest.fixture
def quick(copy: Path) -> Path:
    """The copy of the code, with a short pause between attempts."""
    file = copy / "chat/server/replacements.py"
    text = file.read_text()
    assert "PAUSE_SECONDS = 5.0" in text
    file.write_text(text.replace("PAUSE_SECONDS = 5.0", "PAUSE_SECONDS = 0.2"))
    return copy


def end_file(file: Path, statement: str, attempts: Path) -> str:
    """Add a statement that is counted to a module; its text before."""
    text = file.read_text()
    file.write_text(f"{text}\nopen({str(attempts)!r}, 'a').write('x')\n{statement}\n")
    return text


def tried(attempts: Path, times: int) -> None:
    wait_until(lambda: attempts.exists() and len(attempts.read_text()) >= times, f"it is tried {times} times")


@pytest.mark.parametrize("name", ["serving.py", "chat/web/health.py"])
def test_the_others_serve_on_and_a_worker_comes_when_the_code_is_repaired(
    server: StartServer, quick: Path, tmp_path: Path, name: str
) -> None:
    live = server(workers=2, code=quick)
    before = len(live.log.read_text())
    killed, kept = live.worker_pids()
    file = quick / name
    text = end_file(file, BROKEN, tmp_path / "attempts")
    os.kill(killed, signal.SIGKILL)
    tried(tmp_path / "attempts", 4)
    assert kept in live.worker_pids()
    assert live.healthy()
    lines = live.log.read_text()[before:].splitlines()
    place = f"({file.name}, line {len(text.splitlines()) + 3})"
    reason = f"{SAID}1 of 2 serve on. NameError: name 'nowhere' is not defined {place}"
    assert [line.partition("[ERROR] ")[2] for line in lines] == [
        f"Worker (pid:{killed}) was sent SIGKILL! Perhaps out of memory?",
        reason,
    ]
    file.write_text(text)
    wait_until(lambda: "All workers serve again." in live.log.read_text(), "a worker takes its place")
    assert len(live.worker_pids()) == 2
    assert live.stop() == 0


@pytest.mark.parametrize("statement", [BROKEN, KILLED, "raise SystemExit(1)"])
def test_the_only_worker_is_replaced_when_the_code_is_repaired(
    server: StartServer, quick: Path, tmp_path: Path, statement: str
) -> None:
    live = server(code=quick)
    file = quick / "serving.py"
    text = end_file(file, statement, tmp_path / "attempts")
    (killed,) = live.worker_pids()
    os.kill(killed, signal.SIGKILL)
    tried(tmp_path / "attempts", 3)
    assert f"{SAID}NO WORKER SERVES, connections wait. " in live.log.read_text()
    with Talk(live) as waiting:
        waiting.send(get("/healthz"))
        file.write_text(text)
        assert waiting.answer().status == 200
    assert live.stop() == 0


@pytest.mark.parametrize(("wrong", "said"), [("def (", "SyntaxError: invalid syntax"), (BROKEN, "NameError: ")])
def test_a_file_that_is_saved_broken_under_reload_is_told(
    server: StartServer, quick: Path, wrong: str, said: str
) -> None:
    live = server(code=quick, GUNICORN_CMD_ARGS="--reload")
    file = quick / "chat/web/health.py"
    text = file.read_text()
    file.write_text(f"{text}\n{wrong}\n")

    def is_told() -> bool:
        os.utime(file)  # gunicorn does not notice a file that was saved before its first look at all files
        return SAID in live.log.read_text()

    wait_until(is_told, "the log tells", pause=0.5)
    line = next(line for line in live.log.read_text().splitlines() if SAID in line)
    assert f"connections wait. {said}" in line
    assert line.endswith(f"(health.py, line {len(text.splitlines()) + 2})")
    file.write_text(text)
    wait_until(live.healthy, "it serves again")
    assert "Traceback" not in live.log.read_text()


def test_a_hook_that_fails_does_not_end_the_server(server: StartServer, quick: Path, tmp_path: Path) -> None:
    """It fails before the worker can report."""
    broken = tmp_path / "broken"
    file = quick / "gunicorn.conf.py"
    before = "    worker.follow_reloads("
    fails = f"    assert not os.path.exists({str(broken)!r})\n"
    file.write_text(file.read_text().replace(before, fails + before))
    live = server(workers=2, code=quick)
    killed, kept = live.worker_pids()
    broken.touch()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: f"{SAID}1 of 2 serve on. " in live.log.read_text(), "the log tells")
    assert kept in live.worker_pids()
    broken.unlink()
    wait_until(lambda: "All workers serve again." in live.log.read_text(), "a worker takes its place")


def test_a_master_without_descriptors_does_not_end(server: StartServer, quick: Path) -> None:
    live = server(workers=2, code=quick)
    killed, kept = live.worker_pids()
    usual = resource.prlimit(live.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(live.pid, resource.RLIMIT_NOFILE, (3, usual[1]))
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: f"{SAID}1 of 2 serve on. OSError: " in live.log.read_text(), "the log tells")
    live.signal(signal.SIGHUP)
    wait_until(lambda: "Not reloaded" in live.log.read_text(), "a reload is refused")
    assert live.worker_pids() == [kept]
    resource.prlimit(live.pid, resource.RLIMIT_NOFILE, usual)
    wait_until(lambda: "All workers serve again." in live.log.read_text(), "a worker takes its place")
    assert live.stop() == 0


@pytest.mark.parametrize("name", ["serving.py", "chat/web/health.py"])
def test_a_first_start_that_fails_ends(server: StartServer, quick: Path, tmp_path: Path, name: str) -> None:
    end_file(quick / name, BROKEN, tmp_path / "attempts")
    live = server(code=quick, wait=False)
    assert live.wait(30) == 3
    assert "NameError: name 'nowhere' is not defined" in live.log.read_text()
    assert (tmp_path / "attempts").read_text() == "x"
