"""A real SMTP server on 127.0.0.1: TLS with a certificate of its own, logins, and refusals on demand."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "ada", "p:w d=1"


@dataclass
class Mailbox:
    """What has arrived; also decides what is taken, as aiosmtpd asks it."""

    port: int = 0
    unknown: tuple[str, ...] = ()
    """Recipients that are refused."""
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    """Passwords that were tried."""

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 no\tsuch mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients.append(list(envelope.rcpt_tos))
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 taken"

    def log_in(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        assert isinstance(login, LoginPassword)
        self.logins.append(login.password.decode())
        right = (login.login, login.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(
    *,
    tls: Path | None = None,
    starttls: Path | None = None,
    login: bool = False,
    unknown: tuple[str, ...] = (),
    **options: Any,
) -> Iterator[Mailbox]:
    """A server that runs until the block ends; ``tls`` and ``starttls`` name its certificate."""
    box = Mailbox(unused_port(), unknown)
    if login:
        options |= {"authenticator": box.log_in, "auth_required": True}
        options |= {"auth_require_tls": starttls is not None}
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        ssl_context=_context(tls) if tls else None,
        tls_context=_context(starttls) if starttls else None,
        require_starttls=starttls is not None,
        **options,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def make_certificate(folder: Path) -> Path:
    """A certificate for localhost that vouches for itself; its key lies beside it."""
    certificate = folder / "mail.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context
