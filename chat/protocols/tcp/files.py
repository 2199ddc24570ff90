"""File transfers: bytes in chunks between the lines."""

import logging
from collections.abc import Iterator
from typing import Any

from chat.errors import SENDING, ChatError, ErrorCode
from chat.http.compact_json import compact
from chat.http.paging_params import next_of, page_of
from chat.protocols.tcp.connection import Conversation
from chat.protocols.tcp.render import answer, file
from chat.protocols.tcp.requests import DownloadFile, ListFiles, UploadFile
from chat.protocols.tcp.routes import handles
from chat.services.files import FileView, Upload

log = logging.getLogger(__name__)
DATA_START, DATA_END = b"===FILE_DATA_START===\n", b"\n===FILE_DATA_END===\n"
# Published clients read lines in one thread and a file in another. They need a second without data to switch to the
# file, and half a second to switch back.
PAUSE_BEFORE, PAUSE_AFTER = 1.2, 0.5  # seconds


@handles("file_list_request", ListFiles, ErrorCode.ROOM_NOT_FOUND, ErrorCode.FORBIDDEN)
def list_files(client: Conversation, request: dict[str, Any]) -> None:
    """List the files of a group."""
    group = client.group(request["chat_group_id"])
    page = page_of(request)
    room_id, found = client.within(group, lambda ref: client.chat.files.listed(client.actor, ref, page))
    shown = [file(each, client.zone) for each in found]
    more = next_of(page, found, shown)
    client.say("file_list_response", chat_group_id=room_id, files=shown, **more)


@handles(
    "file_upload_request",
    UploadFile,
    ErrorCode.ROOM_NOT_FOUND,
    ErrorCode.FORBIDDEN,
    ErrorCode.NOT_FRIENDS,
    *SENDING,
    ErrorCode.FILE_TOO_LARGE,
    ErrorCode.FILE_NOT_FOUND,
    ErrorCode.STORAGE_FULL,
)
def upload_file(client: Conversation, request: dict[str, Any]) -> None:
    """Receive the bytes that follow the next answer."""
    group, size = client.group(request["chat_group_id"]), request["file_size"]
    files = client.chat.files
    upload = client.within(group, lambda ref: files.begin(client.actor, ref, request["filename"], size))
    client.upload = upload
    client.take_piece = _Incoming(client, upload).take
    client.say("file_upload_response", success=True, message="准备接收文件", file_id=None)
    if size:
        client.lines.take_raw(size)
    else:
        client.take_piece(b"")


@handles("file_download_request", DownloadFile, ErrorCode.FILE_NOT_FOUND)
def download_file(client: Conversation, request: dict[str, Any]) -> None:
    """Send a file of a group that the caller is in."""
    found = client.chat.files.find(client.actor, request["file_id"])
    about = {"filename": found.filename, "file_size": found.size}
    client.say("file_download_response", success=True, message="开始下载文件", **about)
    client.lines.send_pieces(_outgoing(client, found))


def _outgoing(client: Conversation, found: FileView) -> Iterator[bytes | float]:
    yield PAUSE_BEFORE
    yield DATA_START
    yield from client.chat.files.pieces(found)
    yield DATA_END
    yield PAUSE_AFTER
    last = answer("file_download_response", success=True, message="文件下载完成", filename=None, file_size=None)
    yield client.peer.framed(compact(last))


class _Incoming:
    """A file being received. If storing fails, the remaining bytes are still read, because they are not lines."""

    def __init__(self, client: Conversation, upload: Upload) -> None:
        self._client = client
        self._upload = upload
        self._left = upload.attached.size
        self._failure: ChatError | None = None

    def take(self, piece: bytes) -> None:
        """Handle the next bytes, and answer after the last. Raises the error of a failed write."""
        self._left -= len(piece)
        if self._failure is None and piece:
            try:
                self._client.chat.files.add(self._upload, piece)
            except Exception as error:
                self._give_up(error)
        if self._left == 0:
            self._finish()

    def _finish(self) -> None:
        client = self._client
        client.take_piece = None
        if self._failure is None:
            try:
                client.chat.files.finish(client.actor, self._upload)
                client.upload = None
            except Exception as error:
                self._give_up(error)
        if self._failure is not None:
            raise self._failure
        words = f"文件 {self._upload.attached.filename} 上传成功"
        client.say("file_upload_response", success=True, message=words, file_id=self._upload.attached.id)

    def _give_up(self, error: Exception) -> None:
        if isinstance(error, ChatError):
            self._failure = error
        else:
            log.exception("storing a file failed")
            self._failure = ChatError(ErrorCode.INTERNAL)
        self._client.upload = None
        try:
            self._client.chat.files.abandon(self._upload)
        except ChatError:
            log.warning("removing an unfinished upload failed; housekeeping removes it later")
