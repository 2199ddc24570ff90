"""As tests.contract.test_openapi has it for the other protocols; here each operation gets a world of its own."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.core.result import Ok

from tests.contract.ims.test_table import ROWS
from tests.contract.ims.world import World
from tests.contract.ims_client import PASSWORD, email_of
from tests.contract.test_openapi import CHECKS, cases
from tests.pictures import picture

EXAMPLES = 8  # random ones, an operation
# What random values would never hit. Of a name's several meanings the operation decides.
NAMES = {
    "friend_id": "mia", "target_id": "zed", "userId": "mia", "user": "mia", "sender_user_id": "zed",
    "receiver_user_id": "alice", "group_id": "school", "conversation_id": "group", "conversationId": "group",
    "message_id": "said", "notification_id": "notice", "invite_id": "waiting",
}  # fmt: skip
SPECIAL = {
    "DELETE /conversations/manage/admin": {"user": "adam"},
    "POST /groups/members": {"member_id": "ben"},
    "DELETE /groups/members": {"member_id": "mia"},
    "POST /conversations/member/add": {"member_id": "ben"},
}
TEXTS = {"email": email_of("alice"), "password": PASSWORD, "origin_password": PASSWORD, "name": "Somebody"}


def known(w: World, label: str) -> dict[str, Any]:
    """Values that are right at this address, by the field's name."""
    ids: dict[str, Any] = {}
    for field, name in (NAMES | SPECIAL.get(label, {})).items():
        found = getattr(w, name)
        ids[field] = found if isinstance(found, int) else found.id
    texts = TEXTS | ({"email": "new@example.com"} if label in {"POST /account/reg", "POST /verify"} else {})
    return {**ids, **texts, "image": picture()}


_operations: dict[str, Any] = {}  # by label; reading the document takes longer than a test


def operation_of(app: Flask, label: str) -> Any:
    """Return the operation of the document, to be sent to this application."""
    if not _operations:
        api = schemathesis.openapi.from_wsgi("/openapi/ims.json", app)
        for found in api.get_all_operations():
            if isinstance(found, Ok):
                _operations[found.ok().label] = found.ok()
    operation = _operations[label]
    # The document keeps the first one: with another, Schemathesis would look for constants in all modules again.
    operation.app = app
    return operation


@pytest.mark.parametrize("label", sorted({f"{row.method} {row.path}" for row in ROWS}))
def test_every_answer_is_as_the_document_says(app: Flask, w: World, label: str) -> None:
    operation = operation_of(app, label)
    right = known(w, label)
    statuses = set()
    for number, case in enumerate(cases(operation, EXAMPLES)):
        for holder in (case.body, case.query, case.path_parameters):
            if isinstance(holder, dict) and number % 2 == 0:
                holder.update({name: right[name] for name in holder.keys() & right.keys()})
        response = case.call_and_validate(headers={"Authorization": w.alice.token}, checks=CHECKS)
        statuses.add(response.status_code)
    assert 200 in statuses, statuses
