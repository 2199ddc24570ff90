"""Clients that do not read their answers cost little memory and no thread."""

import base64
import select
import time
from contextlib import ExitStack

import requests

from tests.pictures import noise
from tests.processes import resting_sockets_of, rss_of, sockets_of, threads_of
from tests.raw import Talk, get, pull, token_of
from tests.real_server import Server, wait_until
from tests.server.load import MIB, THREADS_MAX, StartServer, serves_promptly

GROWTH_MAX = 200 * MIB  # 64 answers of nearly 8 MiB would be 500; 8 of them, one for each connection, are 62


def history(token: str) -> bytes:
    return get("/chat/history?roomname=gallery&limit=2", f"Authorization: {token}")


def show_pictures(server: Server, token: str, count: int, size: int) -> None:
    """In a room of their own."""
    auth = {"Authorization": token}
    reply = requests.post(f"{server.url}/room/create", json={"roomname": "gallery"}, headers=auth, timeout=30)
    assert reply.status_code == 200, reply.text
    for _ in range(count):
        message = {"type": "img", "content": base64.b64encode(noise(size)).decode()}
        body = {"roomname": "gallery", "new_message": message}
        reply = requests.post(f"{server.url}/chat/send", json=body, headers=auth, timeout=30)
        assert reply.status_code == 200, reply.text


def test_clients_that_do_not_read(server: StartServer) -> None:
    live = server(CHAT_THREADS="12")
    token = token_of(live, "alice")
    show_pictures(live, token, 2, 2_900_000)  # a page of nearly 8 MiB
    with Talk(live) as talk:
        expected = talk.ask(history(token)).body
    assert len(expected) > 7 * MIB
    (worker,) = live.worker_pids()
    before, memory = resting_sockets_of(worker), rss_of(worker)
    for round_ in range(3):
        with ExitStack() as stack:
            talks = [stack.enter_context(Talk(live, receive_buffer=65536, timeout=30)) for _ in range(8)]
            for talk in talks:
                talk.send(history(token) * 8)
            for talk in talks:  # each is being answered
                assert select.select([talk.socket], [], [], 15)[0]
            time.sleep(0.3)
            serves_promptly(live, token)
            assert threads_of(worker) < THREADS_MAX
            if round_ == 0:  # one has only been slow
                assert all(talks[0].answer().body == expected for _ in range(8))
            assert rss_of(worker) - memory < GROWTH_MAX, f"in round {round_}"
        wait_until(lambda: sockets_of(worker) <= before + 1, "their sockets are closed", 5)
    serves_promptly(live, token)
    wait_until(lambda: rss_of(worker) - memory < GROWTH_MAX / 2, "their memory is given back", 5)
    assert "Traceback" not in live.log.read_text()


def test_more_clients_that_do_not_read_than_threads(server: StartServer) -> None:
    live = server(CHAT_THREADS="12")
    token = token_of(live, "alice")
    show_pictures(live, token, 2, 1_500_000)
    with ExitStack() as stack:
        talks = [stack.enter_context(Talk(live, receive_buffer=4096)) for _ in range(30)]
        for talk in talks:
            talk.send(history(token))
        time.sleep(0.3)
        serves_promptly(live, token_of(live, "bob"))  # alice's own requests take turns with one another
        for talk in talks:
            assert select.select([talk.socket], [], [], 15)[0], "it is being answered too"


def test_picture_to_held_pulls_that_do_not_read(server: StartServer) -> None:
    """The loop writes a held pull's answer, and must not block."""
    live = server(CHAT_THREADS="12")
    token = token_of(live, "alice")
    (worker,) = live.worker_pids()
    memory = rss_of(worker)
    with ExitStack() as stack:
        talks = [stack.enter_context(Talk(live, receive_buffer=4096)) for _ in range(40)]
        for talk in talks:
            talk.send(pull(token, {"public": ""}, timeout=40))
        time.sleep(0.3)
        content = base64.b64encode(noise(3_000_000)).decode()
        body = {"roomname": "public", "new_message": {"type": "img", "content": content}}
        assert requests.post(f"{live.url}/chat/send", json=body, headers={"Authorization": token}, timeout=30).ok
        for talk in talks:
            assert select.select([talk.socket], [], [], 15)[0]
        serves_promptly(live, token)
        # One picture, 4 MB in Base64, shared by all.
        assert rss_of(worker) - memory < GROWTH_MAX
        assert talks[0].answer().json()["public"][0]["content"] == content


def test_an_unread_picture_costs_little(server: StartServer) -> None:
    """Sent in chunks: a hundred clients that request 5 MB and read nothing hold one chunk each."""
    live = server(CHAT_THREADS="12")
    token = token_of(live, "alice")
    show_pictures(live, token, 1, 4_900_000)
    with Talk(live) as talk:
        talk.ask(get("/user/me", f"Authorization: {token}"))
    (message,) = requests.get(
        f"{live.url}/api/message/list?room_id=2", headers={"Authorization": token}, timeout=10
    ).json()["data"]
    path = message["content"][message["content"].index("/attachments/") :]
    whole = requests.get(f"{live.url}{path}", timeout=10)
    assert len(whole.content) == int(whole.headers["Content-Length"]) > 4_800_000
    (worker,) = live.worker_pids()
    memory = rss_of(worker)
    with ExitStack() as stack:
        talks = [stack.enter_context(Talk(live, receive_buffer=4096, timeout=30)) for _ in range(100)]
        for talk in talks:
            talk.send(get(path))
        for talk in talks:
            assert select.select([talk.socket], [], [], 15)[0]
        serves_promptly(live, token)
        assert rss_of(worker) - memory < 100 * MIB
        assert talks[0].answer().body == whole.content
        wait_until(lambda: sockets_of(worker) < 30, "those that do not read are given up", 25)
