"""Turns what the user typed or piped into a UserRequest, or says why it cannot be one."""

from __future__ import annotations

import unicodedata
from typing import Literal

from meta_agent.contracts import UserRequest
from meta_agent.errors import UsageError

MOST_BYTES = 32 * 1024


def read_request(content: str | bytes, source: Literal["argument", "stdin", "prompt"]) -> UserRequest:
    """A checked request. Raises UsageError for one that is empty, binary, not UTF-8 or over 32 KB."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogateescape")
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"The request has more than {MOST_BYTES // 1024} KB.",
            "Ask one question; long material belongs in the database.",
        )
    if b"\x00" in data:
        raise UsageError("The request is binary data, not text.", "Give a text file with the question in it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The request is not UTF-8 text (byte {error.start + 1}).",
            "Save the file as UTF-8 and try again.",
        ) from None
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")).strip()
    if not any(c.isalnum() for c in text):
        raise UsageError("The request is empty.", 'Say what you want to know: python script_executor.py "…"')
    return UserRequest(text=text, source=source)
