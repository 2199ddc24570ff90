"""Steps of tests of pulls and of the history."""

from typing import Any

from tests.contract.clients import PollingClient


def said(client: PollingClient, room: str, *texts: str) -> list[str]:
    """Send texts and return their timestamps."""
    for text in texts:
        client.say(room, text)
    return [m["timestamp"] for m in client.ok("GET", "/chat/pull", {})[room][-len(texts) :]]


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in messages]
