"""Every library a script may use works behind the sandbox's walls, its list of system calls above all.

One image holds them all. The scripts lie in ``sandbox_libraries``: each asserts what it did.
"""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import re
from pathlib import Path

import pytest
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from sandbox_support import Sandbox

from meta_agent.generators.dockerfile_generator import PACKAGE_TEMPLATES, pin_requirements

pytestmark = [pytest.mark.docker, pytest.mark.database]

SCRIPTS = sorted((Path(__file__).parent / "sandbox_libraries").glob("*.py"))
NAMES = re.findall(r"^([\w-]+)==", (PACKAGE_TEMPLATES / "known_packages.txt").read_text(), re.MULTILINE)
MODULES = {
    "bootstrap-flask": "flask_bootstrap",
    "psycopg2-binary": "psycopg2",
    "python-dateutil": "dateutil",
    "python-dotenv": "dotenv",
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_library_works_in_the_sandbox(script: Path, server: RunningPostgres, tmp_path: Path) -> None:
    sandbox = Sandbox(tmp_path, requirements=pin_requirements(NAMES).requirements)
    result = sandbox.run(script.read_text(), database_url=server.url(), memory_mb=512)
    assert (result.status, result.error_output.count("Traceback")) == ("ok", 0), result.error_output


def test_no_known_library_is_left_out() -> None:
    text = "\n".join(script.read_text() for script in SCRIPTS)
    imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    assert {MODULES.get(name, name) for name in NAMES} - imported == set()
