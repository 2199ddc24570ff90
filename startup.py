"""Startup in gunicorn's master: checks that ports are free, and prints the server's addresses."""

import contextlib
import errno
import fcntl
import io
import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import TextIO
from urllib.parse import urlsplit

from config import Settings
from setting_parsers import MOST_WORKERS, ConfigError

_ANY = {"0.0.0.0", "::"}  # noqa: S104
_PORTS_TO_TRY = 100
_SIOCGIFADDR = 0x8915  # Linux: an interface's IPv4 address


def bracketed(host: str) -> str:
    """Format a host for use in a URL."""
    return f"[{host}]" if ":" in host else host


def http_ports(settings: Settings) -> dict[int, str]:
    """Return the HTTP ports, each with its setting. realtime may have a separate one."""
    ports = {settings.port: "PORT"}
    if settings.realtime_port:
        ports.setdefault(settings.realtime_port, "CHAT_REALTIME_PORT")
    return ports


def check_workers(number: int) -> None:
    """Raise ConfigError for a number of worker processes with which nothing is served, or no more is."""
    if not 1 <= number <= MOST_WORKERS:
        raise ConfigError(f"workers={number}: give a number from 1 to {MOST_WORKERS}")


def check_ports(addresses: list[tuple[str, int]], settings: Settings) -> None:
    """Raise ConfigError if one of the addresses cannot be bound."""
    names = http_ports(settings)
    for host, port in addresses:
        try:
            _try_port(host, port)
        except socket.gaierror:
            raise ConfigError(f"CHAT_HOST={host!r}: unknown host") from None
        except OSError as error:
            raise ConfigError(_why(host, port, names.get(port, "PORT"), error)) from None


def _why(host: str, port: int, name: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        free = next(_free_ports(host, port), None)
        return f"{name}={port}: that port is taken by another program. Choose another: make run {name}={free or '…'}"
    if error.errno == errno.EACCES:
        return f"{name}={port}: no permission to use this port. Choose one above 1023: make run {name}=8000"
    return f"CHAT_HOST={host!r}: this machine cannot listen on this address ({error.strerror})"


def _free_ports(host: str, taken: int) -> Iterator[int]:
    for port in range(taken + 1, min(taken + _PORTS_TO_TRY, 65536)):
        with contextlib.suppress(OSError):
            _try_port(host, port)
            yield port


def _try_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn sets it
        probe.bind((host, port))
        probe.listen(1)


def greeting(settings: Settings, *, scheme: str, tcp_port: int, draws: bool = False) -> list[str]:
    """Return the lines printed at the start. tcp_port: 0 if the protocol is not served; draws: with a QR code."""
    here, others = addresses(settings.host)
    lines = [f"Commonroom is at {scheme}://{bracketed(here)}:{settings.port}/"]
    if others:
        url = f"{scheme}://{bracketed(others)}:{settings.port}/"
        lines += [f"For others on this network: {url}", *(_qr_lines(url) if draws else [])]
    if tcp_port:
        lines.append(f"The tcp protocol is at port {tcp_port}.")
    return [*lines, "Press Ctrl-C to stop."]


def _qr_lines(url: str) -> list[str]:
    """A QR code in half blocks, as terminals show them."""
    import segno  # here, as workers load this too

    drawn = io.StringIO()
    segno.make(url, micro=False).terminal(out=drawn, border=2, compact=True)
    return drawn.getvalue().rstrip("\n").split("\n")


def can_draw(stream: TextIO) -> bool:
    """Whether QR codes can be printed there: on a terminal that has the characters."""
    try:
        "\u2580\u2584\u2588".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return stream.isatty()


def claim_line(settings: Settings, scheme: str, token: str) -> str:
    """For the person who started it, while the site has no teacher: how to become it."""
    here, others = addresses(settings.host)
    link = f"{scheme}://{bracketed(others or here)}:{settings.port}/claim/{token}"
    return f"This site has no teacher yet. Open this link once, and log in or register, to become it:\n{link}"


def reachable(url: str, host: str) -> list[str]:
    """By which addresses others on this network reach a page that is open at that one; host: the listening address."""
    parts = urlsplit(url)
    if host not in _ANY or not _is_this_machine(parts.hostname or ""):
        return [url]
    found = [address for address in lan_addresses() if host == "::" or ":" not in address]
    port = f":{parts.port}" if parts.port else ""
    return [f"{parts.scheme}://{bracketed(address)}{port}" for address in found] or [url]


def _is_this_machine(name: str) -> bool:
    """Whether a host of an address means, on each machine, that machine."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        address = getattr(address, "ipv4_mapped", None) or address
        return address.is_loopback or address.is_unspecified
    return name.rstrip(".").rpartition(".")[2] == "localhost"


def addresses(host: str) -> tuple[str, str]:
    """Return the hosts by which this machine and other machines reach the server ("": not reachable, or the same)."""
    if host in _ANY:
        families = [socket.AF_INET, socket.AF_INET6] if host == "::" else [socket.AF_INET]
        return "localhost", next(filter(None, map(lan_address, families)), "")
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host) == ipaddress.ip_address("127.0.0.1"):
            return "localhost", ""
    return host, ""


def lan_addresses() -> list[str]:
    """Return this machine's addresses on its networks: those with the default route first."""
    default = [found for family in (socket.AF_INET, socket.AF_INET6) if (found := lan_address(family))]
    return list(dict.fromkeys([*default, *_interface_addresses()]))


def lan_address(family: socket.AddressFamily) -> str:
    """Return this machine's address on the network with the default route; "": none."""
    probed = "2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((probed, 9))  # sends nothing; selects the outgoing interface
            address = str(probe.getsockname()[0])
    except OSError:
        return ""
    return "" if ipaddress.ip_address(address).is_loopback else address


def _interface_addresses() -> Iterator[str]:
    """Yield the IPv4 address of each network interface: a laptop that is a hotspot has no default route. Linux only."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                address = socket.inet_ntoa(answer[20:24])
                if not ipaddress.ip_address(address).is_loopback:
                    yield address
