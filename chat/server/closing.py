"""The end of a connection, so that the client gets its last answer.

If a socket were closed with unread data, TCP would discard the answer (RFC 9112, 9.6). So writing ends first, and the
client has a moment to read, while its further data is discarded.
"""

from typing import Any

LINGER_SECONDS = 2.0  # a client may still be sending; after an immediate close it would not read its last answer


def end_writing(transport: Any) -> bool:
    """End writing after the data written so far. Returns False if the connection was closed already."""
    try:
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()  # TLS sends a close notification and reads until the client closes
    except OSError:
        transport.abort()
        return False
    return True
