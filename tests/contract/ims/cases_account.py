"""Accounts: a case for each row of the table."""

from tests.contract.ims.world import Cases, closed, disabled, refused, reg

CASES: Cases = {
    "POST /account/reg": {
        "a new address": lambda at, w: at(w.nobody, reg(email="new@example.com")),
        "a deleted account's address, with its password": lambda at, w: at(
            w.nobody, reg(email="dan@example.com", name="somebody else")
        ),
        "a deleted account's address, with another password": lambda at, w: at(
            w.nobody, reg(email="dan@example.com", password="another1")
        ),
        "the user exists": lambda at, w: at(w.nobody, reg(email="ALICE@example.com")),
        "a field is missing": lambda at, w: at(w.nobody, {"email": "new@example.com", "password": "secret1"}),
        "invalid address": lambda at, w: at(w.nobody, reg(email="nowhere", name="", password="!")),
        "the name is empty or has more than 20 characters": lambda at, w: at(
            w.nobody, reg(name="n" * 21, password="!")
        ),
        "the name is another's username": lambda at, w: at(w.nobody, reg(email="new@example.com", name="Paul")),
        "the password is not 6 to 20 letters, digits, underscores": lambda at, w: at(
            w.nobody, reg(email="alice@example.com", password="with space")
        ),
        "the site is closed to new accounts": lambda at, w: at(
            closed(w, "closed").nobody, reg(email="new@example.com")
        ),
        "the site asks for a join code, and it is wrong or missing": lambda at, w: at(
            closed(w, "code").nobody, reg() | {"join_code": "ABCDEF"}
        ),
    },
    "POST /account/login": {
        "by mail address": lambda at, w: at(w.nobody, {"email": "Alice@Example.com", "password": "secret1"}),
        "by the username of an account made elsewhere": lambda at, w: at(
            w.nobody, {"email": "paul", "password": "secret1"}
        ),
        "no such user": lambda at, w: at(w.nobody, {"email": "nobody@example.com", "password": "secret1"}),
        "the account was deleted": lambda at, w: at(w.nobody, {"email": "dan@example.com", "password": "secret1"}),
        "wrong password": lambda at, w: at(w.nobody, {"email": "alice@example.com", "password": "secret2"}),
        "a field is missing": lambda at, w: at(w.nobody, {"email": "alice@example.com"}),
        "a teacher has disabled the account": lambda at, w: at(
            disabled(w, "mia").nobody, {"email": "mia@example.com", "password": "secret1"}
        ),
    },
    "DELETE /account/delete": {
        "": lambda at, w: at(w.mona),
        "no valid token": refused,
    },
    "POST /verify": {
        "": lambda at, w: at(w.nobody, {"email": "new@example.com"}),
        "the mail cannot be sent": lambda at, w: at(w.nobody, {"email": "refused@example.com"}),
        "invalid address": lambda at, w: at(w.nobody, {"email": "a b@example.com"}),
        "the field is missing": lambda at, w: at(w.nobody, {}),
    },
    "GET /account/info": {
        "": lambda at, w: at(w.alice),
        "no valid token": refused,
    },
    "PUT /account/info": {
        "": lambda at, w: at(w.alice, {"origin_password": "secret1", "name": "Alice"}),
        "wrong origin_password": lambda at, w: at(w.alice, {"origin_password": "secret2", "name": "Alice"}),
        "no valid token": refused,
        "no origin_password": lambda at, w: at(w.alice, {"name": "Alice"}),
        "invalid address": lambda at, w: at(w.alice, {"origin_password": "secret1", "email": "nowhere"}),
        "the address is another's": lambda at, w: at(
            w.alice, {"origin_password": "secret1", "email": "mia@example.com"}
        ),
        "the name is empty or too long": lambda at, w: at(w.alice, {"origin_password": "secret1", "name": ""}),
        "the name is another's username": lambda at, w: at(w.alice, {"origin_password": "secret1", "name": "Paul"}),
        "the password is not as it must be": lambda at, w: at(
            w.alice, {"origin_password": "secret1", "password": "tiny"}
        ),
    },
    "GET /csrf": {
        "": lambda at, w: at(w.nobody),
    },
}
