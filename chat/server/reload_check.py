"""Tries each reload in a child process first, so that one that fails leaves the running workers as they are.

gunicorn's master ends, and all workers with it, when it cannot read its configuration or a new worker cannot load.
"""

import contextlib
import os
import select
import signal
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

SECONDS = 30.0  # for the child; the master handles no other signals meanwhile
_MAX_BYTES = 2000  # of the reason, in the log


def guard(server: Any, load: Callable[[], None]) -> None:
    """Have this master ignore a SIGHUP or SIGTTIN whose workers could not load, and say why in its log.

    load: called in a child of the master, for SIGHUP after the configuration was read anew. Raises any error.
    """

    def reload() -> None:
        server.app.reload()
        load()

    for name, attempt, kept in (("hup", reload, "Not reloaded"), ("ttin", load, "No worker is added")):
        handle = getattr(server, f"handle_{name}")
        setattr(server, f"handle_{name}", partial(_if_it_loads, server, attempt, handle, kept))


def _if_it_loads(server: Any, attempt: Callable[[], None], handle: Callable[[], None], kept: str) -> None:
    reason = why_not(attempt)
    if reason:
        server.log.error("%s; the running workers serve on. %s", kept, reason)
    else:
        handle()


def why_not(attempt: Callable[[], None], seconds: float = SECONDS) -> str:
    """Call it in a child process, and return the error in one line; "": none."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _attempt(attempt, write)
    os.close(write)
    with open(read, "rb") as pipe:
        is_told = bool(select.select([pipe], [], [], seconds)[0])
        said = pipe.read() if is_told else b""  # ends as the child does
    if not is_told:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if not is_told:
        return f"Loading takes over {seconds:g} s."
    return said.decode(errors="replace") or (f"Loading ended with status {status}." if status else "")


def _attempt(attempt: Callable[[], None], write: int) -> None:
    """In the child: write the error, and end."""
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    said = b""
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
            attempt()
    except BaseException as error:
        said = _in_one_line(error).encode(errors="replace")[:_MAX_BYTES]
    os.write(write, said)
    os._exit(bool(said))


def _in_one_line(error: BaseException) -> str:
    """Name the error and where it happened."""
    while isinstance(error, SystemExit) and error.__context__ is not None:  # ended at an error that it had printed
        error = error.__context__
    words = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        return f"Loading ended: {words}"
    if isinstance(error, SyntaxError):  # tells its place
        return f"{type(error).__name__}: {words}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {words}{place}"
