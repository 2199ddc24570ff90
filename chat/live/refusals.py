"""What is not HTTP as it should be gets JSON too, and leaves nothing of the request in the log: it may hold a token."""

import json


def refusal(status: str, reason: str) -> bytes:
    """A whole answer that closes the connection."""
    body = json.dumps({"status": "failure", "feedback": f"{status}: {reason}."})
    retry = "Retry-After: 2\r\n" if status.startswith("503") else ""
    head = (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n{retry}"
        f"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()
