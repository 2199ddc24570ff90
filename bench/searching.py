"""Sends while several people search in the biggest room: whether a search holds up those who talk."""

import http.client
import json
import threading
import time
from dataclasses import dataclass

from bench.growth_data import LOBBY, SEARCHERS

SENDS, PAUSE_SECONDS = 200, 0.02
_SEARCH = f"/conversations/manage_messages?conversationId={LOBBY}&content=nowhere"
_SENT = json.dumps({"roomname": "public", "new_message": {"type": "text", "content": "hello"}})


@dataclass
class Sends:
    took: list[int]  # ns, of each send
    size: int  # bytes of an answer
    searches: int
    failed: str = ""


def sends_while_searching(port: int, tokens: dict[str, str], sender: str) -> Sends:
    """Send messages one after the other while SEARCHERS users search, each again as soon as the last one is answered.

    Raises OSError, HTTPException and ValueError where a send fails.
    """
    stop = threading.Event()
    counts, failures = [0] * SEARCHERS, [""] * SEARCHERS

    def search(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            while not stop.is_set():
                ask(connection, tokens[f"searcher-{number}"], "GET", _SEARCH, None)
                counts[number] += 1
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures[number] = f"searcher-{number}: {error!r}"
        finally:
            connection.close()

    threads = [threading.Thread(target=search, args=(number,)) for number in range(SEARCHERS)]
    for thread in threads:
        thread.start()
    try:
        took, size = _sends(port, tokens[sender])
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return Sends(took, size, sum(counts), "; ".join(filter(None, failures)))


def _sends(port: int, token: str) -> tuple[list[int], int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    took, size = [], 0
    try:
        for _ in range(SENDS):
            time.sleep(PAUSE_SECONDS)
            began = time.perf_counter_ns()
            size = len(ask(connection, token, "POST", "/chat/send", _SENT))
            took.append(time.perf_counter_ns() - began)
    finally:
        connection.close()
    return took, size


def ask(connection: http.client.HTTPConnection, token: str, method: str, path: str, body: str | None) -> bytes:
    """Return the answer.

    Raises ValueError for a refusal.
    """
    connection.request(method, path, body, {"Authorization": token, "Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise ValueError(f"{response.status} {answer[:200]!r}")
    return answer
