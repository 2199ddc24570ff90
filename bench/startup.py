# ruff: noqa: T201, S603
"""CPU time until a server answers, and the memory of its worker; several trees in turns.

python -m bench.startup 5 . ../other    medians of five rounds
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from bench.servers import BIN, free_port

TICKS = os.sysconf("SC_CLK_TCK")


class Start(NamedTuple):
    cpu: float  # s, of gunicorn's master and its worker
    resident: float  # MiB, of the worker
    proportional: float  # MiB, where pages that it shares with the master count half


def measure(tree: Path, home: str) -> Start:
    port = free_port()
    environment = os.environ | {"CHAT_INSTANCE_PATH": home, "PORT": str(port), "TCP_PORT": "0"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as where it is installed
    started = subprocess.Popen([BIN / "gunicorn"], cwd=tree, env=environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        master = Path(f"/proc/{started.pid}")
        worker = Path("/proc", (master / f"task/{started.pid}/children").read_text().split()[0])
        cpu = sum(map(_cpu, (master, worker)))
        return Start(cpu, _kib(worker / "status", "VmRSS") / 1024, _kib(worker / "smaps_rollup", "Pss") / 1024)
    finally:
        started.terminate()
        started.wait(30)


def _cpu(process: Path) -> float:
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _kib(file: Path, name: str) -> int:
    return next(int(line.split()[1]) for line in file.read_text().splitlines() if line.startswith(f"{name}:"))


def main() -> None:
    rounds, trees = int(sys.argv[1]), [Path(each).resolve() for each in sys.argv[2:]]
    homes = {tree: tempfile.mkdtemp(prefix="startup-") for tree in trees}
    for tree, home in homes.items():
        environment = os.environ | {"CHAT_INSTANCE_PATH": home}
        subprocess.run([BIN / "flask", "--app", "wsgi", "db", "upgrade"], cwd=tree, env=environment, check=True,
                       capture_output=True)  # fmt: skip
        measure(tree, home)
    found: dict[Path, list[Start]] = {tree: [] for tree in trees}
    for _ in range(rounds):
        for tree, home in homes.items():
            found[tree].append(measure(tree, home))
    print("| tree | CPU, s | resident, MiB | proportional, MiB |\n|---|---|---|---|")
    for tree, starts in found.items():
        medians = [statistics.median(each) for each in zip(*starts, strict=True)]
        print(f"| {tree.name} | " + " | ".join(f"{value:.2f}" for value in medians) + " |")


if __name__ == "__main__":
    main()
