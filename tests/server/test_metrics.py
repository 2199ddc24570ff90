"""/metrics on a real server: answers by the loop are counted like answers by threads."""

from collections.abc import Callable

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.raw import answer, token_of
from tests.real_server import Server, wait_until
from tests.server.reader import Reader
from tests.server.websocket import Socket

ANSWERED = "requests polling 2xx"


def figures(server: Server) -> dict[str, float]:
    """By name and labels, without pid."""
    found = {}
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    for sample in (sample for family in text_string_to_metric_families(text) for sample in family.samples):
        name = sample.name.removeprefix("commonroom_").removesuffix("_total")
        labels = [value for label, value in sorted(sample.labels.items()) if label != "pid"]
        found[" ".join([name, *labels])] = sample.value
    return found


def say(server: Server, token: str, text: str) -> None:
    body = {"roomname": "public", "new_message": {"content": text}}
    reply = requests.post(f"{server.url}/chat/send", json=body, headers={"Authorization": token}, timeout=10)
    assert reply.status_code == 200


def test_every_answer_is_counted_once_whichever_way_it_went(server: Callable[..., Server]) -> None:
    live = server(CHAT_METRICS="on")
    token = token_of(live, "alice")
    reader = Reader(live, token, "timeout=0.1")
    now = {"public": "2099-01-01T00:00:00Z"}
    before = figures(live)
    for _ in range(3):  # the first is parked by the view; from then on the head is known
        assert reader.pull(now)[1]["public"] == []
    assert figures(live)[ANSWERED] - before[ANSWERED] == 3
    say(live, token, "one")
    assert len(reader.pull({"public": ""})[1]["public"]) == 1
    after = figures(live)
    assert after[ANSWERED] - before[ANSWERED] == 5
    assert after["messages_stored"] - before["messages_stored"] == 1
    assert after["deliveries"] - before["deliveries"] == 1
    assert after["connections"] >= 2  # the reader's and this one
    requests.get(f"{live.url}/user/me", timeout=10)
    assert figures(live)["requests polling 4xx"] == 1
    reader.talk.close()


def test_held_pulls_are_counted(server: Callable[..., Server]) -> None:
    live = server(CHAT_METRICS="on")
    reader = Reader(live, token_of(live, "alice"))
    reader.ask({"public": "2099-01-01T00:00:00Z"})
    wait_until(lambda: figures(live)["held_requests"] == 1, "the pull is held")
    reader.talk.close()
    wait_until(lambda: figures(live)["held_requests"] == 0, "it has hung up")


def test_pulls_whose_bodies_arrive_after_their_heads_are_known(server: Callable[..., Server]) -> None:
    """Python's http.client, and so requests, sends two segments: each pull took a thread."""
    live = server(CHAT_METRICS="on", CHAT_RATE_LIMITS="off")
    token = token_of(live, "alice")
    reader = Reader(live, token)
    cursor = ""
    for text in ("one", "two", "three"):
        reader.ask_in_two({"public": cursor})
        wait_until(lambda: figures(live)["held_requests"] == 1, "the pull is held")
        say(live, token, text)
        status, got = answer(reader.talk)
        assert (status, [message["content"] for message in got["public"]]) == (200, [text])
        cursor = got["public"][-1]["timestamp"]
    assert figures(live)["pulls_known"] == 2, "all but the first"
    reader.talk.close()


def test_sockets_are_counted_and_wait_for_no_answer(socket_server: Callable[..., Server]) -> None:
    live = socket_server(CHAT_METRICS="on")
    with Socket(live, token_of(live, "alice")):
        got = figures(live)
        assert (got["connections"], got["held_requests"]) == (2, 0)


def test_it_is_off_unless_asked_for(server: Callable[..., Server]) -> None:
    assert requests.get(f"{server().url}/metrics", timeout=10).status_code == 404
