"""Friends: a case for each row of the table."""

from tests.contract.ims.world import Cases, answer, refused

CASES: Cases = {
    "GET /search_user": {
        "somebody found": lambda at, w: at(w.alice, {"query_name": "MI"}),
        "nobody found: an empty list": lambda at, w: at(w.alice, {"query_name": "%"}),
        "no valid token": refused,
        "no query_name": lambda at, w: at(w.alice),
    },
    "POST /add_friend": {
        "": lambda at, w: at(w.alice, {"target_id": w.zed.id, "message": "hi"}),
        "no valid token": refused,
        "no such user": lambda at, w: at(w.alice, {"target_id": 999, "message": "hi"}),
        "a deleted user": lambda at, w: at(w.zed, {"target_id": w.dan.id, "message": "hi"}),
        "a friend": lambda at, w: at(w.alice, {"target_id": w.mia.id, "message": "hi"}),
        "asked already": lambda at, w: at(w.zed, {"target_id": w.alice.id, "message": "hi"}),
        "the caller": lambda at, w: at(w.alice, {"target_id": w.alice.id, "message": "hi"}),
        "a field is missing": lambda at, w: at(w.alice, {"target_id": w.zed.id}),
    },
    "GET /friend_requests": {
        "": lambda at, w: at(w.alice),
        "none: an empty list": lambda at, w: at(w.zed),
        "no valid token": refused,
    },
    "POST /friend_request_handle": {
        "": lambda at, w: at(w.alice, answer(w.zed, w.alice)),
        "no valid token": refused,
        "one of the two was deleted": lambda at, w: at(w.alice, answer(w.dan, w.alice)),
        "no such request": lambda at, w: at(w.alice, answer(w.alone, w.alice)),
        "by the sender": lambda at, w: at(w.zed, answer(w.zed, w.alice)),
        "friends already": lambda at, w: at(w.alice, answer(w.mia, w.alice)),
    },
    "DELETE /friend_request_handle": {
        "": lambda at, w: at(w.alice, answer(w.zed, w.alice)),
        "no valid token": refused,
        "one of the two was deleted": lambda at, w: at(w.alice, answer(w.dan, w.alice)),
        "no such request": lambda at, w: at(w.mia, answer(w.zed, w.mia)),
        "friends already": lambda at, w: at(w.alice, answer(w.mia, w.alice)),
    },
    "GET /groups": {
        "": lambda at, w: at(w.alice),
        "none: an empty list": lambda at, w: at(w.zed),
        "no valid token": refused,
    },
    "POST /groups": {
        "": lambda at, w: at(w.alice, {"name": "family"}),
        "no valid token": refused,
        "one has such a group": lambda at, w: at(w.alice, {"name": "school"}),
        "the name is missing, empty or over 20 characters": lambda at, w: at(w.alice, {"name": "n" * 21}),
    },
    "GET /groups/manage_groups": {
        "": lambda at, w: at(w.alice, {"group_id": w.school}),
        "no valid token": refused,
        "not one of the user's groups": lambda at, w: at(w.mia, {"group_id": w.school}),
        "no group_id": lambda at, w: at(w.alice),
    },
    "PUT /groups/manage_groups": {
        "": lambda at, w: at(w.alice, {"group_id": w.school, "new_name": "work"}),
        "no valid token": refused,
        "not one of the user's groups": lambda at, w: at(w.mia, {"group_id": w.school, "new_name": "work"}),
        "one has such a group": lambda at, w: at(w.alice, {"group_id": w.school, "new_name": "club"}),
        "a field is missing": lambda at, w: at(w.alice, {"group_id": w.school}),
    },
    "DELETE /groups/manage_groups": {
        "": lambda at, w: at(w.alice, {"group_id": w.school}),
        "no valid token": refused,
        "not one of the user's groups": lambda at, w: at(w.mia, {"group_id": w.school}),
    },
    "GET /groups/members": {
        "": lambda at, w: at(w.alice, {"group_id": w.school}),
        "no valid token": refused,
        "not one of the user's groups": lambda at, w: at(w.mia, {"group_id": w.school}),
    },
    "POST /groups/members": {
        "": lambda at, w: at(w.alice, {"group_id": w.school, "member_id": w.ben.id}),
        "no valid token": refused,
        "not one of the user's groups": lambda at, w: at(w.mia, {"group_id": w.school, "member_id": w.ben.id}),
        "not a friend": lambda at, w: at(w.alice, {"group_id": w.school, "member_id": w.zed.id}),
        "in the group already": lambda at, w: at(w.alice, {"group_id": w.school, "member_id": w.mia.id}),
    },
    "DELETE /groups/members": {
        "": lambda at, w: at(w.alice, {"group_id": w.school, "member_id": w.mia.id}),
        "no valid token": refused,
        "not one of the user's groups": lambda at, w: at(w.mia, {"group_id": w.school, "member_id": w.mia.id}),
        "not in the group": lambda at, w: at(w.alice, {"group_id": w.school, "member_id": w.ben.id}),
    },
    "GET /friends": {
        "": lambda at, w: at(w.alice),
        "none: an empty list": lambda at, w: at(w.zed),
        "no valid token": refused,
    },
    "GET /manage_friends": {
        "": lambda at, w: at(w.alice, {"friend_id": w.mia.id}),
        "no valid token": refused,
        "no such user": lambda at, w: at(w.alice, {"friend_id": 999}),
        "no friend": lambda at, w: at(w.alice, {"friend_id": w.zed.id}),
    },
    "DELETE /manage_friends": {
        "": lambda at, w: at(w.alice, {"friend_id": w.mia.id}),
        "no valid token": refused,
        "no such user": lambda at, w: at(w.alice, {"friend_id": 999}),
        "never a friend": lambda at, w: at(w.alice, {"friend_id": w.zed.id}),
        "no friend any more": lambda at, w: at(w.alice, {"friend_id": w.fay.id}),
    },
    "GET /search_user_detail": {
        "": lambda at, w: at(w.alice, {"userId": w.mia.id}),
        "no valid token": refused,
        "no such user": lambda at, w: at(w.alice, {"userId": 999}),
        "no userId": lambda at, w: at(w.alice),
    },
}
