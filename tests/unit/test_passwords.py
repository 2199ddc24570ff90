import hashlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from argon2 import PasswordHasher

from chat.security import passwords


def test_argon2id_with_real_parameters() -> None:
    stored = passwords.hash_digest(passwords.sha1("secret1"))
    assert stored.startswith("$argon2id$v=19$m=7168,t=5,p=1$")
    assert passwords._NOBODYS.startswith("$argon2id$v=19$m=7168,t=5,p=1$")
    assert passwords.verify(stored, passwords.sha1("secret1"))
    assert not passwords.verify(stored, passwords.sha1("secret2"))
    assert not passwords.verify(None, passwords.sha1("nobody"))
    assert not passwords.verify("not a hash", passwords.sha1("secret1"))


def test_hashes_of_earlier_versions_are_good() -> None:
    stored = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(passwords.sha1("secret1"))
    assert passwords.verify(stored, passwords.sha1("secret1"))
    assert not passwords.verify(stored, passwords.sha1("secret2"))


def test_generated_passwords_cost_less_to_hash_and_as_much_to_check() -> None:
    stored = passwords.hash_generated("x")
    assert stored.startswith("$argon2id$v=19$m=4096,t=1,p=1$")
    assert passwords.verify(stored, "x")
    assert not passwords.verify(stored, "y")

    def seconds(act: Callable[[], object]) -> float:
        began = time.process_time()
        act()
        return time.process_time() - began

    rounds = [
        (
            seconds(lambda: passwords.hash_generated("x")),
            seconds(lambda: passwords.verify(stored, "y")),
            seconds(lambda: passwords.verify(None, "y")),
        )
        for _ in range(9)
    ]
    light, known, unknown = (statistics.median(each) for each in zip(*rounds, strict=True))
    assert light < unknown / 4
    assert 0.5 < known / unknown < 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has niceness by thread")
def test_hashing_alone_leaves_the_processor_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller keeps its priority: it also writes to the database."""
    seen: list[int] = []

    class Hasher:
        def hash(self, digest: str) -> str:
            seen.append(niceness())
            return digest

        def verify(self, stored: str, digest: str) -> bool:
            seen.append(niceness())
            return stored == digest

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    monkeypatch.setattr(passwords, "_hasher", Hasher())
    before = niceness()
    assert passwords.verify(passwords.hash_digest("x"), "x")
    assert seen == [min(19, before + 10)] * 2
    assert niceness() == before


FORKED = """
import os, signal
from chat.security import passwords
passwords.at_low_priority(lambda: None)
child = os.fork()
if not child:
    signal.alarm(20)
    os._exit(passwords.at_low_priority(lambda: 7))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_threads_of_its_own_to_hash() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout == "7\n"


def test_digests_are_of_the_text_in_utf8() -> None:
    assert passwords.sha1("密码") == hashlib.sha1("密码".encode()).hexdigest()
    assert passwords.md5("密码") == hashlib.md5("密码".encode()).hexdigest()


def test_an_unknown_user_takes_about_as_long() -> None:
    stored = passwords.hash_digest("x")

    def seconds(known: str | None) -> float:
        began = time.perf_counter()
        passwords.verify(known, "wrong")
        return time.perf_counter() - began

    pairs = [(seconds(stored), seconds(None)) for _ in range(9)]
    ratio = statistics.median(unknown / known for known, unknown in pairs)
    assert 0.5 < ratio < 2


def test_no_more_than_two_hash_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()

    class Slow:
        def hash(self, _: str) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.02)
            with lock:
                running -= 1
            return ""

    monkeypatch.setattr(passwords, "_hasher", Slow())
    threads = [threading.Thread(target=passwords.hash_digest, args=("x",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2
