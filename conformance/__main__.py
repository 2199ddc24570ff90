"""`python -m conformance`: run all of it, print what does not pass, and write the tables."""

import argparse
import sys
import time
from pathlib import Path

from conformance import report, sockets
from conformance.servers import served
from conformance.sockets import Result
from tests.integration.raw import token_of


def main() -> int:
    """The exit code: 1 where something fails."""
    options = _options()
    found: dict[str, list[sockets.Outcome]] = {}
    for scheme in ("ws", "wss"):
        began = time.monotonic()
        with served(tls=scheme == "wss") as server:
            opened = sockets.opener(server, token_of(server, "alice"))
            found[scheme] = list(sockets.run(opened))
        print(f"{scheme}: {report.counts(found[scheme])}, {time.monotonic() - began:.0f} s")
        for outcome in found[scheme]:
            if outcome.result is Result.FAIL:
                print(f"  {outcome.case.number} {outcome.case.about}: {outcome.remark}")
    if options.write:
        options.write.write_text(report.page(found))
    return int(any(outcome.result is Result.FAIL for outcomes in found.values() for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
