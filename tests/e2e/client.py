"""A user's client over plain HTTP."""

from typing import Any

import requests

PASSWORD = "correct horse"


class Client:
    """A user's client over plain HTTP."""

    def __init__(self, url: str, name: str, password: str | None = None) -> None:
        """Register a new user, or log in an existing one by the password."""
        self.name = name
        self._url = url
        self._session = requests.Session()
        self.post("/user/login" if password else "/user/register", username=name, password=password or PASSWORD)

    def close(self) -> None:
        self._session.close()

    def post(self, path: str, **body: Any) -> Any:
        answer = self._session.post(self._url + path, json=body, timeout=30)
        assert answer.ok, f"{answer.status_code}: {answer.text}"
        return answer.json()

    def get(self, path: str, **query: Any) -> Any:
        answer = self._session.get(self._url + path, params=query, timeout=30)
        assert answer.ok, f"{answer.status_code}: {answer.text}"
        return answer.json()

    def say(self, text: str, room: str = "public") -> None:
        self.post("/chat/send", roomname=room, new_message={"type": "text", "content": text})

    def show(self, base64: str, room: str = "public") -> None:
        self.post("/chat/send", roomname=room, new_message={"type": "img", "content": base64})

    def texts(self, room: str = "public") -> list[str]:
        return [
            m["content"] for m in self.get("/chat/history", roomname=room, limit=500)["messages"] if m["type"] == "text"
        ]
