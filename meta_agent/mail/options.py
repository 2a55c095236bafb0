"""How mail is sent: the settings, and what is wrong with them or an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from meta_agent.errors import UsageError

Security = Literal["starttls", "tls", "none"]
PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
"""A plain address. Names, comments, quotes, lists and line ends are no part of one."""


@dataclass(frozen=True)
class MailOptions:
    """The server and who we are there."""

    host: str
    sender: str
    port: int
    security: Security = "starttls"
    user: str | None = None
    password: str | None = None
    timeout: float = 30.0
    """Seconds for each answer of the server."""

    def check(self) -> None:
        """Raise UsageError where mail cannot be sent like this, before anything else is done."""
        check_address(self.sender, "SMTP_FROM")
        if (self.user is None) != (self.password is None):
            raise UsageError(
                "Of SMTP_USER and SMTP_PASSWORD only one is set.",
                "Set both, or neither where the server wants no login.",
            )
        if self.password is not None and self.security == "none" and not _is_this_machine(self.host):
            raise UsageError(
                f"SMTP_PASSWORD would travel to {self.host} unencrypted.",
                "Set SMTP_SECURITY to starttls or tls; none with a login is for a server on this machine.",
            )


def check_address(address: str, what: str) -> None:
    """Raise UsageError for what is not one plain e-mail address."""
    if not _ADDRESS.fullmatch(address):
        raise UsageError(
            f"{what} is not an e-mail address: {address[:80]!a}.", "Give it as name@example.com."
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
