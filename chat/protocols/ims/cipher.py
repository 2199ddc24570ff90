"""Optional encryption of passwords and codes: AES-128-CBC, PKCS#7, Base64 (docs/specification.md, "ims")."""

import base64
import binascii
import hashlib
import re

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from flask import current_app

_IV = bytes(16)  # constant in the published client, so equal passwords have equal ciphertexts
_LONGEST = 1024  # characters of Base64
_ALLOWED = re.compile(r"\w{1,20}", re.ASCII)


def given_password(sent: str) -> str:
    """Decrypt the password sent by a client; "", which no account has, if it is malformed."""
    key = _key()
    if not key:
        return sent
    try:
        data = base64.b64decode(sent, validate=True) if len(sent) <= _LONGEST else b""
        decryptor = Cipher(AES(key), CBC(_IV)).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(data) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError):  # includes UnicodeDecodeError
        return ""


def new_password(sent: str) -> str:
    """Decrypt a new password; "" unless it has up to 20 letters, digits and underscores, as the document requires."""
    password = given_password(sent)
    return password if _ALLOWED.fullmatch(password) else ""


def hidden_code(email: str, code: str) -> str:
    """Encrypt the code so that the client can check the user's input."""
    key = _key()
    if not key:
        return hashlib.sha256(f"{email}:{code}".encode()).hexdigest()
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(key), CBC(_IV)).encryptor()
    padded = padder.update(code.encode()) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def _key() -> bytes:
    configured: str = current_app.config["IMS_PASSWORD_KEY"]
    return configured.encode()
