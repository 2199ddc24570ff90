"""Requests and messages that change lanes, or are refused in one."""

from typing import Any

import pytest

from chat.lanes import Lane, WrongLane
from chat.server import wsgi as request_module
from chat.server.connection import HttpConnection
from chat.server.ports import Receiving
from chat.server.stream import StreamConnection
from chat.server.wsgi import Answer
from tests.server.websocket import TEXT, frame
from tests.unit.connection.conftest import HEAD, Transport, Worker


def test_a_request_in_the_wrong_lane_is_run_again_in_the_right_one(
    http: HttpConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[Any] = [WrongLane(Lane.HASHING), Answer([b"done"], close=False)]

    def run(*_: Any) -> Answer:
        outcome = outcomes.pop(0)
        if isinstance(outcome, WrongLane):
            raise outcome
        assert isinstance(outcome, Answer)
        return outcome

    monkeypatch.setattr(request_module, "run", run)
    http.data_received(HEAD + b"\r\n")
    worker.work.pop()()
    assert worker.lanes == [Lane.HASHING]
    assert not transport.unread
    worker.work.pop()()
    assert transport.unread == len(b"done")


def test_a_body_received_for_a_client_that_disconnects_on_the_way_to_another_lane_is_abandoned(
    http: HttpConnection, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandoned: list[str] = []

    class Kept:
        def take(self, part: bytes) -> None: ...

        def abandon(self) -> None:
            abandoned.append("body")

    def finish(_arrival: object, _start_response: object) -> list[bytes]:
        raise WrongLane(Lane.PICTURES)

    received = Answer([], close=False)
    received.receiving = Receiving(Kept(), finish)
    runs = [lambda *_: received, lambda *job: job[-1](None, None)]  # the request, then the rest of it
    monkeypatch.setattr(request_module, "run", lambda *job: runs.pop(0)(*job))
    http.data_received(HEAD + b"\r\n")
    worker.work.pop()()
    assert worker.lanes == [Lane.PICTURES]
    assert not abandoned
    http.connection_lost(None)
    worker.work.pop()()
    assert abandoned == ["body"]


def test_a_refused_request_is_told_so_in_a_lane_for_that(
    http: HttpConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[tuple[Any, ...]] = []
    monkeypatch.setattr(worker, "offer", lambda owner, *job: refused.append((owner, *job)))
    http.data_received(HEAD + b"\r\n")
    owner, work, *args = refused.pop()
    owner.refused(Lane.REST, work, tuple(args))
    assert worker.lanes == [Lane.REFUSING]
    owner.refused(Lane.REFUSING, work, tuple(args))  # that is full too
    assert transport.unread
    assert transport.closing


def test_a_socket_whose_message_is_refused_everywhere_is_closed(
    socket: StreamConnection, worker: Worker, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[tuple[Any, ...]] = []
    monkeypatch.setattr(worker, "offer", lambda owner, *job: refused.append((owner, *job)))
    socket.data_received(frame(TEXT, b"hello"))
    owner, work, *args = refused.pop()
    owner.refused(Lane.REST, work, tuple(args))
    assert worker.lanes == [Lane.REFUSING]
    assert socket.is_open
    owner.refused(Lane.REFUSING, work, tuple(args))
    assert not socket.is_open
