"""Accounts beyond the table's rows: the state afterwards, in all protocols."""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from email import message_from_bytes
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from flask import Flask
from PIL import Image
from sqlalchemy import update

from chat.models import User
from chat.security import passwords
from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient, Refused
from tests.contract.ims.conftest import Mailboxes
from tests.contract.ims.world import World, reg
from tests.contract.ims_client import PASSWORD, ImsClient
from tests.pictures import SECRET, laden, noise

KEY = "0123456789abcdef"


def guest(app: Flask, token: str = "") -> ImsClient:
    return ImsClient(FlaskTransport(app), token=token)


def encrypted(text: str) -> str:
    padder, encryptor = PKCS7(128).padder(), Cipher(AES(KEY.encode()), CBC(bytes(16))).encryptor()
    padded = padder.update(text.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def test_info_has_the_documents_fields_and_keeps_changes(w: World) -> None:
    empty = {"name": "alice", "email": "alice@example.com", "user_info": "", "avatar": "", "deleted": False}
    assert w.alice.ok("GET", "/account/info") == {"code": 0, "info": "Succeed", **empty, "id": w.alice.id}
    new = {"name": "爱丽丝 ", "user_info": "u" * 200, "avatar": "https://example.com/a.png"}
    w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, **new})
    shown = w.alice.ok("GET", "/account/info")
    assert {name: shown[name] for name in new} == new
    assert w.mia.ok("GET", "/friends")["friends"][0]["avatar"] == new["avatar"]
    assert w.mia.messages(w.direct)[0]["sendername"] == "mia"


def test_a_refused_put_changes_nothing(w: World) -> None:
    before = w.alice.ok("GET", "/account/info")
    good = {"name": "new", "email": "new@example.com", "user_info": "new", "avatar": "new", "password": "secret2"}
    for field, bad in {
        "name": "n" * 21, "email": "mia@example.com", "user_info": "u" * 201, "avatar": "a" * 2049,
        "password": "p" * 21, "origin_password": "secret3",
    }.items():  # fmt: skip
        reply = w.alice.call("PUT", "/account/info", {"origin_password": PASSWORD, **good, field: bad})
        assert reply.status in {400, 401}, field
    assert w.alice.ok("GET", "/account/info") == before
    guest(w.app).login("alice")


def test_the_username_follows_the_address_of_an_account_made_with_one(w: World) -> None:
    w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "email": "neu@example.com"})
    polling = PollingClient(FlaskTransport(w.app))
    polling.login("neu@example.com")
    assert polling.ok("GET", "/user/me")["email"] == "neu@example.com"
    with pytest.raises(Refused, match="auth"):
        polling.login("alice@example.com")
    w.nobody.register("alice")  # the old address is free


def test_an_account_made_elsewhere_keeps_its_username(w: World) -> None:
    paul = guest(w.app)
    paul.token = paul.ok("POST", "/account/login", {"email": "PAUL", "password": PASSWORD})["token"]
    assert paul.ok("GET", "/account/info")["email"] == ""
    for email in ("p@example.com", "paul@example.com"):
        paul.ok("PUT", "/account/info", {"origin_password": PASSWORD, "email": email})
        PollingClient(FlaskTransport(w.app)).login("paul")
        for login in ("paul", email):
            paul.ok("POST", "/account/login", {"email": login, "password": PASSWORD})


def test_an_address_cannot_equal_another_users_username(w: World) -> None:
    polling = PollingClient(FlaskTransport(w.app))
    polling.register("x@example.com")
    assert w.nobody.call("POST", "/account/reg", reg(email="X@example.com")).json["code"] == -1
    taken = w.alice.call("PUT", "/account/info", {"origin_password": PASSWORD, "email": "x@example.com"})
    assert taken.json["info"] == "User already exists"
    polling.ok("POST", "/user/register", {"username": "pia", "password": PASSWORD})
    w.alice.token = w.nobody.ok("POST", "/account/login", {"email": "pia", "password": PASSWORD})["token"]
    pia = guest(w.app, w.nobody.ok("POST", "/account/login", {"email": "pia", "password": PASSWORD})["token"])
    pia.ok("PUT", "/account/info", {"origin_password": PASSWORD, "email": "pia@example.com"})
    with pytest.raises(Refused, match="taken"):
        PollingClient(FlaskTransport(w.app)).register("PIA@example.com")


