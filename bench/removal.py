"""`python -m bench.removal`: how long sends take while old messages, a deleted room and its files are removed.

By the services in one process, without a server: what a sender waits for is the one writer and Python's lock.
"""
# ruff: noqa: T201

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from sqlalchemy import Select, insert, select

from app import create_app
from bench.attack.books import percentile
from chat.clock import SECOND, system_clock
from chat.http.context import EXTENSION
from chat.models import Actor, Message, MessageType, Room
from chat.services import Services
from chat.services.messages import Draft
from config import Settings

PER_SECOND = 20  # sends
ROWS = 5000  # messages per transaction of the filling
_MIB = 1024 * 1024


class Sender:
    """Sends at a steady pace in a thread, and notes how long each send takes."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self._services = services
        self._actor = actor
        self._stop = threading.Event()
        self.took: list[float] = []  # s
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stop.wait(1 / PER_SECOND):
            began = time.perf_counter()
            self._services.messages.send(self._actor, "public", Draft(text="may I ask something?"))
            self.took.append(time.perf_counter() - began)

    def stop(self) -> None:
        self._stop.set()


def measure(name: str, services: Services, actor: Actor, work: Callable[[], str]) -> None:
    """Send during the work, and print the latencies."""
    sender, began, cpu = Sender(services, actor), time.perf_counter(), time.process_time()
    done = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    sender.stop()
    p50, p95, p99 = (percentile(sender.took, share) for share in (0.5, 0.95, 0.99))
    slowest = max(sender.took) * 1000
    print(
        f"{name:22} {len(sender.took):5} sends: p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f}, slowest {slowest:.0f} ms; "
        f"{done}in {seconds:.1f} s, {cpu:.1f} s of CPU",
        flush=True,
    )


def fill(services: Services, room_id: int, actor: Actor, count: int, time_from: int) -> None:
    """Store messages of 100 characters, one a millisecond, and index them."""
    about = {"room_id": room_id, "sender_id": actor.user_id, "type": MessageType.TEXT.value}
    for start in range(0, count, ROWS):
        numbers = range(start, min(start + ROWS, count))
        rows = [{**about, "time": time_from + n * 1000, "content": f"{n:08} " + "some words " * 8} for n in numbers]
        with services.store.write() as tx:
            tx.execute(insert(Message), rows)
        services.store.texts.catch_up()


def send_files(services: Services, room_id: int, actor: Actor, mib: int) -> None:
    for _ in range(mib // 16):
        upload = services.files.begin(actor, room_id, "f", 16 * _MIB)
        for _ in range(64):
            services.files.add(upload, bytes(_MIB // 4))
        services.files.finish(actor, upload)


def exists(services: Services, query: Select[Any]) -> bool:
    with services.store.read() as connection:
        return connection.execute(query.limit(1)).first() is not None


def run(services: Services, messages: int, mib: int) -> None:
    services.rooms.ensure_lobby()
    user_id, session = services.accounts.register("teacher", "secret-1", "127.0.0.1")
    with services.store.read() as connection:
        actor = services.sessions.resolve_within(connection, session.id, user_id)
    if actor is None:
        raise ValueError("the account is gone")
    old, gone = services.rooms.create(actor, "old"), services.rooms.create(actor, "gone")
    month = system_clock() - 30 * 86400 * SECOND
    fill(services, old, actor, messages, month)
    fill(services, gone, actor, messages, month)
    send_files(services, gone, actor, mib)

    def retire() -> str:
        services.site.change(None, services.site.settings().version, {"keep_days": 7})
        while exists(services, select(Message.id).where(Message.room_id == old)):
            services.retention.purge()
        return f"{messages:,} messages "

    def purge() -> str:
        services.rooms.delete(actor, gone)
        while exists(services, select(Room.id).where(Room.id == gone)):
            services.purger.purge()
        return f"{messages:,} messages and {mib} MiB "

    def shrink() -> str:
        services.purger.shrink()
        services.store.scrub()
        return ""

    measure("nothing is removed", services, actor, lambda: time.sleep(20) or "")
    measure("old messages", services, actor, retire)
    measure("a deleted room", services, actor, purge)
    measure("shrinking, cleaning", services, actor, shrink)
    measure("nothing again", services, actor, lambda: time.sleep(5) or "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.removal", description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000, help="of each kind")
    parser.add_argument("--mib", type=int, default=256, help="of files in the deleted room")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(instance_path=Path(folder), rate_limits=False, secret_key="x" * 40)
        app = create_app(settings)
        with app.app_context():
            upgrade()
        services: Services = app.extensions[EXTENSION]
        run(services, options.messages, options.mib)
        services.close()
        services.store.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
