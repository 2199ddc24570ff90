"""Bounds of bodies for tests of the framer."""


class AnyBody:
    """A chat.server.http_parser.BodyBounds that refuses nothing, and has nothing read in parts."""

    def takes_long(self, _head: bytes) -> bool:
        return True

    def takes_any(self, _head: bytes) -> bool:
        return True

    def takes_parts(self, _head: bytes) -> int:
        return 0
