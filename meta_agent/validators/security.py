"""Second layer: everything about security but the SQL, one check after the other."""

from __future__ import annotations

from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.connections import check_connections
from meta_agent.validators.credentials import check_credentials
from meta_agent.validators.exposure import check_exposure
from meta_agent.validators.files import check_files
from meta_agent.validators.introspection import check_introspection
from meta_agent.validators.logging_setup import check_logging_setup
from meta_agent.validators.reach import check_reach
from meta_agent.validators.reading import Script
from meta_agent.validators.recursion import check_recursion
from meta_agent.validators.running import check_running
from meta_agent.validators.servers import check_servers
from meta_agent.validators.sizes import check_sizes


def check_security(script: Script) -> Iterator[ValidationIssue]:
    """Findings of every security check."""
    yield from check_reach(script)
    yield from check_introspection(script)
    yield from check_credentials(script)
    yield from check_files(script)
    yield from check_exposure(script)
    yield from check_connections(script)
    yield from check_logging_setup(script)
    yield from check_servers(script)
    yield from check_running(script)
    yield from check_recursion(script)
    yield from check_sizes(script)


def check_obscurity(script: Script) -> Iterator[ValidationIssue]:
    """To be asked last: whether some value took too long to work out."""
    if script.evaluator.exhausted:
        yield rules.OBSCURED_CODE.at(None, "Some values take too many steps to work out; write them plainly.")
