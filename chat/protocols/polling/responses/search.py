"""Answers: search."""

from marshmallow import fields

from chat.http.api_spec import about
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.messages import MessageShown


class HitShown(MessageShown):
    roomname = fields.String(required=True, metadata=about("the room's name", "聊天室名称"))
    matches = fields.List(
        fields.List(fields.Integer()),
        required=True,
        metadata=about(
            "where the words are in `content`: [start, length] in Unicode code points",
            "匹配的位置：[起点, 长度]，以 Unicode 码点计",
        ),
    )


class Hits(Done):
    messages = fields.List(fields.Nested(HitShown), required=True, metadata=about("newest first", "由新到旧"))
    next = fields.Integer(
        required=True,
        metadata=about(
            "the `before` of the next page; 0 at the end. A page may have fewer messages than `limit`, even none,"
            " before the end: the work for each is bounded",
            "下一页的 before；没有下一页则为 0。每次查找的工作量有限，因此未到末尾的页也可能较少或为空",
        ),
    )
