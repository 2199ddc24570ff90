"""A server of a school, for walks through all screens."""

import base64
import re

from tests.e2e.client import Client
from tests.pictures import picture
from tests.real_server import Server

ROOM, QUIET, LOCKED = "Physics 9b", "Read-only notes", "Teachers' corner"
TEXTS = (
    "Look at https://example.org/a/rather/long/address?of=a%20page and at `page 12`",
    "**Bold**, *italic* and:\n- one\n- two\n> quoted\n1. first\n2. second",
    "```python\nprint('a line of code that is certainly much longer than a phone of 320 px is wide', 12345)\n```",
    "$$E = mc^2$$ and a long one:\n$$\\frac{a+b+c+d+e+f+g+h+i+j+k+l+m+n}{\\sqrt{a^2+b^2+c^2+d^2+e^2+f^2}}$$",
    "🎉🎉",
    "a very long word: " + "m" * 300,
    "\n".join(f"line {number}" for number in range(40)),
)


class School:
    """A server with a teacher, a pupil, and a room that has messages of all kinds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.teacher = Client(server.url, "Berger")
        self.pupil = Client(server.url, "kim")
        self._fill()

    def close(self) -> None:
        self.teacher.close()
        self.pupil.close()

    def register_by(self, mode: str) -> None:
        """Change the way in which people register."""
        version = self.teacher.get("/site/settings")["version"]
        self.teacher.post("/site/settings", version=version, registration=mode)

    def _fill(self) -> None:
        teacher, pupil = self.teacher, self.pupil
        token = re.findall(r"/claim/(\S+)", self.server.log.read_text())[-1]
        teacher.post("/site/claim", token=token)
        teacher.post("/room/create", roomname=ROOM)
        teacher.post("/room/code", roomname=ROOM)
        teacher.post("/room/create", roomname=QUIET)
        teacher.post("/room/create", roomname=LOCKED, type="private", passwd="secret")
        for client in (pupil, others := Client(self.server.url, "Zoë Martin")):
            for room in (ROOM, QUIET):
                client.post("/room/join", roomname=room)
        others.post("/room/join", roomname=LOCKED, passwd="secret")
        for number, text in enumerate(TEXTS):
            (pupil, teacher)[number % 2].say(text, ROOM)
        pupil.show(base64.b64encode(picture(size=(300, 200))).decode(), ROOM)
        pupil.post(
            "/chat/send", roomname=ROOM, new_message={"type": "text", "content": "@Berger, may I ask something?"}
        )
        asked = teacher.get("/chat/history", roomname=ROOM, limit=1, detail=1)["messages"][0]["id"]
        answer = {"type": "text", "content": "Of course", "reply_to": asked}
        teacher.post("/chat/send", roomname=ROOM, new_message=answer)
        for client in (teacher, others):
            client.post("/chat/react", roomname=ROOM, id=asked, emoji="👍")
        teacher.post("/chat/pin", roomname=ROOM, id=asked)
        teacher.post("/room/mute", roomname=ROOM, user=others.name, minutes=60)
        teacher.post("/room/settings", roomname=QUIET, read_only=True, topic="To be read")
        others.say("@Berger look here", LOCKED)
        others.close()
