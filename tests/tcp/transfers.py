"""Files sent up and down between the lines."""

from typing import Any

from tests.contract.tcp_client import Lines

START, END = b"===FILE_DATA_START===\n", b"\n===FILE_DATA_END===\n"


def upload(client: Lines, data: bytes, filename: str = "report.pdf", **fields: Any) -> int:
    """Send a file: its id. The next message is the group's file_notification."""
    asked = {"filename": filename, "file_data": "", "file_size": len(data), **fields}
    ready = client.ask("file_upload_request", **asked)
    assert (ready["message_type"], ready["success"], ready["file_id"]) == ("file_upload_response", True, None), ready
    client.raw(data)
    done = client.next()
    assert done["success"], done
    return int(done["file_id"])


def download(client: Lines, file_id: int | str) -> tuple[str, bytes]:
    """A file's name and bytes."""
    ready = client.ask("file_download_request", file_id=file_id)
    assert (ready["message_type"], ready["success"]) == ("file_download_response", True), ready
    assert client.take(len(START)) == START
    data = client.take(ready["file_size"])
    assert client.take(len(END)) == END
    done = client.next()
    assert (done["message_type"], done["success"], done["filename"]) == ("file_download_response", True, None)
    return ready["filename"], data


def quiet_upload(client: Lines, data: bytes, group_id: int) -> int:
    """Upload while others send to the group."""
    client.send("file_upload_request", filename="f", file_size=len(data), chat_group_id=group_id)
    while client.next()["message_type"] != "file_upload_response":
        pass
    client.raw(data)
    while (answer := client.next())["message_type"] != "file_upload_response":
        pass
    assert answer["success"], answer
    return int(answer["file_id"])
