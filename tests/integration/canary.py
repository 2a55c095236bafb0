"""A password to search for, and the search: in every spelling, with no help from the code under test."""

from __future__ import annotations

import base64
import html
import json
import subprocess
from pathlib import Path
from urllib.parse import quote, quote_plus
from uuid import uuid4

PASSWORD = f"c@nary/ü #1:%'\"$\\x?&={uuid4().hex[:6]}"
"""With all that URLs, JSON, SQL, shells and Compose files write in another way; new in every process."""
API_KEY = f"key-Canary/{uuid4().hex[:6]}+q=="


def spelled(secret: str) -> set[str]:
    """The secret as it is and as URLs, JSON, Python, SQL, HTML, Compose files, hex and base64 have it."""
    percent = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    escaped = {json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret), ascii(secret)}
    others = {
        html.escape(secret),
        secret.replace("'", "''"),
        secret.replace("$", "$$"),
        secret.encode().hex(),
    }
    lower = {text.lower() for text in percent if secret.islower()}
    return {secret, *percent, *lower, *(text[1:-1] for text in escaped), *others, *_base64(secret.encode())}


def _base64(secret: bytes) -> set[str]:
    """The characters that the secret alone decides, for each of the three places it may begin at."""
    found = set()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + secret).decode()
        first, end = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        found |= {whole[first:end], whole[first:end].replace("+", "-").replace("/", "_")}
    return found


def found_in(content: str | bytes) -> list[str]:
    """The spellings of password and key that occur; empty where all is well."""
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
    texts = [raw, raw.replace(b"\\\\", b"\\")]  # JSON within JSON
    wanted = sorted(spelled(PASSWORD) | spelled(API_KEY))
    return [text for text in wanted if any(text.encode() in raw for raw in texts)]


def files_with_canary(*folders: Path) -> list[str]:
    """Files with a secret in content or name, as paths."""
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    return [str(file) for file in files if found_in(file.read_bytes()) or found_in(str(file))]


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def seen_by_docker() -> dict[str, str]:
    """All that the engine tells of containers, images and volumes, by their names."""
    told = {}
    for name in docker("ps", "-a", "--format", "{{.Names}}").split():
        told[f"container {name}"] = _inspected(name)
    for image in set(docker("images", "-q", "--filter", "reference=meta-agent/*").split()):
        told[f"image {image}"] = _inspected(image) + docker("history", "--no-trunc", image)
    for volume in docker("volume", "ls", "-q").split():
        told[f"volume {volume}"] = _inspected(volume, "volume")
    return told


def _inspected(name: str, *kind: str) -> str:
    """Empty for what has gone meanwhile: others use the engine, too."""
    return subprocess.run(
        ["docker", *kind, "inspect", name], capture_output=True, text=True, check=False
    ).stdout


def command_lines() -> list[str]:
    """The arguments of every process of this machine."""
    listed = subprocess.run(["ps", "-ww", "-A", "-o", "args="], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()
