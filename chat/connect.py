"""`flask --app wsgi chat connect HOST:PORT`: a client for the terminal, and an example of how to write one.

It needs nothing but Python: `python chat/connect.py localhost:8888` runs it without the server's code. Messages are
JSON in lines; docs/protocols/tcp.md lists them. One thread prints what the server says, the other reads what you type.
"""

import getpass
import json
import socket
import sys
import threading
from contextlib import suppress
from typing import Any, TextIO

with suppress(ImportError):
    import readline  # edits the line that is typed, and says what is on it

HELP = """/register NAME   make an account        /login NAME      log in
/list            groups you are in      /all             groups you may join
/users           who there is           /create GROUP    make a group
/join GROUP      become a member        /enter GROUP     talk there, and see what was said
/logout          log out                /quit            leave
Anything else is said in the group entered."""
ERASE_LINE = "\r\x1b[K"
Message = dict[str, Any]


class Client:
    """One connection to a server."""

    def __init__(self, host: str, port: int, out: TextIO = sys.stdout) -> None:
        self._connection = socket.create_connection((host, port))
        # Puts together what comes in parts: a packet may hold half a line, or many.
        self._lines = self._connection.makefile(encoding="utf-8", newline="\n")
        self._out = out
        self._printing = threading.Lock()
        self.prompt = "> "
        self.is_open = True

    def send(self, message_type: str, **fields: Any) -> None:
        """Send one message."""
        line = json.dumps({"message_type": message_type, **fields}, ensure_ascii=False) + "\n"
        self._connection.sendall(line.encode())

    def receive(self) -> Message | None:
        """The next message; None when the server has closed the connection."""
        try:
            line = self._lines.readline()
        except OSError:
            return None
        return json.loads(line) if line.endswith("\n") else None

    def close(self) -> None:
        """Hang up. The thread that reads comes to the end, too."""
        self.is_open = False
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def show_what_comes(self) -> None:
        """Print every message, until there are no more."""
        while (message := self.receive()) is not None:
            text = self.shown(message)
            if text is not None:
                self.show(text)
        if self.is_open:
            self.is_open = False
            self.show("The server has closed the connection. Press Enter.")

    def show(self, text: str) -> None:
        """Print above the prompt: take it away with what is typed already, and put both back below."""
        typed = readline.get_line_buffer() if "readline" in globals() else ""
        # What others say must not move the cursor or colour the screen.
        clean = "".join(char if char.isprintable() or char == "\n" else "?" for char in text)
        with self._printing:
            print(f"{ERASE_LINE}{clean}\n{self.prompt}{typed}", end="", file=self._out, flush=True)

    def shown(self, message: Message) -> str | None:
        """A message as text; None for what there is nothing to say about."""
        match message:
            case {"message_type": "chat_message" | "file_notification"}:
                said = f"[{message['chat_group_name']}] {message['sender_username']}: {message['content']}"
                return indented(said)
            case {"message_type": "chat_history"}:
                return indented(f"  {message['sender_username']}: {message['content']}")
            case {"message_type": "enter_chat_response", "success": True}:
                self.prompt = f"{message['chat_name']}> "
                return f"-- {message['chat_name']} --"
            case {"message_type": "system_message"}:
                return indented(f"* {message['content']}")
            case {"message_type": "list_chats_response"}:
                return "\n".join(f"{chat['group_name']} ({chat['member_count']})" for chat in message["chats"])
            case {"message_type": "list_users_response"}:
                return "\n".join(user["username"] + " *" * user["is_online"] for user in message["users"])
            case {"error_message": str(error)}:
                return f"! {error}"
            case {"success": True}:
                return "Done."
        return None


def indented(text: str) -> str:
    """Further lines set in, so that none of them is taken for somebody else's message."""
    return "\n      ".join(text.splitlines())


def obey(client: Client, line: str) -> bool:
    """Do what was typed; False if that is to leave."""
    command, _, rest = line.partition(" ")
    match command:
        case "":
            pass
        case "/quit":
            return False
        case "/register" | "/login":
            client.send(f"{command[1:]}_request", username=rest, password=getpass.getpass("Password: "))
        case "/list" | "/all":
            client.send("list_chats_request", list_type="joined" if command == "/list" else "all")
        case "/users":
            client.send("list_users_request")
        case "/create":
            client.send("create_chat_request", chat_name=rest, member_usernames=[])
        case "/join" | "/enter":
            client.send(f"{command[1:]}_chat_request", chat_name=rest)
        case "/logout":
            client.send("logout_request")
        case _ if command.startswith("/"):
            client.show(HELP)
        case _:
            client.send("chat_message", content=line)
    return True


def run(address: str) -> None:
    """Talk to the server at HOST:PORT until the person leaves. Raises ValueError, OSError."""
    host, _, port = address.rpartition(":")
    client = Client(host.strip("[]") or "localhost", int(port))
    print(HELP)
    reader = threading.Thread(target=client.show_what_comes, daemon=True)
    reader.start()
    try:
        while client.is_open and obey(client, input(client.prompt).strip()):
            pass
    except (EOFError, KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        print()
    finally:
        client.close()
        reader.join(1)


if __name__ == "__main__":
    run(sys.argv[1] if len(sys.argv) > 1 else "localhost:8888")
