"""Answers: messages, pulls and the history."""

from marshmallow import INCLUDE, fields, validate

from chat.http.api_spec import about
from chat.http.fields import AnyOf, Out
from chat.models import ChangeKind
from chat.protocols.polling.fields import MORE, TIME
from chat.protocols.polling.responses.done import Done
from chat.protocols.polling.responses.rooms import MemberState, RoomSettingsShown


class MessageShown(Out):
    user = fields.String(required=True, metadata=about("the username", "用户名"))
    type = fields.String(required=True, validate=validate.OneOf(["text", "img", "file"]))
    timestamp = fields.String(
        required=True,
        metadata=about(
            "when it was stored; send it back as your cursor",
            "存储时间；原样发回作为游标",
            format="date-time",
            examples=[TIME],
        ),
    )
    content = fields.String(
        required=True,
        metadata=about(
            "the text, the picture in Base64, or the file's address", "文字、图片的 Base64 编码或文件的地址"
        ),
    )
    id = fields.Integer(metadata=MORE)
    user_id = fields.Integer(metadata=MORE)
    nickname = fields.String(metadata=MORE)
    teacher = fields.Boolean(metadata=MORE)
    avatar = fields.String(metadata=MORE)
    reply_to = fields.Integer(allow_none=True, metadata=MORE)
    client_message_id = fields.String(allow_none=True, metadata=MORE)
    filename = fields.String(metadata=about("of a file, with ?detail=1", "?detail=1 时：文件名"))
    width = fields.Integer(allow_none=True, metadata=about("of a picture, with ?links=1", "?links=1 时：图片宽度"))
    height = fields.Integer(allow_none=True, metadata=about("of a picture, with ?links=1", "?links=1 时：图片高度"))
    size = fields.Integer(metadata=about("of a file in bytes, with ?detail=1", "?detail=1 时：文件大小（字节）"))
    edited = fields.String(
        allow_none=True,
        metadata=about(
            "with ?detail=1: when the text was last edited, or null", "?detail=1 时：文字最后一次编辑的时间，或 null"
        ),
    )
    reactions = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata=about("with ?detail=1: by emoji, the usernames of who put it there", "?detail=1 时：各表情的回应者"),
    )
    mentions = fields.List(
        fields.String(),
        metadata=about("with ?detail=1: usernames of whom it names", "?detail=1 时：提到的成员"),
    )
    mentions_all = fields.Boolean(metadata=about("with ?detail=1: whether it has @all", "?detail=1 时：是否 @all"))


class ChangeShown(Out):
    """With ?changes=1, among the messages."""

    change = fields.String(required=True, validate=validate.OneOf(list(ChangeKind)))
    timestamp = fields.String(
        required=True,
        metadata=about(
            "the time of the change; a cursor like a message's",
            "变更时间；与消息的 timestamp 一样可作游标",
            format="date-time",
            examples=[TIME],
        ),
    )
    id = fields.Integer(metadata=about("of the message, for changes of messages", "消息的 id（消息变更时）"))
    user = fields.String(required=True, metadata=about("the username of the actor", "执行者的用户名"))
    user_id = fields.Integer(required=True)
    content = fields.String(metadata=about("of an edit: the current text", "编辑时：现在的文字"))
    mentions = fields.List(fields.String(), metadata=about("of an edit", "编辑时"))
    mentions_all = fields.Boolean(metadata=about("of an edit", "编辑时"))
    emoji = fields.String(metadata=about("of a reaction", "回应的表情符号"))
    on = fields.Boolean(
        metadata=about("of a reaction: put there, or taken away; of a pin", "添加或取消回应；置顶或取消置顶")
    )
    settings = fields.Nested(RoomSettingsShown, metadata=about("of the room", "聊天室的设置"))
    members = fields.List(fields.Nested(MemberState), metadata=about("the changed members", "有变化的成员"))


class Pulled(Done):
    class Meta:
        unknown = INCLUDE
        others = fields.List(
            AnyOf(MessageShown, ChangeShown),
            metadata=about("by the room's name, its messages, oldest first", "以聊天室名称为键：其消息，由旧到新"),
        )


class AuthorShown(Out):
    user = fields.String(required=True)
    user_id = fields.Integer(required=True)
    nickname = fields.String(required=True)
    teacher = fields.Boolean(required=True)
    avatar = fields.String(required=True, metadata=about("as in messages", "与消息中相同"))


class AuthorsFound(Done):
    authors = fields.List(fields.Nested(AuthorShown), required=True)


class HistoryPage(Done):
    messages = fields.List(AnyOf(MessageShown, ChangeShown), required=True)
    more = fields.Boolean(metadata=about("with ?detail=1: whether there are older ones", "?detail=1 时：是否有更早的"))
    newer = fields.Boolean(
        metadata=about(
            "with ?detail=1 and ?around=: whether there are newer ones", "?detail=1 且 ?around= 时：是否有更新的"
        )
    )
