"""Requests: uploads."""

from marshmallow import fields

from chat.http.api_spec import about
from chat.http.fields import NAME, In
from chat.protocols.polling.fields import ROOMNAME
from chat.services.messages import CLIENT_MESSAGE_ID_MAX_CHARS


class UploadForm(In):
    roomname = fields.String(required=True, validate=NAME, metadata=ROOMNAME)
    client_message_id = fields.String(
        load_default=None,
        metadata=about(
            "up to 64 characters of your own: a retry with the same id is stored once",
            "自定的标识，最多 64 个字符：以同一标识重试只保存一次",
            maxLength=CLIENT_MESSAGE_ID_MAX_CHARS,
            examples=["a-1"],
        ),
    )
    file = fields.Raw(
        required=True,
        metadata=about(
            "the file, after the other fields; its name without folders is shown",
            "文件，放在其他字段之后；显示不含文件夹的文件名",
            type="string",
            format="binary",
            examples=["@picture.png"],
        ),
    )
