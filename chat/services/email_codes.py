"""Verification codes sent by e-mail; the client checks that the user can read them (docs/specification.md, "ims")."""

import logging
import secrets
import threading
from urllib.parse import parse_qs, unquote, urlsplit

from chat.errors import ChatError, ErrorCode
from chat.lanes import Lane, enter_lane
from chat.names import name_key
from chat.security.limits import CODES_BY_ADDRESS, CODES_BY_MAILBOX
from chat.services.rate_limits import Limits
from chat.services.usernames import check_email

log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 10.0  # per step of a delivery
_AT_ONCE = 2  # the number of threads of the mail lane; without lanes, further requests are refused immediately


class EmailCodes:
    def __init__(self, limits: Limits, smtp_url: str) -> None:
        self._limits = limits
        self._url = smtp_url
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def send_code(self, email: str, address: str) -> str:
        """Send a new 6-digit code to this address, and return it. Raises EMAIL_INVALID, RATE_LIMITED, MAIL_NOT_SENT."""
        check_email(email)
        enter_lane(Lane.MAIL)
        self._limits.take_shared((CODES_BY_MAILBOX, name_key(email)), (CODES_BY_ADDRESS, address))
        code = f"{secrets.randbelow(1_000_000):06}"
        if not self._url or not self._places.acquire(blocking=False):
            raise ChatError(ErrorCode.MAIL_NOT_SENT)
        try:
            _send(self._url, email, code)
        except (OSError, UnicodeError, ValueError) as error:  # SMTPException is an OSError
            # the error's text may contain the mail address
            log.warning("sending a verification code failed: %s", type(error).__name__)
            raise ChatError(ErrorCode.MAIL_NOT_SENT) from None
        finally:
            self._places.release()
        return code


def _send(url: str, email: str, code: str) -> None:
    import smtplib  # here, as most installations send no mail
    import ssl
    from email.headerregistry import Address
    from email.message import EmailMessage

    parts = urlsplit(url)
    host = parts.hostname or ""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    message = EmailMessage()
    message["From"] = parse_qs(parts.query).get("from", [user if "@" in user else f"commonroom@{host}"])[0]
    user_part, _, domain = email.rpartition("@")
    message["To"] = Address(username=user_part, domain=domain)
    message["Subject"] = f"{code} 是您的验证码 / is your code"
    message.set_content(f"您的验证码是 {code}。\nYour verification code is {code}.\n")
    if parts.scheme == "smtps":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=TIMEOUT_SECONDS)
    with server:
        if user:
            if parts.scheme == "smtp":
                server.starttls(context=ssl.create_default_context())  # never send the password unencrypted
            server.login(user, password)
        server.send_message(message, to_addrs=[email])
