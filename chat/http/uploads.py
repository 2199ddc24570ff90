"""Reads an uploaded file from a multipart form, part by part, into storage (RFC 7578)."""

import logging
from collections.abc import Callable, Iterator

from flask import Response
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from chat.errors import ChatError, ErrorCode
from chat.http.context import arrival, this_request
from chat.http.responses import ReceivingResponse
from chat.lanes import Lane, enter_lane
from chat.models import Actor, StoredMessage
from chat.services.files import Files, Upload

log = logging.getLogger(__name__)
FORM_MAX_BYTES = 8192  # of all fields but the file
HEADERS_MAX_BYTES = 32 * 1024  # of a part
_SLICE_BYTES = 16 * 1024  # the decoder searches in what it has and gets
AROUND_MAX_BYTES = 64 * 1024  # of a form around its file
MAX_PARTS = 20
READ_BYTES = 128 * 1024
_CHUNK_BYTES = 256 * 1024  # stored at once
_FIELDS = ("roomname", "client_message_id")


class FileForm:
    """A form with `file` and fields: a Receiver. Failures are kept, and raised by `finish`."""

    def __init__(self, files: Files, actor: Actor, boundary: bytes, size: int) -> None:
        self._files = files
        self._actor = actor
        self._most = min(size, files.max_bytes)  # bytes of the file: the body has a little more
        self._decoder = MultipartDecoder(
            boundary, max_form_memory_size=HEADERS_MAX_BYTES + _SLICE_BYTES, max_parts=MAX_PARTS
        )
        self._fields: dict[str, bytes] = {}
        self._field: str | None = None  # the one being read; "file" as well
        self._upload: Upload | None = None
        self._sent: StoredMessage | None = None  # the message that this is a retry of
        self._kept = bytearray()
        self._failure: Exception | None = None

    def take(self, part: bytes) -> None:
        if self._failure is not None:
            return
        for at in range(0, len(part), _SLICE_BYTES):
            if self._failure is None:
                self._decode(part[at : at + _SLICE_BYTES])

    def _decode(self, part: bytes | None) -> None:
        """Take the next part; None is the end."""
        try:
            self._decoder.receive_data(part)
            for event in self._events():
                self._handle(event)
        except Exception as error:
            self._fail(error)

    def finish(self) -> StoredMessage:
        """Store the message. Raises like Files.begin, add and finish; WrongLane before it does anything."""
        if self._upload is not None and self._upload.is_picture and self._failure is None:
            enter_lane(Lane.PICTURES)
        if self._failure is None:
            self._decode(None)
        try:
            return self._finish()
        except ChatError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Remove the parts stored so far."""
        self._kept.clear()
        upload, self._upload = self._upload, None
        if upload is None:
            return
        try:
            self._files.abandon(upload)
        except Exception:
            log.warning("removing an unfinished upload failed; housekeeping removes it later")

    def _finish(self) -> StoredMessage:
        if self._failure is not None:
            raise self._failure
        if self._sent is not None:
            return self._sent
        room = self._text("roomname")
        if self._upload is None or not room:
            raise ChatError(ErrorCode.FIELD_MISSING, field="roomname" if self._upload else "file")
        message = self._files.send(self._actor, self._upload, room, self._text("client_message_id") or None)
        self._upload = None
        return message

    def _events(self) -> Iterator[Field | File | Data]:
        while not isinstance(event := self._decoder.next_event(), NeedData | Epilogue):
            if isinstance(event, Field | File | Data):
                yield event

    def _handle(self, event: Field | File | Data) -> None:
        if isinstance(event, Data):
            self._data(event)
        elif event.name == "file" and isinstance(event, File) and self._upload is None and self._sent is None:
            self._begin(event.filename)
        elif event.name == "file" or event.name in self._fields:
            raise ChatError(ErrorCode.FIELD_INVALID, field=event.name)
        else:
            self._field = event.name if event.name in _FIELDS and isinstance(event, Field) else None
            if self._field is not None:
                self._fields[self._field] = b""

    def _begin(self, filename: str) -> None:
        room, sent_id = self._text("roomname"), self._text("client_message_id")
        if room and sent_id:
            self._sent = self._files.sent_before(self._actor, room, sent_id)
        self._field = "file" if self._sent is None else None  # of a retry the bytes are not needed
        if self._sent is None:
            self._upload = self._files.begin(self._actor, room or None, filename, self._most)

    def _data(self, event: Data) -> None:
        if self._field == "file":
            self._kept += event.data
            if len(self._kept) >= _CHUNK_BYTES or not event.more_data:
                self._store()
        elif self._field is not None:
            self._fields[self._field] += event.data
            if sum(map(len, self._fields.values())) > FORM_MAX_BYTES:
                raise ChatError(ErrorCode.BODY_TOO_LARGE, limit=FORM_MAX_BYTES)

    def _store(self) -> None:
        assert self._upload is not None  # noqa: S101
        if self._kept:
            self._files.add(self._upload, bytes(self._kept))
        self._kept.clear()

    def _text(self, name: str) -> str:
        try:
            text = self._fields.get(name, b"").decode()
        except UnicodeDecodeError:
            raise ChatError(ErrorCode.FIELD_INVALID, field=name) from None
        if "\0" in text:
            raise ChatError(ErrorCode.FIELD_INVALID, field=name)
        return text

    def _reason(self, error: ValueError) -> str:
        if isinstance(error, UnicodeDecodeError):  # a name
            return "not UTF-8"
        return "it is not complete" if self._decoder.complete else "header"  # of a part

    def _fail(self, error: Exception) -> None:
        self.abandon()
        if isinstance(error, RequestEntityTooLarge):
            error = ChatError(ErrorCode.BODY_TOO_LARGE, limit=FORM_MAX_BYTES)
        elif isinstance(error, ValueError):
            error = ChatError(ErrorCode.BODY_MALFORMED, reason=self._reason(error))
        elif not isinstance(error, ChatError):
            log.exception("storing a file failed")
            error = ChatError(ErrorCode.INTERNAL)
        self._failure = error


def upload(files: Files, actor: Actor, answer: Callable[[StoredMessage], Response]) -> Response:
    """Store the file of the current request, and answer. Raises BODY_MALFORMED, BODY_TOO_LARGE, FILE_TOO_LARGE, or
    like `finish`.
    """
    arrived, request = arrival(), this_request()
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not 0 < len(boundary) <= 200 or not boundary.isascii():
        raise ChatError(ErrorCode.BODY_MALFORMED, reason="no multipart/form-data with a boundary")
    size = request.content_length or 0
    is_refused = arrived is not None and arrived.body is None and not arrived.coming
    if size > files.max_bytes + AROUND_MAX_BYTES:
        raise ChatError(ErrorCode.FILE_TOO_LARGE, limit=files.max_bytes)
    if is_refused:  # it came in chunks, which are kept in memory (docs/decisions/0118)
        raise ChatError(ErrorCode.BODY_TOO_LARGE, limit=request.max_content_length)
    form = FileForm(files, actor, boundary.encode(), size)
    if arrived is not None:
        return ReceivingResponse(form, lambda: answer(form.finish()))
    request.max_content_length = size  # servers other than LiveWorker
    while part := request.stream.read(READ_BYTES):
        form.take(part)
    return answer(form.finish())
