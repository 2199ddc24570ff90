"""Requests and answers of the search."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In
from chat.http.query_params import Limit
from chat.protocols.polling.schemas import Done, MessageShown
from chat.services.search import QUERY_MAX_CHARS

HITS_DEFAULT, HITS_MAX = 50, 100
BEFORE_MAX_CHARS = 18  # digits


class SearchQuery(In):
    q = fields.String(
        required=True,
        validate=validate.Length(max=QUERY_MAX_CHARS),
        metadata=about(
            'words and "quoted phrases", all of which a message must contain, upper or lower case',
            "要查找的词和“引号内的短语”（英文引号），消息须包含全部，不区分大小写",
            examples=["homework"],
        ),
    )
    roomname = fields.String(
        load_default=None, validate=NAME, metadata=about("only in this room", "只在此聊天室中查找", examples=[""])
    )
    user = fields.String(
        load_default=None, validate=NAME, metadata=about("only from this username", "只查找此用户的消息", examples=[""])
    )
    before = Limit(
        None,
        10**BEFORE_MAX_CHARS,
        about("the `next` of the previous page", "上一页的 next", type="integer", minimum=1, examples=[]),
    )
    limit = Limit(
        HITS_DEFAULT,
        HITS_MAX,
        about(
            f"messages a page, at most {HITS_MAX}",
            f"每页条数，至多 {HITS_MAX}",
        ),
    )


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
