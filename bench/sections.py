"""Sections of docs/performance.md, each written by one command and replaced as a whole by the next run of it."""

import shlex
import sys
import time
from pathlib import Path


def write(path: Path, title: str, body: str, program: str = "bench") -> None:
    """Put a section with this title, command, date and body where the last one stood, else at the end of the page."""
    begin, end = f"<!-- {title}: written by its command. -->\n", f"<!-- {title}: end. -->\n"
    command = shlex.join(["python", "-m", program, *sys.argv[1:]])
    now = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    section = f"{begin}\n## {title}\n\nWritten by `{command}` on {now}.\n{body.strip()}\n\n{end}"
    before, found, rest = path.read_text().partition(begin)
    if found:
        path.write_text(before + section + rest.partition(end)[2])
    else:
        path.write_text(before.rstrip() + "\n\n" + section)
