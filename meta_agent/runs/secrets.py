"""Takes passwords out of what is logged and recorded, in every spelling they may come in.

A password that is also an ordinary word (``postgres``, ``10``, the placeholder
``lm-studio``) cannot be told from innocent text by itself: it is masked only where it
stands as a password, in a URL or after ``password=``.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, unquote

MASK = "****"
_SHORTEST = 6
_COMMON = frozenset(
    {
        "admin",
        "administrator",
        "changeme",
        "database",
        "default",
        "dummy",
        "example",
        "lm-studio",
        "localhost",
    }
    | {"no-key-needed", "not-needed", "ollama", "password", "passwort", "portfolio", "postgres", "postgresql"}
    | {"localhost", "reader", "secret", "testing"}
)
_LOGIN = re.compile(r"(?<=://)([^\s:/@]*):([^\s@/]+)@")
_AUTHORITY = re.compile(r"://[^:/@?]*:(.*)@", re.DOTALL)
_HEX = re.compile(r"%[0-9A-F]{2}")


def secrets_of_url(url: str | None) -> tuple[str, ...]:
    """The passwords of a connection URL, as written and decoded; empty where it has none."""
    if not url:
        return ()
    login = _AUTHORITY.search(url)  # to the last @: people forget to encode one in the password
    written = [login.group(1)] if login else []
    written += parse_qs(url.partition("?")[2]).get("password", [])
    return tuple(dict.fromkeys(s for secret in written for s in (secret, unquote(secret)) if s))


def mask(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret, and every password in a URL, replaced by ****."""
    for pattern in _patterns(tuple(secrets)):
        text = pattern.sub(MASK, text)
    return _LOGIN.sub(rf"\1:{MASK}@", text)


def mask_all(content: Any, secrets: Iterable[str]) -> Any:
    """A tree of dicts and lists with the texts in it masked; keys, numbers and the form stay."""
    if isinstance(content, str):
        return mask(content, secrets)
    if isinstance(content, dict):
        return {key: mask_all(value, secrets) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [mask_all(value, secrets) for value in content]
    return content


def spellings(secret: str) -> tuple[str, ...]:
    """A secret plain, percent-encoded, JSON-escaped and in base64, the longest first."""
    encoded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    found = {
        secret,
        *encoded,
        *(_HEX.sub(lambda code: code.group().lower(), text) for text in encoded),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        *_base64_cores(secret.encode()),
    }
    return tuple(sorted((s for s in found if len(s) >= _SHORTEST), key=len, reverse=True))


def _base64_cores(secret: bytes) -> set[str]:
    """What is the same in every base64 text that has the secret in it, wherever it begins."""
    cores = set()
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        end = len(text) if (before + len(secret)) % 3 == 0 else len(text) - 1
        core = text[(0, 2, 3)[before] : end]
        cores |= {core, core.replace("+", "-").replace("/", "_")}
    return cores


@lru_cache(maxsize=16)
def _patterns(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(_pattern(secret) for secret in sorted(set(secrets), key=len, reverse=True) if secret)


def _pattern(secret: str) -> re.Pattern[str]:
    if len(secret) < _SHORTEST or secret.lower() in _COMMON:
        return re.compile(rf"(?i:(?<=password=)|(?<=password=')|(?<=pwd=)){re.escape(secret)}(?!\w)")
    texts = "|".join(map(re.escape, spellings(secret)))
    if secret.isalpha() or secret.isdigit():  # may be part of a longer word or number, which tells nothing
        return re.compile(rf"(?<![A-Za-z0-9])(?:{re.escape(secret)})(?![A-Za-z0-9])|{_longer(secret)}")
    return re.compile(texts)


def _longer(secret: str) -> str:
    """The spellings of a secret that look like no word."""
    return "|".join(re.escape(s) for s in spellings(secret) if s != secret) or r"(?!)"
