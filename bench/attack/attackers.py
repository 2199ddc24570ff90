"""The attacks by their names, each a coroutine that goes on until it is cancelled.

`python -m bench.attack.attackers NAME SECONDS HTTP_PORT TCP_PORT` runs one in a process of its own: it registers,
prints READY, waits for a line on its standard input, attacks for so long, and prints, as JSON, how often the server
answered with which status. All of it comes from one address, and but for a few from one account: a pupil with a script.
"""
# ruff: noqa: T201

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from bench.attack import bodies, floods, passwords, slow, uploads
from bench.attack.attacker import PAUSE, Attacker
from bench.attack.wire import Lost

READY = "ready"
ATTACKS: dict[str, Callable[[Attacker], Coroutine[Any, Any, None]]] = {
    attack.__name__.replace("_", "-"): attack
    for attack in (
        bodies.sixteen_pictures,
        bodies.hostile_pictures,
        passwords.right_log_ins,
        passwords.log_ins_of_nobody,
        passwords.guesses_at_the_teacher,
        passwords.registrations,
        floods.many_rooms,
        floods.forced_memberships,
        slow.unread_pictures,
        slow.unread_pulls,
        slow.unfinished_bodies,
        slow.half_frames,
        slow.silent_connections,
        bodies.large_avatar,
        floods.flood_of_messages,
        floods.flood_of_requests,
        floods.flood_of_frames,
        floods.documents,
        floods.searches,
        bodies.expensive_bodies,
        bodies.files,
        uploads.uploads,
        bodies.posts_to_the_tcp_port,
        passwords.codes_by_mail,
    )
}


async def _register(attacker: Attacker) -> None:
    while True:
        try:
            await attacker.register()
            return
        except (Lost, KeyError):  # refused, while others attack
            await asyncio.sleep(PAUSE)


async def _attack(name: str, seconds: float, attacker: Attacker) -> None:
    await _register(attacker)
    print(READY, flush=True)
    if not await asyncio.to_thread(sys.stdin.readline):
        return  # the bench has ended
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ATTACKS[name](attacker)


def main() -> None:
    name, seconds, http_port, tcp_port = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    attacker = Attacker(http_port, tcp_port)
    asyncio.run(_attack(name, seconds, attacker))
    print(json.dumps(attacker.counts))


if __name__ == "__main__":
    main()
