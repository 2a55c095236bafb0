"""Takes passwords out of what is logged and recorded, in every spelling they may come in.

A password that is also an ordinary word (``postgres``, ``10``, the placeholder
``lm-studio``) cannot be told from innocent text by itself: it is masked only where it
stands as a password, in a URL or after ``password=``.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, unquote

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
_RUNS = re.compile(r"([\\\\'\"$])\1*|.", re.DOTALL)
_AUTHORITY = re.compile(r"://[^:/@?]*:(.*)@", re.DOTALL)


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


def mask_all(content: Any, secrets: Iterable[str], *, keys: bool = False) -> Any:
    """A tree of dicts and lists with the texts in it masked; numbers and the form stay.

    ``keys``: those of dicts are masked, too, which only a tree without a fixed form bears.
    """
    if isinstance(content, str):
        return mask(content, secrets)
    if isinstance(content, dict):
        return {
            mask_all(key, secrets) if keys else key: mask_all(value, secrets, keys=keys)
            for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [mask_all(value, secrets, keys=keys) for value in content]
    return content


def holds(text: str, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets stands in a text, in any spelling."""
    return any(pattern.search(text) for pattern in _patterns(tuple(secrets)))


@lru_cache(maxsize=16)
def _patterns(secrets: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(_pattern(secret) for secret in sorted(set(secrets), key=len, reverse=True) if secret)


def _pattern(secret: str) -> re.Pattern[str]:
    if len(secret) < _SHORTEST or secret.lower() in _COMMON:
        return re.compile(rf"(?i:(?<=password=)|(?<=password=')|(?<=pwd=)){re.escape(secret)}(?!\w)")
    plain = "".join(_spelled(run.group()[0], len(run.group())) for run in _RUNS.finditer(secret))
    if secret.isalpha() or secret.isdigit():  # may be part of a longer word or number, which tells nothing
        plain = rf"(?<![A-Za-z0-9]){plain}(?![A-Za-z0-9])"
    return re.compile("|".join([plain, *_encoded(secret.encode())]))


def _spelled(character: str, times: int) -> str:
    """A character as it is or as URLs, JSON, HTML, SQL, Compose files and Python's literals write it.

    ``times``: of characters that may be escaped or doubled those in a row are taken together, because
    a pattern that tries every way to share them out would not come to an end.
    """
    code, percent = ord(character), "".join(f"%{byte:02x}" for byte in character.encode())
    ways = {percent, html.escape(character), f"&#{code};", f"&#x{code:x};"} - {character}
    escapes = {json.dumps(character)[1:-1].lstrip("\\"), f"x{code:02x}", f"u{code:04x}"} - {character, ""}
    others = [f"(?i:{re.escape(way)})" for way in sorted(ways)]
    others += [rf"\\{{1,4}}(?i:{re.escape(escape)})" for escape in sorted(escapes)]
    if character == " ":
        others.append(r"\+")
    exactly = f"{{{times}}}" if times > 1 else ""
    return f"(?:(?:{'|'.join(others)}){exactly}|{_itself(character, times)})"


def _itself(character: str, times: int) -> str:
    if character == "\\":  # doubled in JSON, and again in JSON that stands in JSON
        return rf"\\{{{times},{4 * times}}}"
    if character in "'\"":
        return rf"(?:\\{{0,3}}{character}){{{times},{2 * times}}}"
    if character == "$":
        return rf"\${{{times},{2 * times}}}"
    return re.escape(character)


def _encoded(secret: bytes) -> list[str]:
    """What is the same in every base64 text that has the secret in it, wherever it begins; and its hex."""
    texts = {secret.hex()}
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret).decode().rstrip("=")
        end = len(text) if (before + len(secret)) % 3 == 0 else len(text) - 1
        core = text[(0, 2, 3)[before] : end]
        texts |= {core, core.replace("+", "-").replace("/", "_")}
    return [re.escape(text) for text in sorted(texts, key=len, reverse=True) if len(text) >= _SHORTEST]
