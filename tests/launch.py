"""gunicorn forked from a process with all modules loaded: importing them takes a second of CPU each time.

Only starting differs from `make run`; tests of starting run the real command (Server's `fresh`). Servers of changed
code load the project's modules themselves, from a copy, and have only other packages' from here (Server's `code`).
"""

import ctypes
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from multiprocessing import forkserver
from pathlib import Path

from flask.cli import main
from gunicorn.app import wsgiapp  # noqa: F401 - loaded here once, to be forked

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
_PR_SET_PDEATHSIG = 1
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.preloaded"])


def flask(command: Sequence[str], environment: dict[str, str], log: Path) -> int:
    """Run a command of `flask --app wsgi`, which writes into the log; the exit code."""
    process = processes.Process(target=_run_flask, args=(command, environment, log))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def told(command: Sequence[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command of `flask --app wsgi`; the exit code and the output."""
    with tempfile.NamedTemporaryFile() as log:
        return flask(command, environment, Path(log.name)), log.read().decode()


class Forked:
    """As much of a Popen as tests need."""

    def __init__(
        self, app: str, environment: dict[str, str], log: Path, descriptors: int, code: Path | None = None
    ) -> None:
        """code: a folder with a copy of the project, which the server loads like the real command does."""
        self._process = processes.Process(target=_run, args=(app, environment, log, descriptors, code))
        self._process.start()
        # until then there is no process group to send signals to
        while self.poll() is None and os.getpgid(self.pid) != self.pid:
            time.sleep(0.002)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("gunicorn", timeout or 0)
        return self._process.exitcode


def fresh(app: str, environment: dict[str, str], log: Path, descriptors: int) -> subprocess.Popen[bytes]:
    """The real command."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [BIN / "gunicorn", app],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: _prepare(descriptors),
        )


def end_with_parent() -> None:
    """Get SIGTERM when the process that started this one has ended, be it by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _prepare(descriptors: int) -> None:
    end_with_parent()
    limit_descriptors(descriptors)


def limit_descriptors(most: int) -> None:
    if most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _run_flask(command: Sequence[str], environment: dict[str, str], log: Path) -> None:
    _write_into(log)
    _live_in(environment)
    sys.argv = [str(BIN / "flask"), "--app", "wsgi", *command]
    main()


def _write_into(log: Path) -> None:
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)


def _live_in(environment: dict[str, str], folder: Path = ROOT) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def _run(app: str, environment: dict[str, str], log: Path, descriptors: int, code: Path | None) -> None:
    """Become the process of the command."""
    # The fork server ends, and its children with it, once nobody has this end of its pipe: also where tests are killed.
    os.close(forkserver._forkserver._forkserver_alive_fd)  # type: ignore[attr-defined]
    end_with_parent()
    os.setsid()
    _write_into(log)
    limit_descriptors(descriptors)
    _live_in(environment, code or ROOT)
    sys.argv = [str(BIN / "gunicorn"), app]  # SIGUSR2 runs it again
    if code is not None:
        _forget_project()
    else:  # gunicorn reads WEB_CONCURRENCY when it is imported, which is done
        sys.argv[1:1] = ["--workers", environment["WEB_CONCURRENCY"]]
    loaded = dict(sys.modules)
    application = import_module("gunicorn.app.wsgiapp").WSGIApplication()
    if code is None:  # gunicorn.conf.py has its modules forgotten, and workers would load them again
        sys.modules.update(loaded)
    application.run()


def _forget_project() -> None:
    """Have the project's modules loaded anew, from the current folder; and gunicorn's, which keep its environment."""
    own = {"gunicorn", "chat", "tests", *(file.stem for file in ROOT.glob("*.py"))}
    for name in list(sys.modules):
        if name.partition(".")[0] in own:
            del sys.modules[name]
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != ROOT]
    sys.dont_write_bytecode = True  # two changes of a file within a second could take each other's
