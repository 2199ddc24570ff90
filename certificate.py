"""The self-signed certificate for CHAT_TLS=self-signed: kept in the instance folder, renewed before it expires."""

import datetime
import ipaddress
import os
import secrets
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=397)  # browsers refuse longer lifetimes
_RENEW_BEFORE = datetime.timedelta(days=30)


def kept_certificate(folder: Path, lan_addresses: list[str]) -> Path:
    """Return the file with key and certificate, renewed if it is missing or expires within 30 days."""
    path = folder / "self-signed.pem"
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (FileNotFoundError, ValueError):
        ends = None
    now = datetime.datetime.now(datetime.UTC)
    if ends is None or ends - now < _RENEW_BEFORE:
        draft = folder / f".self-signed.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(_made(now, lan_addresses))
        draft.replace(path)
    return path


def fingerprint(path: Path | str) -> str:
    """Return the SHA-256 fingerprint in the browsers' format."""
    return x509.load_pem_x509_certificate(Path(path).read_bytes()).fingerprint(hashes.SHA256()).hex(":").upper()


def _made(now: datetime.datetime, lan_addresses: list[str]) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Commonroom, self-signed")])
    hosts = dict.fromkeys(["localhost", *([host] if host.isascii() and host else [])])
    addresses = dict.fromkeys(["127.0.0.1", "::1", *lan_addresses])
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    begins = now - datetime.timedelta(days=1)  # tolerate clients whose clocks are behind
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return plain + certificate.public_bytes(pem)
