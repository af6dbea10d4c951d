"""A real SMTP server on loopback, for tests.

Lives here: `Mailbox` (what it was given; what it answers), `mail_server`. Not here: who sends to it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import anyio
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Mailbox:
    """A server's handler. answers: to RCPT, the next first; then it takes everything. credentials: as they came."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str | None, Sequence[str]]] = []
        self.credentials: list[tuple[bytes, bytes, bool]] = []
        self.tries = 0
        self.came = anyio.Event()
        self.port = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries += 1
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        read = message_from_bytes(envelope.content, policy=default)
        assert isinstance(read, EmailMessage)
        self.mails.append(read)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        self.came.set()
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.credentials.append((data.login, data.password, session.ssl is not None))
        return AuthResult(success=data.password == b"secret", handled=False)


@asynccontextmanager
async def mail_server(*answers: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[Mailbox]:
    """Listen until the block ends. tls: offer STARTTLS, and want a password behind it."""
    box = Mailbox(*answers)

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="mail.example",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=tls is not None,
            authenticator=box.authenticate,
            loop=asyncio.get_running_loop(),
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
