"""Messages of one client that wait to be handled, in order."""

MOST_BYTES = 64 * 1024  # with more, or
MOST = 16  # with more messages, reading pauses


class Inbox:
    __slots__ = ("_bytes", "_handled_bytes", "_messages")

    def __init__(self) -> None:
        self._messages: list[str | bytes] = []
        self._bytes = 0
        self._handled_bytes = 0  # of the message being handled

    def __len__(self) -> int:
        """The number of messages waiting."""
        return len(self._messages)

    @property
    def size(self) -> int:
        """The bytes (or characters) of all messages, with the one being handled."""
        return self._bytes + self._handled_bytes

    @property
    def is_full(self) -> bool:
        """Whether to read no more for now."""
        return len(self._messages) >= MOST or self._bytes >= MOST_BYTES

    def put(self, message: str | bytes) -> None:
        """Add a message."""
        self._messages.append(message)
        self._bytes += len(message)

    def take(self) -> str | bytes:
        """Remove the oldest message, which counts until `handled`."""
        message = self._messages.pop(0)
        self._bytes -= len(message)
        self._handled_bytes = len(message)
        return message

    def handled(self) -> None:
        """The message taken last is handled."""
        self._handled_bytes = 0

    def clear(self) -> None:
        """Drop the messages waiting."""
        self._messages.clear()
        self._bytes = 0
