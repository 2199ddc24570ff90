"""Requests: search."""

from marshmallow import fields, validate

from chat.http.api_spec import about
from chat.http.fields import NAME, In
from chat.http.query_params import Limit
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
