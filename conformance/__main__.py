"""`python -m conformance`: run all suites, print failures, and write the tables."""

import argparse
import os
import sys
import time
from pathlib import Path

from conformance import foreign_cases, http, idle, lines, report, sockets
from conformance.clients import Outcome as Met
from conformance.servers import served
from conformance.sockets import Result
from tests.raw import token_of


def main() -> int:
    """The exit code: 1 where something fails."""
    options = _options()
    found: dict[str, list[sockets.Outcome]] = {}
    asked: dict[str, list[http.Outcome]] = {}
    met: dict[str, list[Met]] = {}
    for scheme in ("http", "https"):
        with served(tls=scheme == "https") as server:
            met[scheme] = list(foreign_cases.run(server))
        with served(tls=scheme == "https", gunicorn=f"--keep-alive {idle.KEEPALIVE}") as server:
            met[scheme] += idle.run(server)
    with served() as server:
        met["http"] += lines.run(server)
        met["http"] += foreign_cases.lint(server)
    for scheme in ("ws", "wss"):
        began = time.monotonic()
        with served(tls=scheme == "wss") as server:
            asked[server.url.partition(":")[0]] = list(http.run(http.opener(server), http.furnish(server)))
            opened = sockets.opener(server, token_of(server, "alice"))
            found[scheme] = list(sockets.run(opened))
        print(f"{scheme}: {report.counts(found[scheme])}, {time.monotonic() - began:.0f} s")
        for outcome in found[scheme]:
            if outcome.result is Result.FAIL:
                print(f"  {outcome.case.number} {outcome.case.about}: {outcome.remark}")
    for scheme, outcomes in asked.items():
        print(f"{scheme}: {http.counts(outcomes)}")
        for one in outcomes:
            if one.fault:
                print(f"  {one.case.section}, {one.case.about}: {one.fault}")
    for scheme, tried in met.items():
        print(f"{scheme}, clients: {len(tried)} cases")
        for each in tried:
            if each.fault or each.skipped:
                print(f"  {each.client}, {each.about}: {each.result}")
    if options.write:
        options.write.write_text(report.page(met, asked, found))
    has_fault = any(one.fault for outcomes in asked.values() for one in outcomes)
    # In CI every client is there.
    is_strict = os.environ.get("CI") == "true"
    has_fault = has_fault or any(each.fault or (is_strict and each.skipped) for tried in met.values() for each in tried)
    return int(has_fault or any(one.result is Result.FAIL for outcomes in found.values() for one in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
