"""Decodes pictures with Pillow in child processes with CPU and memory limits (child.py)."""

import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
import weakref
from pathlib import Path

from chat.pictures.bounds import NotAPicture
from chat.pictures.wire import CHECK, HEAD, READY, SHRINK, THUMBNAIL

log = logging.getLogger(__name__)
MOST_CHILDREN = 2  # each uses 25 MB when idle
IDLE_SECONDS = 30.0  # of a child, until it is ended; starting another takes 0.1 s
LOWER_PRIORITY = 10  # of a child than of the server
# Seconds. The child's CPU limit applies much earlier; the rest is for busy machines.
ANSWER_SECONDS = 15.0
WAIT_SECONDS = 15.0
_COMMAND = [sys.executable, "-P", "-m", "chat.pictures.child"]
_ROOT = str(Path(__file__).parents[2])  # the folder that contains `chat`
_ENVIRONMENT = ("PATH", "PYTHONHOME", "LD_LIBRARY_PATH")  # and PYTHONPATH, but nothing else: no keys, no addresses


class DecoderUnavailable(Exception):  # noqa: N818
    """No child process could be started, or all are busy; try again later."""


class Decoder:
    """Decodes up to MOST_CHILDREN pictures at a time. Children live until they are idle (`end_idle`), or until a
    picture kills them.
    """

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(MOST_CHILDREN)
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._is_closed = False

    def check(self, picture: bytes) -> None:
        """Check that the pixels decode. Raises NotAPicture, DecoderUnavailable. Blocks up to WAIT_SECONDS +
        ANSWER_SECONDS.
        """
        self._ask(CHECK, picture)

    def shrink(self, picture: bytes) -> bytes:
        """Return a scaled still version, as JPEG or PNG. Raises NotAPicture, DecoderUnavailable."""
        return self._ask(SHRINK, picture)

    def thumbnail(self, picture: bytes) -> bytes:
        """Return a larger scaled still version, as JPEG or PNG. Raises NotAPicture, DecoderUnavailable."""
        return self._ask(THUMBNAIL, picture)

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """End the child processes that have had no picture for so long. To be called every few seconds."""
        until = time.monotonic() - seconds
        with self._lock:
            ended = [child for child in self._idle if child.used_at <= until]
            self._idle = [child for child in self._idle if child.used_at > until]
        for child in ended:
            child.end()

    def close(self) -> None:
        """End the child processes."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def _ask(self, operation: bytes, picture: bytes) -> bytes:
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise DecoderUnavailable("all are busy")
        try:
            child = self._idle_child() or _Child()
            try:
                return child.ask(operation, picture)
            finally:
                self._keep(child)
        finally:
            self._places.release()

    def _idle_child(self) -> "_Child | None":
        while True:
            with self._lock:
                if self._is_closed:
                    raise DecoderUnavailable("closed")
                if not self._idle:
                    return None
                child = self._idle.pop()
            if child.is_alive():
                return child
            child.end()

    def _keep(self, child: "_Child") -> None:
        with self._lock:
            if child.is_fit and not self._is_closed:
                self._idle.append(child)
                return
        child.end()


class _Child:
    """One child process, used by one thread at a time.

    Started by posix_spawn, which is safe with threads; `weakref.finalize` guarantees its end.
    """

    def __init__(self) -> None:
        """Raises DecoderUnavailable."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                pid = _spawn(theirs.fileno())
            except OSError as error:
                self._socket.close()
                raise DecoderUnavailable(f"no process: {error}") from error
        self._pid = pid
        self.end = weakref.finalize(self, _end, pid, self._socket)
        self.is_fit = True
        self.used_at = 0.0  # by the monotonic clock; when it answered last
        try:
            self._received(len(READY), time.monotonic() + ANSWER_SECONDS)
        except OSError:
            self.end()
            log.error("the picture decoder does not start: %s", " ".join(_COMMAND))
            raise DecoderUnavailable("it does not start") from None

    def is_alive(self) -> bool:
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def ask(self, operation: bytes, picture: bytes) -> bytes:
        """Raises NotAPicture, also if the picture killed the child; DecoderUnavailable after a timeout."""
        deadline = time.monotonic() + ANSWER_SECONDS
        self.is_fit = False  # until it answers
        try:
            self._socket.settimeout(ANSWER_SECONDS)
            self._socket.sendall(HEAD.pack(operation, len(picture)) + picture)
            is_fine, length = HEAD.unpack(self._received(HEAD.size, deadline))
            answer = self._received(length, deadline)
        except TimeoutError:
            raise DecoderUnavailable("no answer in time") from None
        except OSError:
            raise NotAPicture("the decoder process died") from None
        self.is_fit, self.used_at = True, time.monotonic()
        if is_fine != b"\1":
            raise NotAPicture("the pixels do not decode")
        return answer

    def _received(self, length: int, deadline: float) -> bytes:
        """Read this many bytes. Raises TimeoutError; ConnectionError if the child has died."""
        received = bytearray()
        while len(received) < length:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            piece = self._socket.recv(length - len(received))
            if not piece:
                raise ConnectionResetError
            received += piece
        return bytes(received)


def _spawn(stdin: int) -> int:
    # All other descriptors are close-on-exec (PEP 446).
    actions = [
        (os.POSIX_SPAWN_DUP2, stdin, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    # In its own session, so that Ctrl-C does not reach it.
    pid = os.posix_spawn(sys.executable, _COMMAND, environment, file_actions=actions, setsid=True)
    with contextlib.suppress(OSError):
        # From its start on: importing Pillow takes 50 ms of CPU, which requests would wait for.
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + LOWER_PRIORITY)
    return pid


def _end(pid: int, connection: socket.socket) -> None:
    connection.close()
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
