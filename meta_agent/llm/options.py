"""Where the model is, and within which limits it is asked.

The settings fill this in; nothing here reads the environment. Times are seconds,
lengths are tokens.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ModelOptions:
    """One model on one OpenAI-compatible server."""

    base_url: str
    """With the ``/v1``: ``http://localhost:1234/v1``."""
    model: str
    api_key: str = field(repr=False)
    temperature: float = 0.0
    max_tokens: int = 4000
    """Longest answer, where a call does not name its own limit."""
    context_length: int = 32768
    """Assumed only where the server does not tell how the model was loaded."""
    seed: int = 0
    check_timeout: float = 8.0
    """All of the health check."""
    idle_timeout: float = 60.0
    """Longest silence between two tokens; reading the prompt is given extra time."""
    call_timeout: float = 300.0
    """One question with all its retries."""
    attempts: int = 4
    """Tries of one call where the server is busy, failing or drops the connection."""
    retry_wait: float = 0.5
    """First wait between two tries; it doubles from there."""
    known_as: str = ""
    """What the server is called in caches where its address tells nothing, as that of the embedded one."""
    weights_sha256: str | None = None
    """Hash of the model's file, where it is known."""

    @property
    def server_identity(self) -> str:
        """What stays the same as long as the same server is asked."""
        return self.known_as or self.api_url

    @property
    def is_deterministic(self) -> bool:
        """Whether the same question is meant to get the same answer."""
        return self.temperature == 0

    @property
    def api_url(self) -> str:
        """The base URL without a slash at its end."""
        return self.base_url.rstrip("/")

    @property
    def root_url(self) -> str:
        """The server's own root, where LM Studio and llama.cpp keep what OpenAI's protocol lacks."""
        return self.api_url.removesuffix("/v1")

    @property
    def uses_tls(self) -> bool:
        """Whether certificates matter for this server."""
        return self.base_url.lower().startswith("https:")

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine or its network: then no proxy may be asked."""
        try:
            host = urlsplit(self.base_url).hostname or ""
        except ValueError:  # no URL at all: the health check says so
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return "." not in host or host.endswith((".local", ".internal", ".localhost", ".lan"))
        return address.is_private or address.is_loopback or address.is_link_local
