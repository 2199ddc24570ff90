"""`flask --app wsgi chat connect HOST:PORT`: a terminal client, and an example of how to write one.

It needs only Python: `python chat/connect.py localhost:8888` runs without the server's code. Messages are lines of
JSON; docs/protocols/tcp.md lists them. One thread prints messages from the server, the other reads your input.
"""

import getpass
import io
import json
import re
import shutil
import socket
import sys
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv6Address
from typing import Any, TextIO

with suppress(ImportError):
    import readline  # line editing, and access to the current input line

HELP = """/register NAME   make an account        /login NAME      log in
/list            groups you are in      /all             groups you may join
/users           who there is           /create GROUP    make a group
/join GROUP      become a member        /enter GROUP     talk there, and see what was said
/logout          log out                /quit            leave
Anything else is said in the group entered."""
ERASE_LINE = "\r\x1b[K"
INDENT = " " * 6
LAST_ANSWERS_SECONDS = 10.0
UNCLEAN = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line ends
TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
Message = dict[str, Any]


class Client:
    """One connection to a server."""

    def __init__(self, host: str, port: int, out: TextIO = sys.stdout) -> None:
        try:
            self._connection = socket.create_connection((host, port))
        except UnicodeError:
            raise ValueError(f"{host} is no name of a computer") from None
        # Reassembles lines: a packet may hold half a line or several.
        self._lines = self._connection.makefile(encoding="utf-8", errors="replace", newline="\n")
        self._out = out
        self._is_terminal = out.isatty()
        self._printing = threading.Lock()
        self.prompt = "> "
        self.is_open = True

    def send(self, message_type: str, **fields: Any) -> None:
        """Send one message."""
        line = json.dumps({"message_type": message_type, **fields}, ensure_ascii=False) + "\n"
        self._connection.sendall(line.encode())

    def receive(self) -> Message | None:
        """Return the next message; None when the server has closed the connection."""
        try:
            line = self._lines.readline()
        except OSError:
            return None
        try:
            return json.loads(line) if line.endswith("\n") else None
        except ValueError:
            return {}  # not of this protocol

    def finish(self) -> None:
        """Say no more: the server answers the lines before, and closes the connection."""
        self.is_open = False
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection, which also ends the reading thread."""
        self.is_open = False
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def show_what_comes(self) -> None:
        """Print every message until the connection ends."""
        while (message := self.receive()) is not None:
            text = self.shown(message)
            if text is not None:
                self.show(text)
        if self.is_open:
            self.is_open = False
            self.show("The server has closed the connection. Press Enter.")

    def show(self, text: str) -> None:
        """Print a text. On a terminal it comes above the prompt and the unfinished input, which are redrawn below."""
        shown = f"{clean(text)}\n"
        if self._is_terminal:
            shown = f"{ERASE_LINE}{shown}{self.prompt}{typed()}"
        with self._printing:
            print(shown, end="", file=self._out, flush=True)

    def ask(self) -> str:
        """Read a line of input. Raises EOFError."""
        return input(self.prompt if self._is_terminal else "")

    def shown(self, message: Message) -> str | None:
        """Format a message as text; None if there is nothing to print."""
        match message:
            case {"message_type": "chat_message" | "file_notification"}:
                return indented(f"[{quoted(message['chat_group_name'], ']')}] {said(message)}")
            case {"message_type": "chat_history"}:
                return indented(f"  {said(message)}")
            case {"message_type": "enter_chat_response", "success": True}:
                self.prompt = f"{message['chat_name']}> "
                return f"-- {message['chat_name']} --"
            case {"message_type": "system_message"}:
                return indented(f"* {message['content']}")
            case {"message_type": "list_chats_response"}:
                return "\n".join(f"  {chat['group_name']} ({chat['member_count']})" for chat in message["chats"])
            case {"message_type": "list_users_response"}:
                return "\n".join(f"  {user['username']}" + " *" * user["is_online"] for user in message["users"])
            case {"error_message": str(error)}:
                return f"! {error}"
            case {"success": True}:
                return "Done."
        return None


def typed() -> str:
    """Return the unfinished input; nothing at a moment when it cannot be read, as the other thread is changing it."""
    with suppress(ValueError):
        return readline.get_line_buffer() if "readline" in globals() else ""
    return ""


def said(message: Message) -> str:
    """Return sender and text."""
    return f"{quoted(message['sender_username'], ':')}: {message['content']}"


def quoted(name: str, end: str) -> str:
    """Quote a name that contains the mark after it: what follows that mark could be mistaken for another's message."""
    return json.dumps(name, ensure_ascii=False) if end in name else name


def clean(text: str) -> str:
    """Replace what moves the cursor, changes colours or turns the direction; spaces and joiners of all scripts stay."""
    return "".join("?" if is_unclean(char) else char for char in text)


def is_unclean(char: str) -> bool:
    """Whether a terminal could do something else than show the character."""
    return char in TURNING or (char != "\n" and unicodedata.category(char) in UNCLEAN)


def indented(text: str) -> str:
    """Indent further lines, so that none can be mistaken for another user's message.

    The terminal would break long lines without an indent.
    """
    columns = shutil.get_terminal_size().columns - len(INDENT) - 1
    return f"\n{INDENT}".join(piece for line in text.splitlines() for piece in pieces(line, columns))


def pieces(line: str, columns: int) -> Iterator[str]:
    """Split a line to fit so many columns; Chinese characters take two."""
    piece, width = "", 0
    for char in line:
        needed = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if width + needed > columns and piece:
            yield piece
            piece, width = "", 0
        piece += char
        width += needed
    yield piece


def obey(client: Client, line: str) -> bool:
    """Execute a line of input; False to leave."""
    command, _, rest = line.partition(" ")
    match command:
        case "":
            pass
        case "/quit":
            return False
        case "/register" | "/login":
            client.send(f"{command[1:]}_request", username=rest, password=ask_password())
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


def ask_password() -> str:
    """Read a password without showing it; from a file or pipe its next line."""
    return getpass.getpass("Password: ") if sys.stdin.isatty() else input()


def host_and_port(address: str) -> tuple[str, int]:
    """Split HOST:PORT; a host with colons is in brackets. Raises ValueError."""
    found = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^\[\]]*)):([0-9]{1,5})", address)
    if found:
        host, port = found[1] or found[2] or "localhost", int(found[3])
        if port < 65536 and (_is_ipv6(host) or (not found[1] and ":" not in host)):
            return host, port
    raise ValueError("write HOST:PORT, such as localhost:8888 or [::1]:8888")


def _is_ipv6(host: str) -> bool:
    try:
        IPv6Address(host)
    except ValueError:
        return False
    return True


def run(address: str) -> None:
    """Chat with the server at HOST:PORT until the user leaves. Raises ValueError, OSError."""
    client = Client(*host_and_port(address))
    for stream in (sys.stdin, sys.stdout):  # characters outside of the terminal's encoding become ? or U+FFFD
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    print(HELP)
    reader = threading.Thread(target=client.show_what_comes, daemon=True)
    reader.start()
    try:
        while client.is_open and obey(client, client.ask().strip()):
            pass
    except (EOFError, KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        print()
    finally:
        client.finish()
        reader.join(LAST_ANSWERS_SECONDS)
        client.close()


if __name__ == "__main__":
    run(sys.argv[1] if len(sys.argv) > 1 else "localhost:8888")