def test_a_new_password_ends_all_other_sessions(w: World) -> None:
    other = guest(w.app)
    other.login("alice")
    w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "password": "secret2"})
    with pytest.raises(Refused, match="auth"):
        other.ok("GET", "/account/info")
    w.alice.ok("GET", "/account/info")
    guest(w.app).login("alice", "secret2")


def test_a_deleted_account_shows_in_ims_alone_and_comes_back_as_it_was(w: World) -> None:
    polling = PollingClient(FlaskTransport(w.app))
    polling.register("witness")
    assert "mia@example.com" in polling.members("public")
    mia: ImsClient = w.mia
    mia.ok("DELETE", "/account/delete")
    with pytest.raises(Refused, match="auth"):
        mia.ok("GET", "/account/info")
    assert "mia@example.com" not in polling.members("public")
    assert [f["deleted"] for f in w.alice.ok("GET", "/friends")["friends"] if f["id"] == mia.id] == [True]
    assert w.alice.ok("GET", "/search_user", {"query_name": "mia"})["results"][0]["deleted"] is True
    assert "mia" not in w.alice.members("group")
    answer = w.nobody.ok("POST", "/account/reg", reg(email="MIA@example.com", name="other"))
    assert answer["message"] == "已恢复账户"
    back = guest(w.app, answer["token"])
    shown = back.ok("GET", "/account/info")
    assert (shown["id"], shown["name"], shown["email"]) == (mia.id, "mia", "mia@example.com")
    assert [f["deleted"] for f in w.alice.ok("GET", "/friends")["friends"] if f["id"] == mia.id] == [False]
    assert "mia" in w.alice.members("group")
    back.say("group", "here I am again")


def test_guessing_a_deleted_accounts_password_is_limited(w: World) -> None:
    for _ in range(10):
        assert w.nobody.call("POST", "/account/reg", reg(email="dan@example.com", password="guess_1")).status == 400
    reply = w.nobody.call("POST", "/account/reg", reg(email="dan@example.com"))
    assert (reply.status, reply.json["code"]) == (429, -8)
    assert int(reply.headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    "email",
    ["", "a", "@b.c", "a@", "a@b", "a@b.c d", "a@b\n.c", "a@@b.c", "<a@b.c>", "a,x@b.c", "a@b..c", "é" * 65 + "@b.c",
     "a@" + "b" * 250 + ".c", "=?utf-8?q?vera?=@y.zz", "=?utf-8?b?eEB5Lnp6LCBx?=@y.zz", "a=?@b.c"],
)  # fmt: skip
def test_invalid_addresses_are_refused(w: World, email: str) -> None:
    reply = w.nobody.call("POST", "/account/reg", reg(email=email))
    assert (reply.status, reply.json["code"], reply.json["info"]) == (400, 1, "Invalid email")


def test_a_code_comes_by_mail_and_hidden_in_the_answer(w: World, mail: tuple[str, Mailboxes]) -> None:
    answer = w.nobody.ok("POST", "/verify", {"email": "new@example.com"})
    [envelope] = mail[1].received
    assert envelope.rcpt_tos == ["new@example.com"]
    assert isinstance(envelope.content, bytes)
    body = message_from_bytes(envelope.content).get_payload(decode=True)
    assert isinstance(body, bytes)
    [code] = set(re.findall(rb"\d{6}", body))
    assert answer["verify_code"] == hashlib.sha256(b"new@example.com:" + code).hexdigest()


