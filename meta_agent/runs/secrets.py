"""Takes passwords out of what is logged, recorded and shown, in every spelling they may come in."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "****"
_SHORTEST = 3
"""Masking a one-letter password would blacken every text and hide nothing."""


def secrets_of_url(url: str | None) -> tuple[str, ...]:
    """The password of a connection URL, as written and decoded; empty where it has none."""
    if not url:
        return ()
    try:
        written = urlsplit(url).password
    except ValueError:
        return (url,)
    return tuple(dict.fromkeys((written, unquote(written)))) if written else ()


def spellings(secret: str) -> tuple[str, ...]:
    """A secret plain, URL-quoted, JSON-escaped and in base64, the longest first."""
    encoded = base64.b64encode(secret.encode()).decode()
    escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
    found = {secret, quote(secret, safe=""), quote_plus(secret), escaped, encoded, encoded.rstrip("=")}
    return tuple(sorted(found, key=len, reverse=True))


def mask(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret replaced by ****."""
    for secret in secrets:
        if len(secret) < _SHORTEST:
            continue
        for spelling in spellings(secret):
            text = text.replace(spelling, MASK)
    return text
