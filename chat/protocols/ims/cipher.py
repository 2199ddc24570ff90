"""How clients hide passwords and codes, where the server is set so: AES-128-CBC, PKCS#7, Base64 (docs/specification.md,
"ims").
"""

import base64
import binascii
import hashlib
import re

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from flask import current_app

_IV = bytes(16)  # the published client has it so: equal passwords look equal
_LONGEST = 1024  # characters of Base64
_ALLOWED = re.compile(r"\w{1,20}", re.ASCII)


def given_password(sent: str) -> str:
    """The password that a client means; "", which is nobody's, where it cannot be read."""
    key = _key()
    if not key:
        return sent
    try:
        data = base64.b64decode(sent, validate=True) if len(sent) <= _LONGEST else b""
        decryptor = Cipher(AES(key), CBC(_IV)).decryptor()
        unpadder = PKCS7(128).unpadder()
        padded = decryptor.update(data) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (binascii.Error, ValueError):  # UnicodeDecodeError is one
        return ""


def new_password(sent: str) -> str:
    """The same, and "" too where it is not as the document wants it: up to 20 letters, digits and underscores."""
    password = given_password(sent)
    return password if _ALLOWED.fullmatch(password) else ""


def hidden_code(email: str, code: str) -> str:
    """The code in a form by which the client can check what the user types in."""
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