@pytest.mark.parametrize("email", ["o'neil+x@example.com", "a/b={c}@example.com", ".a..b@example.com"])
def test_a_mail_goes_to_the_one_address_as_it_was_given(w: World, mail: tuple[str, Mailboxes], email: str) -> None:
    w.nobody.ok("POST", "/verify", {"email": email})
    [envelope] = mail[1].received
    assert isinstance(envelope.content, bytes)
    assert (envelope.rcpt_tos, message_from_bytes(envelope.content)["To"]) == ([email], email)


def test_codes_are_limited_by_mailbox_and_by_address(w: World, make_app: Callable[..., Flask], mail: object) -> None:
    statuses = [w.nobody.call("POST", "/verify", {"email": "new@example.com"}).status for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    statuses = [w.nobody.call("POST", "/verify", {"email": f"n{n}@example.com"}).status for n in range(28)]
    assert (statuses[:27], statuses[27]) == ([200] * 27, 429)
    without_mail = guest(make_app(rate_limits=False))
    reply = without_mail.call("POST", "/verify", {"email": "new@example.com"})
    assert (reply.status, reply.json["code"]) == (404, -5)


def test_with_a_key_passwords_and_codes_are_encrypted(
    make_app: Callable[..., Flask], w: World, mail: tuple[str, Mailboxes]
) -> None:
    client = guest(make_app(ims_password_key=KEY, smtp_url=mail[0]))
    client.ok("POST", "/account/reg", reg(password=encrypted("secret1")))
    for sent, status in ((encrypted("secret1"), 200), ("secret1", 401), (encrypted("secret2"), 401), ("é", 401)):
        reply = client.call("POST", "/account/login", {"email": "new@example.com", "password": sent})
        assert reply.status == status, sent
    for sent in ("secret1", encrypted("with space"), encrypted(""), encrypted("x" * 21), "A" * 10_000, "====", "QUJD"):
        reply = client.call("POST", "/account/reg", reg(email="other@example.com", password=sent))
        assert (reply.status, reply.json["info"]) == (400, "Password illegal"), sent
    PollingClient(FlaskTransport(w.app)).login("new@example.com")  # elsewhere it is the same password, as it is
    hidden = client.ok("POST", "/verify", {"email": "new@example.com"})["verify_code"]
    content = mail[1].received[0].content
    assert isinstance(content, bytes)
    body = message_from_bytes(content).get_payload(decode=True)
    assert isinstance(body, bytes)
    assert hidden == encrypted(re.findall(rb"\d{6}", body)[0].decode())


def test_the_csrf_cookie(w: World) -> None:
    assert "csrftoken=" in w.nobody.call("GET", "/csrf").headers["Set-Cookie"]


@pytest.mark.parametrize("what", ["a new password", "deleted"])
def test_a_login_that_is_under_way_does_not_outlive_its_password(
    w: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """An attacker who keeps logging in with a stolen password always has a login in progress."""
    verify = passwords.verify
    mine: ImsClient = w.mia

    def slow_verify(encoded: str | None, digest: str) -> bool:
        is_right = verify(encoded, digest)
        monkeypatch.setattr(passwords, "verify", verify)
        if what == "deleted":
            mine.ok("DELETE", "/account/delete")
        else:
            mine.ok("PUT", "/account/info", {"origin_password": PASSWORD, "password": "secret2"})
        return is_right

    monkeypatch.setattr(passwords, "verify", slow_verify)
    reply = w.nobody.call("POST", "/account/login", {"email": "mia@example.com", "password": PASSWORD})
    assert (reply.status, reply.json["code"]) == ((404, 1) if what == "deleted" else (401, -3)), reply


def test_an_old_password_that_is_being_proven_changes_nothing_any_more(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = passwords.verify
    thief = guest(w.app, w.mia.token)

    def slow_verify(encoded: str | None, digest: str) -> bool:
        is_right = verify(encoded, digest)
        monkeypatch.setattr(passwords, "verify", verify)
        w.mia.ok("PUT", "/account/info", {"origin_password": PASSWORD, "password": "secret2"})
        return is_right

    monkeypatch.setattr(passwords, "verify", slow_verify)
    reply = thief.call("PUT", "/account/info", {"origin_password": PASSWORD, "password": "thiefs_1"})
    assert (reply.status, reply.json["code"]) == (401, -3), reply
    guest(w.app).login("mia", "secret2")


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_a_picture_as_avatar_goes_out_small_by_its_address(w: World) -> None:
    """550 KiB in Base64 with a location in the metadata; the served picture is small and has none."""
    transport = FlaskTransport(w.app)
    for given in (in_base64(laden("JPEG")), "data:image/png;base64," + in_base64(noise(550 * 1024))):
        w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": given})
        address = w.alice.ok("GET", "/account/info")["avatar"]
        assert address == w.mia.ok("GET", "/friends")["friends"][0]["avatar"]
        path = urlsplit(address).path
        assert path.startswith("/avatars/")
        loaded = transport.request("GET", path, None, {})
        assert loaded.status == 200
        assert loaded.headers["Content-Type"] in {"image/jpeg", "image/png"}
        assert "immutable" in loaded.headers["Cache-Control"]
        assert SECRET[:11] not in loaded.body
        with Image.open(io.BytesIO(loaded.body)) as shown:
            assert max(shown.size) <= 256
        assert transport.request("GET", path, None, {"If-None-Match": loaded.headers["ETag"]}).status == 304
    w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": ""})
    assert transport.request("GET", path, None, {}).status == 404


def test_sending_the_current_avatars_address_leaves_it_unchanged(w: World) -> None:
    """Front ends send a whole profile back when a word of it was changed."""
    w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": in_base64(noise(9000))})
    group = {"conversation_id": w.group, "avatar": in_base64(noise(9000))}
    w.alice.ok("POST", "/conversations/manage/info", group)
    own = w.alice.ok("GET", "/account/info")
    of_group = next(each["avatar"] for each in w.alice.conversations() if each["id"] == w.group)
    for address in (own["avatar"], urlsplit(own["avatar"]).path, f"https://other:1{urlsplit(own['avatar']).path}"):
        w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": address, "user_info": "new"})
        assert w.alice.ok("GET", "/account/info") == own | {"user_info": "new"}
    w.alice.ok("POST", "/conversations/manage/info", group | {"avatar": of_group})
    for address in (own["avatar"], of_group):
        assert FlaskTransport(w.app).request("GET", urlsplit(address).path, None, {}).status == 200
    elsewhere = f"https://example.com{urlsplit(of_group).path}"
    w.alice.ok("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": elsewhere})
    assert w.alice.ok("GET", "/account/info")["avatar"] == elsewhere


def test_a_page_of_history_is_complete_with_any_avatars(w: World) -> None:
    """The largest accepted picture and the longest text: 50 messages are returned with either."""
    for number in range(50):
        w.mia.say("group", f"number {number}")
    for avatar in (in_base64(noise(1024 * 1024)), "\N{GRINNING FACE}" * 2048):
        w.mia.ok("PUT", "/account/info", {"origin_password": PASSWORD, "avatar": avatar})
        polling = PollingClient(FlaskTransport(w.app))
        shown = polling.call("GET", "/chat/history?roomname=group&limit=50&detail=1", Authorization=w.mia.token).json
        assert len(shown["messages"]) == 50
        assert len(json.dumps(shown)) < 2 * 1024 * 1024


def test_avatars_that_earlier_versions_kept_as_texts_become_pictures(w: World) -> None:
    kept = {w.alice.id: in_base64(noise(300 * 1024)), w.mia.id: "x" * 500_000}
    services = services_of(w.app)
    with services.store.write() as tx:
        for user_id, text in kept.items():
            tx.execute(update(User).where(User.id == user_id).values(avatar=text))
    services.avatars.convert_old()
    assert "/avatars/" in w.alice.ok("GET", "/account/info")["avatar"]
    assert w.mia.ok("GET", "/account/info")["avatar"] == ""
