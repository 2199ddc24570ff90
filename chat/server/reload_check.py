"""Tries each reload in a child process first, so that one that fails leaves the running workers as they are.

gunicorn's master ends, and all workers with it, when it cannot read its configuration or a new worker cannot load.
"""

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

from chat.server.error_lines import in_one_line

SECONDS = 30.0  # for the child; the master handles no signals meanwhile, but for those that stop it
_MAX_BYTES = 2000  # of the reason, in the log
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def guard(server: Any, check: Callable[[], None]) -> None:
    """Have this master ignore a SIGHUP or SIGTTIN whose workers could not boot, and say why in its log.

    check: called in a child of the master before a worker boots there, with the application loaded, and for SIGHUP
    after the configuration was read again. Raises any error.
    """

    def boot() -> None:
        server.app.wsgi()
        check()
        _boot(server)

    def reload() -> None:
        server.app.reload()
        boot()

    for name, attempt, kept in (("hup", reload, "Not reloaded"), ("ttin", boot, "No worker is added")):
        handle = getattr(server, f"handle_{name}")
        setattr(server, f"handle_{name}", partial(_if_it_loads, server, attempt, handle, kept))


def _if_it_loads(server: Any, attempt: Callable[[], None], handle: Callable[[], None], kept: str) -> None:
    try:
        reason = why_not(attempt)
    except OSError as error:  # no process or pipe to be had
        reason = in_one_line(error)
    if reason:
        server.log.error("%s; the running workers serve on. %s", kept, reason)
        return
    try:
        handle()
    except Exception as error:  # gunicorn's master would end
        server.log.error("%s completely; the running workers serve on. %s", kept, in_one_line(error))


def _boot(server: Any) -> None:
    """Boot a worker with the hooks of the configuration, as the master does after its fork, up to its main loop."""
    cfg = server.app.cfg
    worker = cfg.worker_class(0, server.pid, [], server.app, cfg.timeout / 2, cfg, server.log)
    worker.is_trial = True
    worker.run = lambda: None
    cfg.post_fork(server, worker)
    worker.init_process()


def why_not(attempt: Callable[[], None], seconds: float = SECONDS) -> str:
    """Call it in a child process, and return the error in one line; "": none."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _attempt(attempt, write)
    os.close(write)
    with open(read, "rb") as pipe, _killed_by_stops(pid):
        is_told = bool(select.select([pipe], [], [], seconds)[0])
        said = pipe.read() if is_told else b""  # ends as the child does
    if not is_told:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if not is_told:
        return f"Loading takes over {seconds:g} s."
    return said.decode(errors="replace") or (f"Loading ended with status {status}." if status else "")


@contextlib.contextmanager
def _killed_by_stops(pid: int) -> Iterator[None]:
    """Kill this child when this process is told to stop, which it handles only afterwards."""
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in _STOPS}

    def stop(number: int, frame: FrameType | None) -> None:
        os.kill(pid, signal.SIGKILL)
        if callable(handlers[number]):
            handlers[number](number, frame)

    for number in _STOPS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)


def _attempt(attempt: Callable[[], None], write: int) -> None:
    """In the child: write the error, and end."""
    for number in (signal.SIGHUP, signal.SIGCHLD, *_STOPS):
        signal.signal(number, signal.SIG_DFL)
    said = b""
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
            attempt()
    except BaseException as error:
        said = in_one_line(error).encode(errors="replace")[:_MAX_BYTES]
    os.write(write, said)
    os._exit(bool(said))
