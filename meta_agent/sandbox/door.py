"""Whether the gateway can lead to the database of a URL, and the certificate files that it takes along.

Found out before anything is started. The gateway sees no file of this machine: the contents
of those that the URL names are handed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from meta_agent.errors import SandboxError
from meta_agent.sandbox.engine import Engine
from meta_agent.templates.package.gateway import CERTIFICATE_FILES, VERIFIED, Target, parse_url, target_of

CERTIFICATES = "/run/certificates"
"""Where the gateway finds them."""
LARGEST_FILE = 256 * 1024
NOT_PASSED_ON = ("sslcrl", "sslcrldir", "sslpassword")


@dataclass(frozen=True)
class Door:
    """The one address the gateway leads to, and the files it needs for that."""

    target: Target
    """With the names of the files as the gateway sees them."""
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """What goes into the folder of certificates, by name."""


def database_door(engine: Engine, database_url: str | None) -> Door | None:
    """The way to the database; None without one. Raises SandboxError."""
    if database_url is None:
        return None
    try:
        target = target_of(database_url)
        _, parameters = parse_url(database_url)
    except ValueError as error:
        raise SandboxError(
            f"The sandbox cannot reach the database: {error}.",
            "Write DATABASE_URL as postgresql://user:password@host:port/database.",
        ) from error
    if target.is_socket:
        return _socket_door(engine, target)
    if unknown := [name for name in NOT_PASSED_ON if name in parameters]:
        raise SandboxError(
            f"The sandbox cannot reach the database: it does not know {unknown[0]} in the URL.",
            "Leave it out; sslrootcert, sslcert and sslkey may name files.",
        )
    named = {name: getattr(target, name) for name in CERTIFICATE_FILES if getattr(target, name)}
    files = {name: _content(name, path) for name, path in named.items()}
    seen = {name: f"{CERTIFICATES}/{name}" for name in files}
    return Door(
        Target(target.host, target.port, target.sslmode, *(seen.get(name, "") for name in CERTIFICATE_FILES)),
        files,
    )


def certificate_files(database_url: str) -> tuple[str, ...]:
    """The files that a URL names; none where the gateway could not use it at all."""
    try:
        target = target_of(database_url)
    except ValueError:
        return ()
    named = [getattr(target, name) for name in CERTIFICATE_FILES]
    return () if target.is_socket else tuple(path for path in named if path)


def with_own_authority(database_url: str) -> str:
    """The URL with libpq's own choice of authorities written out, where it would take the user's file.

    ``~/.postgresql/root.crt`` counts where the mode asks for a check and no other file is named.
    """
    try:
        target, (parts, parameters) = target_of(database_url), parse_url(database_url)
    except ValueError:
        return database_url
    file = Path.home() / ".postgresql" / "root.crt"
    checks = not target.is_socket and target.sslmode in ("require", *VERIFIED)
    if not checks or "sslrootcert" in parameters or not file.is_file():
        return database_url
    return f"{database_url}{'&' if parts['query'] else '?'}sslrootcert={quote(str(file))}"


def _socket_door(engine: Engine, target: Target) -> Door:
    if engine.is_desktop:
        raise SandboxError(
            "The sandbox cannot reach the database: Docker Desktop cannot pass on a Unix socket.",
            "Use a network address in DATABASE_URL, such as postgresql://user@localhost:5432/database.",
        )
    return Door(Target(target.host, target.port, target.sslmode))


def _content(name: str, path: str) -> bytes:
    """A certificate or key; small and readable, and named by a path that means the same everywhere."""
    file = Path(path)
    try:
        if not file.is_absolute():
            raise OSError("its path is not absolute")
        with file.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise OSError(f"it is larger than {LARGEST_FILE // 1024} KB")
    except OSError as error:
        raise SandboxError(
            f"The sandbox cannot reach the database: {name} of its URL cannot be used:"
            f" {error.strerror or error}.",
            f"Write the full path of a file that you may read after {name}= in DATABASE_URL.",
        ) from error
    return content
