"""Whether the gateway can lead to the database of a URL, found out before anything is started."""

from __future__ import annotations

from meta_agent.errors import SandboxError
from meta_agent.sandbox.engine import Engine
from meta_agent.templates.package.gateway import Target, parse_url, target_of

HOST_FILES = ("sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir")
"""Parameters that name files of this machine, which the gateway does not see."""


def database_target(engine: Engine, database_url: str | None) -> Target | None:
    """The one address the gateway leads to; None without a database. Raises SandboxError."""
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
    files = [name for name in HOST_FILES if parameters.get(name, "system") != "system"]
    if files and not target.is_socket:
        raise SandboxError(
            f"The sandbox cannot reach the database: {files[0]} in its URL names a file of this machine.",
            "Use sslrootcert=system or sslmode=require, and a login with a password.",
        )
    if target.is_socket and engine.is_desktop:
        raise SandboxError(
            "The sandbox cannot reach the database: Docker Desktop cannot pass on a Unix socket.",
            "Use a network address in DATABASE_URL, such as postgresql://user@localhost:5432/database.",
        )
    return target
