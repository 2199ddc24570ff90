"""The beginning of a connection at a TLS port: counted, and with a deadline, before the handshake is complete."""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable
from typing import Any

from chat.server.bounded_connection import HEAD_SECONDS, BoundedConnection
from chat.server.client_identity import limited_address
from chat.server.host import Host
from chat.server.refusals import MOST_REFUSED
from chat.server.states import State

log = logging.getLogger("gunicorn.error")
_HANDSHAKE = 0x16  # the first byte of a TLS connection: its record's type (RFC 8446, 5.1)


class TlsGate(BoundedConnection):
    """Hands over to the protocol from `make` after the handshake; plain HTTP clients are told to use https."""

    __slots__ = ("_at_eof", "_context", "_early", "_is_shaking", "_make", "_task")

    def __init__(self, host: Host, context: ssl.SSLContext, make: Callable[[], asyncio.Protocol]) -> None:
        super().__init__(host)
        self._context = context
        self._make = make
        self._is_shaking = False
        self._early = b""  # decrypted before the connection is handed over
        self._at_eof = False
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first byte."""
        self._attach(transport)
        address = transport.get_extra_info("peername") or ("", 0)
        place = "" if self.host.is_proxied else limited_address(address[0])
        # Let slightly more than the limit through the handshake: only then can they be told.
        if self._take_place(place) > MOST_REFUSED:
            transport.abort()
            return
        self._set_deadline(time.monotonic() + HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        """Before the handshake, data for TLS; afterwards decrypted data until the connection is handed over."""
        if self._is_shaking:
            self._early += data
        elif self.state is State.CLOSING:
            return
        elif data[0] == _HANDSHAKE:
            self._is_shaking = True
            self._task = asyncio.get_running_loop().create_task(self._shake_hands(data))
        else:
            reason = "this port speaks TLS: write https:// (or wss://) in the address"
            self._transport.write(self.host.refusal("400 Bad Request", reason, data))
            self._linger()

    def eof_received(self) -> bool:
        self._at_eof = True
        return False

    async def _shake_hands(self, data: bytes) -> None:
        loop, plain = asyncio.get_running_loop(), self._transport
        shaking = loop.create_task(
            loop.start_tls(plain, self, self._context, server_side=True, ssl_handshake_timeout=HEAD_SECONDS)
        )
        try:
            await asyncio.sleep(0)  # it takes over the transport
            await asyncio.sleep(0)  # and begins
            protocol = plain.get_protocol()
            if protocol is not None and protocol is not self:  # unchanged if the client has disconnected meanwhile
                _feed(protocol, data)
            encrypted = await shaking
        except (OSError, RuntimeError) as error:  # the first are TLS errors; the second comes from a closed transport
            log.debug("a TLS handshake failed: %s", error)
        except Exception:
            log.exception("starting TLS failed")
        else:
            self._hand_over(encrypted)
        finally:
            self._leave()

    def _hand_over(self, encrypted: Any) -> None:
        if encrypted.is_closing() or self._transport is None:
            encrypted.abort()
            return
        self._leave()
        connection: Any = self._make()
        encrypted.set_protocol(connection)
        connection.connection_made(encrypted)
        if self._early:
            connection.data_received(self._early)
        if self._at_eof:
            connection.eof_received()


def _feed(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    """Pass on data that arrived before the protocol took over."""
    while data:
        buffer: Any = protocol.get_buffer(len(data))
        count = min(len(buffer), len(data))
        buffer[:count] = data[:count]
        protocol.buffer_updated(count)
        data = data[count:]
