"""A small world in which every outcome of the table can be had, and what calls an address there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from sqlalchemy import insert, update

from chat.models import SiteSetting, User
from tests.conftest import services_of
from tests.contract.clients import FlaskTransport, PollingClient, Reply
from tests.contract.ims_client import PASSWORD, ImsClient

LOBBY = 1
NOWHERE = 999_999  # the id of no conversation, message, announcement or invitation
NAMES = ("alice", "adam", "mia", "mona", "ben", "zed", "dan", "fay", "lea", "alone")


@dataclass
class World:
    """alice owns the group; adam is an admin, mia, mona and dan are members; dan and lea have deleted their accounts.

    All of these, ben and lea are friends of alice; fay is a former one; zed has a pending request. mia and ben are
    friends too. alone is in no room. In `club`, an open room of polling's, there is only paul.
    """

    app: Flask
    tokens: dict[str, tuple[str, int]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        if name in self.ids:
            return self.ids[name]
        token, user_id = self.tokens.get(name, ("", 0))
        return ImsClient(FlaskTransport(self.app), username=name, token=token, id=user_id)

    def build(self) -> None:
        """Create everything, over the wire."""
        for name in NAMES:
            client = self.__getattr__(name)
            client.register(name)
            self.tokens[name] = (client.token, client.id)
        alice: ImsClient = self.alice
        for name in ("adam", "mia", "mona", "ben", "dan", "fay", "lea"):
            self.ids[f"with_{name}"] = alice.befriend(self.__getattr__(name))
        self.mia.befriend(self.ben)
        self.mia.befriend(self.lea)
        self._rooms(alice)
        alice.ok("DELETE", "/manage_friends", {"friend_id": self.fay.id})
        self.zed.ok("POST", "/add_friend", {"target_id": alice.id, "message": "let us be friends"})
        for name in ("school", "club"):
            alice.ok("POST", "/groups", {"name": name})
        self.ids["school"] = alice.ok("GET", "/groups")["groups"][0]["id"]
        alice.ok("POST", "/groups/members", {"group_id": self.school, "member_id": self.mia.id})
        self.alone.leave("public")
        for name in ("dan", "lea"):
            self.__getattr__(name).ok("DELETE", "/account/delete")

    def _rooms(self, alice: ImsClient) -> None:
        paul = PollingClient(FlaskTransport(self.app))
        paul.register("paul", PASSWORD)
        paul.create_room("club")
        paul.leave("public")
        self.ids["club"] = next(room["id"] for room in paul.ok("GET", "/room/find?detail=1")["rooms"] if room["joined"])
        members = [self.__getattr__(name).id for name in ("adam", "mia", "mona", "dan")]
        alice.ok("POST", "/conversations", {"members": members, "name": "group"})
        group = self.ids["group"] = alice.id_of("group")
        self.ids["direct"], self.ids["former"] = self.with_mia, self.with_fay
        alice.ok("POST", "/conversations/manage/admin", {"conversation_id": group, "user": self.adam.id})
        self.mia.say("group", "said by mia")
        self.ids["said"] = alice.messages(group)[0]["id"]
        self.ids["said_directly"] = alice.messages(self.direct)[0]["id"]  # mia's greeting
        alice.ok("POST", "/conversations/manage/notifications", {"conversation_id": group, "content": "no school"})
        asked = {"conversation_id": group}
        self.ids["notice"] = alice.ok("GET", "/conversations/manage/notifications", asked)["notifications"][0][
            "notification_id"
        ]
        for name in ("answered", "waiting", "late"):
            who = self.lea if name == "late" else self.ben
            self.mia.ok("POST", "/conversations/member/add", {"conversationId": group, "member_id": who.id})
            self.ids[name] = alice.ok("GET", "/conversations/invitation", asked)["invitation"][0]["invite_id"]
            if name == "answered":
                alice.ok("DELETE", "/conversations/manage/handle_invitation", {"invite_id": self.answered})


@dataclass(frozen=True)
class At:
    """One address with one method."""

    method: str
    path: str

    def __call__(self, who: ImsClient, body: Any = None, path: str = "", **headers: str) -> Reply:
        return who.call(self.method, path or self.path, body, **headers)


def reg(email: str = "new@example.com", password: str = PASSWORD, name: str = "new") -> dict[str, str]:
    """A registration."""
    return {"email": email, "password": password, "name": name}


def of(conversation_id: int, user: ImsClient) -> dict[str, int]:
    """A user in a conversation."""
    return {"conversation_id": conversation_id, "user": user.id}


def invite(w: World, who: ImsClient) -> Reply:
    """Ask for ben, a friend of alice's and mia's."""
    return who.call("POST", "/conversations/member/add", {"conversationId": w.group, "member_id": w.ben.id})


def answer(sender: ImsClient, receiver: ImsClient) -> dict[str, int]:
    """An answer to a friend request."""
    return {"sender_user_id": sender.id, "receiver_user_id": receiver.id}


def refused(at: At, w: World) -> Reply:
    """The answer of every address to a client without a valid token; a valid body makes no difference."""
    return at(w.nobody, {})


Case = Callable[[At, World], Reply]
Cases = dict[str, dict[str, Case]]  # by address, as the table has it, and by the words under "when"


def closed(w: World, registration: str) -> World:
    """The world while not everybody may register: "closed" or "code"."""
    with services_of(w.app).store.write() as tx:
        tx.execute(insert(SiteSetting).values(name="registration", value=f'"{registration}"'))
    return w


def disabled(w: World, name: str) -> World:
    """The world after a teacher has shut somebody out."""
    with services_of(w.app).store.write() as tx:
        tx.execute(update(User).where(User.nickname == name).values(disabled_at=1))
    return w
