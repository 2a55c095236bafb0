"""A server's own words, made fit for one of our sentences.

They are untrusted: bounded, on one line, without control characters.
"""

from __future__ import annotations

LONGEST = 300


def said(message: object) -> str:
    """``": message"`` to end a clause with, or nothing where the server said nothing in words."""
    if not isinstance(message, str) or not message.strip():
        return ""
    line = " ".join(message.split())
    return ": " + "".join(c if c.isprintable() else "?" for c in line)[:LONGEST].rstrip(".")
