"""/User, /Login, /Logout: accounts, and logging in with a digest of the password."""

from typing import Any

from flask import Blueprint, Response, jsonify

from chat.errors import ChatError, ErrorCode
from chat.http.auth import clear_cookie, own_origin, set_cookie, signed_in
from chat.http.bodies import json_object, takes
from chat.http.context import client_address, services
from chat.models import Actor
from chat.protocols.realtime.schemas import Credentials, NewUser

bp = Blueprint("realtime_user", __name__)


@bp.post("/User")
@takes(NewUser)
def create(body: dict[str, Any]) -> tuple[Response, int]:
    """Make an account. It is not logged in by that: the document has /Login for it."""
    accounts = services().accounts
    user_id = accounts.create(body["username"], body["password"], client_address(), body["nickname"])
    made = accounts.find(user_id)
    return jsonify(username=made.username, nickname=made.nickname), 201


@bp.get("/User/<path:username>")
def find(username: str) -> Response:
    """What everybody may know of an account, logged in or not."""
    # Usernames may have slashes in them; but one at the end makes no difference, as everywhere.
    found = services().accounts.find(username.removesuffix("/"))
    return jsonify(username=found.username, nickname=found.nickname)


@bp.post("/Login")
@own_origin
@takes(Credentials)
def login(body: dict[str, Any]) -> Response:
    """Log in with the password's MD5 or SHA-1 in hex, or with the password itself. A failed one is no HTTP failure."""
    address = client_address()
    try:
        user_id = services().accounts.authenticate(body["username"], body["password"], address, digest_allowed=True)
    except ChatError as error:
        if error.code is ErrorCode.CREDENTIALS_WRONG:
            return jsonify(status=False)
        raise
    return set_cookie(jsonify(status=True), user_id, services().sessions.open(user_id))


@bp.post("/Logout")
@signed_in
def logout(actor: Actor) -> Response:
    """Log out: the session ends on the server too, with its room tokens and sockets."""
    json_object()
    services().sessions.close(actor)
    return clear_cookie(jsonify(status=True))
