"""Runs the Autobahn cases against /test/echo, one connection each."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from conformance.autobahn import Case, Reply, cases
from tests.real_server import Server
from tests.server.tls import TlsServer, TlsSocket
from tests.server.websocket import CLOSE, Got, Socket, close

END_SECONDS = 2.0  # from the server's close frame to the end of the connection
Open = Callable[[], Socket]


class Result(StrEnum):
    PASS = "pass"
    NON_STRICT = "non-strict"
    INFORMATIONAL = "informational"
    FAIL = "FAIL"


@dataclass
class Outcome:
    case: Case
    result: Result
    remark: str


@dataclass
class _Heard:
    """Received data."""

    replies: list[Reply] = field(default_factory=list)
    close: Got | None = None
    is_late: bool = False  # the fault was answered after later data

    def add(self, got: Got) -> None:
        if got.opcode == CLOSE:
            self.close = got
        else:
            self.replies.append((got.opcode, got.payload))


def opener(server: Server, token: str) -> Open:
    """Opens sockets to the server's echo."""
    kind = TlsSocket if isinstance(server, TlsServer) else Socket
    return lambda: kind(server, token, path="/test/echo", hello=False)


def run(open_one: Open, numbers: Iterable[str] | None = None) -> Iterator[Outcome]:
    """All cases, or those whose numbers begin so ("6.", "7.1.1")."""
    wanted = tuple(numbers) if numbers is not None else ("",)
    for case in cases():
        if case.number.startswith(wanted):
            yield run_case(case, open_one)


def run_case(case: Case, open_one: Open) -> Outcome:
    heard = _Heard()
    try:
        with open_one() as socket:
            _talk(case, socket, heard)
            began = time.monotonic()
            rest = socket.rest()
            late = time.monotonic() - began > END_SECONDS
    except (OSError, AssertionError) as error:
        if case.is_informational and isinstance(error, ConnectionError):
            # Data sent after the close frame may meet a closed connection: the suite does not judge that.
            return Outcome(case, Result.INFORMATIONAL, f"closed while more was sent, after {_shown(heard)}")
        return Outcome(case, Result.FAIL, f"{type(error).__name__}: {str(error)[:200]}, after {_shown(heard)}")
    if rest or late:
        return Outcome(case, Result.FAIL, "bytes after the close frame" if rest else "the connection ends late")
    return _judged(case, heard)


def _talk(case: Case, socket: Socket, heard: _Heard) -> None:
    for number, piece in enumerate(case.send, 1):
        if heard.close is not None:
            return  # it was found before all was sent
        if isinstance(piece, float):
            _listen(socket, heard, piece)
            heard.is_late = case.code == 1007 and heard.close is None
        else:
            socket.send(piece)
        if case.in_turn and len(heard.replies) < number:
            heard.add(socket.next())
    while heard.close is None and (not case.says_goodbye or len(heard.replies) < len(case.replies)):
        heard.add(socket.next())
    if case.says_goodbye and heard.close is None:
        socket.send(close(1000))
        while heard.close is None:
            heard.add(socket.next())


def _listen(socket: Socket, heard: _Heard, seconds: float) -> None:
    """For so long, or until the server closes."""
    until = time.monotonic() + seconds
    try:
        while heard.close is None and (left := until - time.monotonic()) > 0:
            socket.socket.settimeout(left)
            heard.add(socket.next())
    except TimeoutError:
        pass
    finally:
        socket.socket.settimeout(15)


def _judged(case: Case, heard: _Heard) -> Outcome:
    assert heard.close is not None
    if heard.close.code != case.code:
        return Outcome(case, Result.FAIL, f"close code {heard.close.code}, not {case.code}")
    is_full = heard.replies == list(case.replies)
    if case.is_informational:
        return Outcome(case, Result.INFORMATIONAL, f"{len(heard.replies)} answers, then close code {heard.close.code}")
    if not is_full and not (case.lenient and not heard.replies):
        return Outcome(case, Result.FAIL, f"answered {_shown(heard)}")
    if not is_full:
        return Outcome(case, Result.NON_STRICT, "failed before what came earlier was answered")
    if heard.is_late:
        return Outcome(case, Result.NON_STRICT, "found when the frame is whole")
    return Outcome(case, Result.PASS, case.remark)


def _shown(heard: _Heard) -> str:
    shown = [f"{opcode}:{payload[:20]!r} ({len(payload)})" for opcode, payload in heard.replies[:4]]
    return ", ".join(shown) or "nothing"
