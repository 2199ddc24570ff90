"""Requests: equations and uploads."""

from marshmallow import fields, validate

from chat.equations import MAX_CHARS, hash_of
from chat.http.api_spec import about
from chat.http.fields import NAME, In
from chat.protocols.polling.fields import ROOMNAME
from chat.services.messages import CLIENT_MESSAGE_ID_MAX_CHARS

HASH = hash_of("x^2")


class EquationQuery(In):
    hash = fields.String(
        required=True,
        validate=validate.Regexp(r"[0-9a-f]{64}\Z"),
        metadata=about(
            "SHA-256 of tex in UTF-8, in hexadecimal",
            "tex（UTF-8）的 SHA-256，十六进制",
            pattern="^[0-9a-f]{64}$",
            examples=[HASH],
        ),
    )
    tex = fields.String(
        required=True,
        validate=validate.Length(max=MAX_CHARS),
        metadata=about("the equation in LaTeX", "LaTeX 公式", maxLength=MAX_CHARS, examples=["x^2"]),
    )


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
