"""`python -m bench.exporting`: the server's memory while a room of 100,000 messages and some files is exported.

The room is downloaded twice: the first time as fast as it comes, then with a pause after each MiB.
"""
# ruff: noqa: T201

import argparse
import http.client
import sys
import threading
import time
from dataclasses import dataclass

from bench import report
from bench.long_room import ROOM, LongRoom
from bench.roster import Teacher

MEMBERS = 30
_MIB = 1024 * 1024
_FILE_MIB = 16
_WORDS = "some words of a lesson, which are neither short nor long, about forces and pulleys "


def _text(number: int) -> str:
    return f"no. {number}: {_WORDS}"


@dataclass
class Download:
    mib: float
    seconds: float
    before: float  # MiB of the server's memory
    most: float


def send_file(teacher: Teacher, number: int) -> None:
    head = f'--part\r\nContent-Disposition: form-data; name="roomname"\r\n\r\n{ROOM}\r\n--part\r\n'
    head += f'Content-Disposition: form-data; name="file"; filename="{number}.bin"\r\n\r\n'
    body = head.encode() + bytes(_FILE_MIB * _MIB) + b"\r\n--part--\r\n"
    teacher.request("POST", "/chat/upload", body, "multipart/form-data; boundary=part").read()


def download(server: LongRoom, teacher: Teacher, pause: float) -> Download:
    """Read the export, and look at the server's memory meanwhile. pause: seconds after each MiB."""
    before = most = server.rss_bytes()
    stop = threading.Event()

    def watch() -> None:
        nonlocal most
        while not stop.wait(0.05):
            most = max(most, server.rss_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, size = time.monotonic(), 0
    try:
        response = teacher.request("GET", f"/room/export?roomname={ROOM}")
        while piece := response.read(_MIB):
            size += len(piece)
            time.sleep(pause)
    finally:
        stop.set()
        watcher.join()
    return Download(size / _MIB, time.monotonic() - began, before / _MIB, most / _MIB)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.exporting", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--mib", type=int, default=64, help="of files")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds after each MiB, the second time")
    options = parser.parse_args()
    with LongRoom(MEMBERS, options.messages, _text) as server:
        teacher = Teacher(server)
        for number in range(options.mib // _FILE_MIB):
            send_file(teacher, number)
        print(f"Machine: {report.machine()}, the server on one core")
        for name, pause in (("at full speed", 0.0), ("slowly", options.pause)):
            try:
                done = download(server, teacher, pause)
            except http.client.HTTPException as error:
                print(f"{name}: {error!r}")
                return 1
            print(
                f"{name}: {options.messages:,} messages and {options.mib} MiB of files as {done.mib:.1f} MiB in "
                f"{done.seconds:.1f} s; memory {done.before:.0f} MiB before, {done.most:.0f} MiB at most"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
