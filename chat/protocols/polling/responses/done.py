"""The keys of every answer."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import Out

_FEEDBACK = about("a sentence for people", "给人看的说明")


class Done(Out):
    """The keys of every answer; most answers have no others."""

    status = fields.String(required=True, validate=validate.Equal("success"))
    feedback = fields.String(required=True, metadata=_FEEDBACK)


class Failed(Out):
    status = fields.String(required=True, validate=validate.Equal("failure"))
    feedback = fields.String(required=True, metadata=about("the failure in words, with the remedy", "应该如何处理"))
    code = fields.String(
        metadata=about("with X-Chat-Errors: codes: the failure's name", "请求头 X-Chat-Errors: codes 时：错误的名称")
    )
    data = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata=about(
            "with X-Chat-Errors: codes: its numbers (limit, min, max, retry_after)",
            "请求头 X-Chat-Errors: codes 时：相关数值",
        ),
    )
