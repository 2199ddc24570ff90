"""`make attack` in small: the class and the attackers are real programs, and must not rot."""

import subprocess
import sys

from tests.real_server import ROOT


def test_a_class_loses_nothing_while_a_page_of_another_site_posts_to_the_tcp_port():
    """A class of five, one by each protocol. The attack's message would be counted as having got through."""
    attack = ("--seconds", "1", "--pupils", "5", "--attack", "posts-to-the-tcp-port", "--attack", "documents")
    command = [sys.executable, "-m", "bench.attack", *attack]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Acknowledged messages lost: 0 deliveries. Delivered twice: 0." in done.stdout
    assert "GOT THROUGH" not in done.stdout
    assert "| documents |" in done.stdout
