"""Group administration: a case for each row of the table."""

from tests.contract.ims.world import LOBBY, NOWHERE, Cases, of, refused

CASES: Cases = {
    "POST /conversations/manage/admin": {
        "": lambda at, w: at(w.alice, of(w.group, w.mia)),
        "the caller is not in it": lambda at, w: at(w.zed, of(w.group, w.mia)),
        "no such conversation": lambda at, w: at(w.zed, of(NOWHERE, w.mia)),
        "no such user, or a deleted one": lambda at, w: at(w.alice, of(w.group, w.dan)),
        "the user is not in the conversation": lambda at, w: at(w.alice, of(w.group, w.ben)),
        "no valid token": refused,
        "by an admin or member": lambda at, w: at(w.adam, of(w.group, w.mia)),
        "in the lobby, in a direct conversation": lambda at, w: at(w.alice, of(LOBBY, w.mia)),
        "an admin, or the owner": lambda at, w: at(w.alice, of(w.group, w.adam)),
    },
    "DELETE /conversations/manage/admin": {
        "": lambda at, w: at(w.alice, of(w.group, w.adam)),
        "no admin": lambda at, w: at(w.alice, of(w.group, w.mia)),
        "the caller is not in it": lambda at, w: at(w.zed, of(w.group, w.adam)),
        "no such conversation": lambda at, w: at(w.zed, of(NOWHERE, w.adam)),
        "no such user, or a deleted one": lambda at, w: at(w.alice, {"conversation_id": w.group, "user": 999}),
        "the user is not in the conversation": lambda at, w: at(w.alice, of(w.group, w.ben)),
        "no valid token": refused,
        "by an admin or member": lambda at, w: at(w.mia, of(w.group, w.adam)),
        "in the lobby, in a direct conversation": lambda at, w: at(w.alice, of(w.direct, w.mia)),
    },
    "GET /conversations/manage/notifications": {
        "": lambda at, w: at(w.mia, {"conversation_id": w.group}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversation_id": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversation_id": NOWHERE}),
    },
    "POST /conversations/manage/notifications": {
        "by owner or admin": lambda at, w: at(w.adam, {"conversation_id": w.group, "content": "news"}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversation_id": w.group, "content": "news"}),
        "no such conversation": lambda at, w: at(w.zed, {"conversation_id": NOWHERE, "content": "news"}),
        "by a member": lambda at, w: at(w.mia, {"conversation_id": w.group, "content": "news"}),
        "empty, or over 1,000 characters": lambda at, w: at(w.alice, {"conversation_id": w.group, "content": ""}),
    },
    "DELETE /conversations/manage/notifications": {
        "by owner or admin": lambda at, w: at(w.adam, {"notification_id": w.notice}),
        "no valid token": refused,
        "the caller is not in its conversation": lambda at, w: at(w.zed, {"notification_id": w.notice}),
        "no such announcement": lambda at, w: at(w.zed, {"notification_id": NOWHERE}),
        "by a member": lambda at, w: at(w.mia, {"notification_id": w.notice}),
    },
    "POST /conversations/manage/ownership_transfer": {
        "": lambda at, w: at(w.alice, of(w.group, w.mia)),
        "by an admin or member": lambda at, w: at(w.adam, of(w.group, w.mia)),
        "in the lobby, in a direct conversation": lambda at, w: at(w.alice, of(LOBBY, w.mia)),
        "to the caller": lambda at, w: at(w.alice, of(w.group, w.alice)),
        "the caller is not in it": lambda at, w: at(w.zed, of(w.group, w.mia)),
        "no such conversation": lambda at, w: at(w.zed, of(NOWHERE, w.mia)),
        "no such user, or a deleted one": lambda at, w: at(w.alice, of(w.group, w.dan)),
        "the user is not in the conversation": lambda at, w: at(w.alice, of(w.group, w.ben)),
        "no valid token": refused,
    },
    "POST /conversations/member/remove": {
        "": lambda at, w: at(w.mia, {"conversation_id": w.group}),
        "the owner: the group is dissolved": lambda at, w: at(w.alice, {"conversation_id": w.group}),
        "not in it, or no such conversation": lambda at, w: at(w.zed, {"conversation_id": w.group}),
        "a direct conversation": lambda at, w: at(w.alice, {"conversation_id": w.direct}),
        "no valid token": refused,
    },
    "DELETE /conversations/member/remove": {
        "a member, by owner or admin": lambda at, w: at(w.adam, of(w.group, w.mia)),
        "an admin, by the owner": lambda at, w: at(w.alice, of(w.group, w.adam)),
        "by a member": lambda at, w: at(w.mia, of(w.group, w.mona)),
        "the owner or an admin, by an admin": lambda at, w: at(w.adam, of(w.group, w.alice)),
        "in the lobby, in a direct conversation": lambda at, w: at(w.alice, of(w.direct, w.mia)),
        "the caller is not in it": lambda at, w: at(w.zed, of(w.group, w.mia)),
        "no such conversation": lambda at, w: at(w.zed, of(NOWHERE, w.mia)),
        "no such user, or a deleted one": lambda at, w: at(w.alice, of(w.group, w.dan)),
        "the user is not in the conversation": lambda at, w: at(w.alice, of(w.group, w.ben)),
        "no valid token": refused,
    },
    "POST /conversations/member/add": {
        "by a member: it waits": lambda at, w: at(w.mia, {"conversationId": w.group, "member_id": w.ben.id}),
        "by owner or admin: at once": lambda at, w: at(w.alice, {"conversationId": w.group, "member_id": [w.ben.id]}),
        "no valid token": refused,
        "in it already": lambda at, w: at(w.alice, {"conversationId": w.group, "member_id": [w.ben.id, w.mia.id]}),
        "not a friend": lambda at, w: at(w.alice, {"conversationId": w.group, "member_id": [w.ben.id, w.zed.id]}),
        "in the lobby, in a direct conversation": lambda at, w: at(
            w.alice, {"conversationId": w.direct, "member_id": w.ben.id}
        ),
        "the caller is not in it": lambda at, w: at(w.zed, {"conversationId": w.group, "member_id": w.ben.id}),
        "no such conversation": lambda at, w: at(w.zed, {"conversationId": NOWHERE, "member_id": w.ben.id}),
        "member_id is no id, and no list of ids": lambda at, w: at(
            w.alice, {"conversationId": w.group, "member_id": []}
        ),
    },
    "GET /conversations/{conversation_id}/invitation": {
        "": lambda at, w: at(w.mona, path=f"/conversations/{w.group}/invitation"),
        "no valid token": lambda at, w: at(w.nobody, path=f"/conversations/{w.group}/invitation"),
        "the caller is not in it": lambda at, w: at(w.zed, path=f"/conversations/{w.group}/invitation"),
        "no such conversation": lambda at, w: at(w.zed, path=f"/conversations/{NOWHERE}/invitation"),
        "no id": lambda at, w: at(w.alice, path="/conversations/x/invitation"),
    },
    "GET /conversations/invitation": {
        "": lambda at, w: at(w.mona, {"conversation_id": w.group}),
        "no valid token": refused,
        "the caller is not in it": lambda at, w: at(w.zed, {"conversation_id": w.group}),
        "no such conversation": lambda at, w: at(w.zed, {"conversation_id": NOWHERE}),
    },
    "POST /conversations/manage/handle_invitation": {
        "": lambda at, w: at(w.adam, {"invite_id": w.waiting}),
        "no valid token": refused,
        "by a member": lambda at, w: at(w.mia, {"invite_id": w.waiting}),
        "answered already": lambda at, w: at(w.alice, {"invite_id": w.answered, "status": 0}),
        "the caller is not in its conversation": lambda at, w: at(w.zed, {"invite_id": w.waiting}),
        "no such invitation, or another conversation's": lambda at, w: at(
            w.alice, {"invite_id": w.waiting, "conversation_id": w.direct}
        ),
        "the invited one was deleted": lambda at, w: at(w.alice, {"invite_id": w.late}),
    },
    "DELETE /conversations/manage/handle_invitation": {
        "": lambda at, w: at(w.alice, {"invite_id": w.waiting}),
        "no valid token": refused,
        "by a member": lambda at, w: at(w.mona, {"invite_id": w.waiting}),
        "answered already": lambda at, w: at(w.alice, {"invite_id": w.answered}),
        "the caller is not in its conversation": lambda at, w: at(w.zed, {"invite_id": w.waiting}),
        "no such invitation, or another conversation's": lambda at, w: at(w.alice, {"invite_id": NOWHERE}),
    },
    "POST /conversations/manage/info": {
        "by owner or admin": lambda at, w: at(
            w.adam, {"conversation_id": w.group, "name": "new name", "avatar": "https://example.com/a.png"}
        ),
        "no valid token": refused,
        "by a member": lambda at, w: at(w.mia, {"conversation_id": w.group, "name": "new name"}),
        "the caller is not in it": lambda at, w: at(w.zed, {"conversation_id": w.group, "name": "new name"}),
        "no such conversation": lambda at, w: at(w.zed, {"conversation_id": NOWHERE, "name": "new name"}),
        "the name is empty or over 40 characters": lambda at, w: at(w.alice, {"conversation_id": w.group, "name": ""}),
    },
}
