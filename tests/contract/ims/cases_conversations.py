"""Conversations: a case for each row of the table."""

from tests.contract.ims.world import LOBBY, NOWHERE, Cases, refused
from tests.contract.ims_client import FORM_HEADERS, form
from tests.pictures import picture

CASES: Cases = {
    "GET /conversations": {
        "": lambda at, w: at(w.alice),
        "none: an empty list": lambda at, w: at(w.alone),
        "no valid token": refused,
    },
    "POST /conversations": {
        "": lambda at, w: at(w.alice, {"members": [w.mia.id, w.ben.id], "name": "trip"}),
        "no valid token": refused,
        "one of them is no friend": lambda at, w: at(w.alice, {"members": [w.mia.id, w.zed.id], "name": "trip"}),
        "one of them does not exist, or was deleted": lambda at, w: at(
            w.alice, {"members": [w.mia.id, w.dan.id], "name": "trip"}
        ),
        "the name is missing, empty or over 40 characters": lambda at, w: at(
            w.alice, {"members": [], "name": "n" * 41}
        ),
        "members is no list of ids": lambda at, w: at(w.alice, {"members": ["x"], "name": "trip"}),
    },
    "GET /conversations/messages": {
        "": lambda at, w: at(w.mona, {"conversationId": w.group}),
        "nothing said: an empty list": lambda at, w: at(w.alice, {"conversationId": LOBBY}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversationId": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversationId": NOWHERE}),
        "after_id is no message of the conversation": lambda at, w: at(
            w.alice, {"conversationId": w.group, "after_id": w.said_directly}
        ),
        "from is no time": lambda at, w: at(w.alice, {"conversationId": w.group, "from": "yesterday"}),
    },
    "POST /conversations/messages": {
        "": lambda at, w: at(w.mia, {"conversationId": w.group, "content": "hi", "reply_to": w.said}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversationId": w.group, "content": "hi"}),
        "no such conversation": lambda at, w: at(w.zed, {"conversationId": NOWHERE, "content": "hi"}),
        "empty": lambda at, w: at(w.mia, {"conversationId": w.group, "content": ""}),
        "more than 255 characters": lambda at, w: at(w.mia, {"conversationId": w.group, "content": "x" * 256}),
        "the message replied to is not in the conversation": lambda at, w: at(
            w.mia, {"conversationId": w.group, "content": "hi", "reply_to": w.said_directly}
        ),
        "a direct conversation of former friends": lambda at, w: at(
            w.fay, {"conversationId": w.former, "content": "hi"}
        ),
    },
    "POST /conversations/image": {
        "": lambda at, w: at(w.mia, form({"conversationId": str(w.group)}, {"image": picture()}), **FORM_HEADERS),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(
            w.zed, form({"conversationId": str(w.group)}, {"image": picture()}), **FORM_HEADERS
        ),
        "no such conversation": lambda at, w: at(
            w.zed, form({"conversationId": str(NOWHERE)}, {"image": picture()}), **FORM_HEADERS
        ),
        "no picture, or none that can be shown": lambda at, w: at(
            w.mia, form({"conversationId": str(w.group)}, {"image": b"GIF89a"}), **FORM_HEADERS
        ),
        "more than 5 MiB": lambda at, w: at(
            w.mia, form({"conversationId": str(w.group)}, {"image": bytes(5 * 1024 * 1024 + 1)}), **FORM_HEADERS
        ),
    },
    "GET /conversations/get_reply": {
        "": lambda at, w: at(w.mona, {"message_id": w.said}),
        "no valid token": refused,
        "no such message for the caller": lambda at, w: at(w.zed, {"message_id": w.said}),
    },
    "GET /interface": {
        "": lambda at, w: at(w.mia, {"conversation_id": w.group}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversation_id": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversation_id": NOWHERE}),
    },
    "POST /interface": {
        "": lambda at, w: at(w.mia, {"conversationId": w.group, "ontop": True, "notification": False, "unreads": "1"}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversationId": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversationId": NOWHERE}),
        "an ill-typed field": lambda at, w: at(w.mia, {"conversationId": w.group, "ontop": "true"}),
    },
    "GET /conversations/manage_messages": {
        "": lambda at, w: at(w.mia, {"conversationId": w.group, "content": "H", "sender_id": w.mia.id}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversationId": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversationId": NOWHERE}),
        "a bad time": lambda at, w: at(w.mia, {"conversationId": w.group, "end_time": "2025-02-30 00:00:00"}),
    },
    "DELETE /conversations/messages": {
        "the caller's own": lambda at, w: at(w.mia, {"message_id": w.said}),
        "another's, by owner or admin": lambda at, w: at(w.adam, {"message_id": w.said}),
        "no valid token": refused,
        "the caller is not in its conversation": lambda at, w: at(w.zed, {"message_id": w.said}),
        "no such message": lambda at, w: at(w.zed, {"message_id": NOWHERE}),
        "another's, by a member": lambda at, w: at(w.mona, {"message_id": w.said}),
        "another's, in a direct conversation": lambda at, w: at(w.alice, {"message_id": w.said_directly}),
    },
    "DELETE /conversations/manage_messages": {
        "the caller's own": lambda at, w: at(w.mia, {"message_id": w.said}),
        "no valid token": refused,
        "the caller is not in its conversation": lambda at, w: at(w.zed, {"message_id": w.said}),
        "no such message": lambda at, w: at(w.zed, {"message_id": NOWHERE}),
        "another's, by a member": lambda at, w: at(w.mona, {"message_id": w.said}),
    },
    "GET /conversations/get_members": {
        "": lambda at, w: at(w.mia, {"conversation_id": w.group}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversation_id": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversation_id": NOWHERE}),
    },
}
