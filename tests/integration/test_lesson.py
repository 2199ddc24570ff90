"""`make lesson` in small: from the roster to the archived room, against a server that the real command starts."""

import subprocess
import sys

import pytest

from bench.attack.books import words
from bench.lesson.played import Lesson
from tests.real_server import ROOT


def test_a_lesson_from_the_roster_to_the_archived_room_has_no_errors():
    """Of eight pupils four chat by polling, and one by each other protocol."""
    command = [sys.executable, "-m", "bench.lesson", "--pupils", "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 errors.\n" in done.stdout
    assert "Sends: 38 acknowledged, 27 refused." in done.stdout


@pytest.mark.parametrize(
    ("receptions", "errors"),
    [
        (1, []),
        (0, ["9 deliveries of acknowledged messages are missing"]),
        (2, ["9 deliveries were made twice"]),
    ],
)
def test_the_report_counts_messages_that_were_lost_or_came_twice(receptions, errors):
    lesson = Lesson(1, 1, "", pupils=8)
    number = lesson.books.begin(0.0)
    lesson.books.acknowledge(number, 0.1)

    for member in lesson.everybody:
        for _ in range(receptions):
            member.heard(words(number))

    assert lesson.verdict() == errors
