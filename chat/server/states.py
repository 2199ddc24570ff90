"""The states of connections, and the legal moves between them: HTTP first, then WebSockets and lines.

Three things can be true in any state and are therefore no states: the client has closed its side, answers are not
written completely (flow control), and the request in progress is the last one.
"""

from enum import Enum


class State(Enum):
    IDLE = "between two requests"
    READING = "a part of a request has arrived"
    WORKING = "a request is being handled, in a thread or on the loop"
    RECEIVING = "a long body arrives, and is passed on in parts"
    HELD = "a request waits for news"
    SENDING = "a long answer is sent as the client reads it"
    SURPLUS = "above a limit on connections: the first request is refused"
    CLOSING = "the last answer is being sent; further data is discarded"
    GONE = "disconnected, or taken over by another object"


_S = State
MOVES: dict[State, frozenset[State]] = {
    _S.IDLE: frozenset({_S.READING, _S.WORKING, _S.HELD, _S.SURPLUS, _S.CLOSING, _S.GONE}),
    _S.READING: frozenset({_S.IDLE, _S.WORKING, _S.HELD, _S.CLOSING, _S.GONE}),
    _S.WORKING: frozenset({_S.IDLE, _S.READING, _S.RECEIVING, _S.HELD, _S.SENDING, _S.CLOSING, _S.GONE}),
    _S.RECEIVING: frozenset({_S.WORKING, _S.CLOSING, _S.GONE}),
    _S.HELD: frozenset({_S.IDLE, _S.READING, _S.WORKING, _S.SENDING, _S.CLOSING, _S.GONE}),
    _S.SENDING: frozenset({_S.IDLE, _S.READING, _S.CLOSING, _S.GONE}),
    _S.SURPLUS: frozenset({_S.CLOSING, _S.GONE}),
    _S.CLOSING: frozenset({_S.GONE}),
    _S.GONE: frozenset(),
}
# By these names, as each delivery moves connections, and reading a member of an Enum takes 0.14 µs (Python 3.11).
IDLE, READING, WORKING, HELD, SENDING = State.IDLE, State.READING, State.WORKING, State.HELD, State.SENDING
SURPLUS, CLOSING = State.SURPLUS, State.CLOSING
# Tuples, because looking up a member of an Enum in a set calls its __hash__, which is written in Python.
READS = (IDLE, READING)  # the next request can begin
IN_PROGRESS = (WORKING, State.RECEIVING, HELD, SENDING)  # a request is not finished


class StreamState(Enum):
    """Of a WebSocket or a connection with lines. Whether a message is being handled does not depend on it."""

    NEW = "not counted yet, or refused as surplus"
    OPEN = "neither side has closed it"
    CLOSING = "this side has closed it, and the client has a moment to do so"
    GONE = "disconnected; messages received before are still handled"
    TOLD = "the session is told that the client is gone"
    ENDED = "forgotten"


_T = StreamState
STREAM_MOVES: dict[StreamState, frozenset[StreamState]] = {
    _T.NEW: frozenset({_T.OPEN, _T.GONE}),
    _T.OPEN: frozenset({_T.CLOSING, _T.GONE}),
    _T.CLOSING: frozenset({_T.GONE}),
    _T.GONE: frozenset({_T.TOLD}),
    _T.TOLD: frozenset({_T.ENDED}),
    _T.ENDED: frozenset(),
}
OPEN = StreamState.OPEN  # asked for each item of each client
