"""Mails on their way: to an SMTP server, or into a folder. Behind `notices.ports.Post`.

Lives here: `SmtpPost`, `Outbox`.
Not here: what is sent and when (`notices`), settings (`config`).
Source: RFC 5321, RFC 3207 (STARTTLS), RFC 8314 (TLS from the start).

What a server answers may quote the address, so no error repeats its words.
"""

from __future__ import annotations

import os
import ssl
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
from anyio import to_thread

from visavis.errors import Unavailable
from visavis.notices.errors import Undeliverable

TIMEOUT_S = 30.0
FAILURES = (aiosmtplib.SMTPException, OSError, ValueError)
MOST_LETTERS = 10_000
"""In the outbox; nobody seems to take them any more."""


class SmtpPost:
    """Hands each mail to a server, over a connection of its own."""

    def __init__(self, url: str, *, helo: str, tls: ssl.SSLContext | None = None) -> None:
        """url: smtp://, or smtps:// for TLS from the start, with a user and password if the server wants them.

        helo: the name that this node says of itself. tls: whom to trust; None: the system's authorities.

        Elsewhere than on this machine TLS is taken where the server offers it, and due where there is a password.
        """
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 25 if parts.username is None else 587)
        self._user = None if parts.username is None else unquote(parts.username)
        self._password = None if parts.password is None else unquote(parts.password)
        self._start_tls = True if self._user else None
        if self._tls or (tls is None and _is_here(self._host)):
            self._start_tls = False
        self._helo = helo
        self._context = tls

    async def send(self, mail: EmailMessage) -> None:
        try:
            async with self._client() as client:
                await client.send_message(mail)
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = sorted({each.code for each in error.recipients})
            if all(code >= 500 for code in codes):
                raise Undeliverable(f"the mail server refuses this recipient ({codes})") from None
            raise Unavailable(f"the mail server does not take this recipient now ({codes})") from None
        except aiosmtplib.SMTPDataError as error:
            if error.code >= 500:
                raise Undeliverable(f"the mail server refuses this mail ({error.code})") from None
            raise Unavailable(f"the mail server does not take this mail now ({error.code})") from None
        except FAILURES as error:
            raise _failed(error) from None

    async def ready(self) -> None:
        """Go as far as a mail would: connect, TLS, sign in. Raises `Unavailable`."""
        try:
            async with self._client():
                pass
        except FAILURES as error:
            raise _failed(error) from None

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user,
            password=self._password,
            use_tls=self._tls,
            start_tls=self._start_tls,
            tls_context=self._context,
            local_hostname=self._helo,
            timeout=TIMEOUT_S,
        )


class Outbox:
    """Puts each mail into a folder as a file, `*.eml`, for whoever runs the node to carry on or to look at."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, mail: EmailMessage) -> None:
        try:
            await to_thread.run_sync(self._put, mail)
        except OSError as error:
            raise Unavailable(f"the outbox cannot be written: {error.strerror}") from error

    def _put(self, mail: EmailMessage) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if sum(1 for _ in self._folder.iterdir()) >= MOST_LETTERS:
            raise Unavailable(f"the outbox holds {MOST_LETTERS} mails; take them out")
        name = str(mail["Message-ID"]).strip("<>").partition("@")[0]
        part = self._folder / f".{name}.part"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(mail.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._folder / f"{name}.eml")


def _failed(error: Exception) -> Unavailable:
    """Its code or its kind; never the server's words."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return Unavailable(f"the mail server says {error.code} ({type(error).__name__})")
    return Unavailable(f"the mail server does not answer ({type(error).__name__})")


def _is_here(host: str) -> bool:
    """Whether that is this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
