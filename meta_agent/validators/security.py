"""Second layer: everything about security but the SQL, one check after the other."""

from __future__ import annotations

from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.credentials import check_credentials
from meta_agent.validators.exposure import check_exposure
from meta_agent.validators.files import check_files
from meta_agent.validators.introspection import check_introspection
from meta_agent.validators.reach import check_reach
from meta_agent.validators.reading import Script
from meta_agent.validators.running import check_running


def check_security(script: Script) -> Iterator[ValidationIssue]:
    """Findings of every security check."""
    yield from check_reach(script)
    yield from check_introspection(script)
    yield from check_credentials(script)
    yield from check_files(script)
    yield from check_exposure(script)
    yield from check_running(script)


def check_obscurity(script: Script) -> Iterator[ValidationIssue]:
    """To be asked last: whether some value took too long to work out."""
    if script.evaluator.exhausted:
        yield rules.OBSCURED_CODE.at(None, "Some values take too many steps to work out; write them plainly.")
