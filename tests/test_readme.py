"""What README.md says about the program is what the program says about itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config import Settings
from meta_agent.contracts import ErrorReport
from meta_agent.display.json_output import error_as_json
from meta_agent.errors import ExitCode
from meta_agent.questions.library import SHIPPED
from meta_agent.questions.question_file import read_question

PROJECT = Path(__file__).resolve().parent.parent
README = PROJECT / "README.md"
DOCUMENTS = (README, *sorted((PROJECT / "docs").glob("*.md")))


def block_after(marker: str) -> str:
    """The fenced block that follows ``<!-- marker -->``."""
    found = re.search(_block(marker), README.read_text(encoding="utf-8"))
    assert found is not None, f"README.md has no fenced block after <!-- {marker} -->"
    return found.group(2)


def _block(marker: str) -> str:
    return rf"(<!-- {marker} -->\n+```\w*\n)([\s\S]*?)\n```"


def variables() -> list[str]:
    """Every setting as its environment variable."""
    fields = Settings.model_fields.items()
    return [str(field.validation_alias or name).upper() for name, field in fields]


def test_the_help_is_the_real_one() -> None:
    shown = subprocess.run(
        [sys.executable, str(PROJECT / "script_executor.py"), "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "80"},
    ).stdout.strip()
    if os.environ.get("UPDATE_GOLDEN"):
        text = README.read_text(encoding="utf-8")
        new = re.sub(_block("help"), lambda found: f"{found.group(1)}{shown}\n```", text)
        README.write_text(new, encoding="utf-8")
    assert block_after("help").strip() == shown


def test_the_json_object_has_the_keys_of_the_real_one() -> None:
    documented = json.loads(block_after("json"))
    real = error_as_json(ErrorReport(title="t", cause="c", remedy="r"), ExitCode.USAGE, "x")
    assert list(documented) == list(real)
    assert list(documented["usage"]) == list(real["usage"])


def test_the_question_is_one(tmp_path: Path) -> None:
    (tmp_path / "lease-expiries.yaml").write_text(block_after("question"), encoding="utf-8")
    question = read_question(tmp_path / "lease-expiries.yaml")
    assert [parameter.name for parameter in question.parameters] == ["year"]


def test_the_shipped_templates_are_named() -> None:
    text = README.read_text(encoding="utf-8")
    assert [file.stem for file in SHIPPED.glob("*.yaml") if f"`{file.stem}`" not in text] == []


@pytest.mark.parametrize("variable", variables())
def test_every_setting_is_explained(variable: str) -> None:
    assert f"`{variable}`" in README.read_text(encoding="utf-8")
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    assert re.search(rf"^#? ?{variable}=", example, re.MULTILINE)


def test_the_example_file_names_no_setting_that_does_not_exist() -> None:
    example = (PROJECT / ".env.example").read_text(encoding="utf-8")
    named = re.findall(r"^(?:# )?([A-Z][A-Z_]+)=", example, re.MULTILINE)
    assert set(named) == set(variables())


def test_every_exit_code_is_explained() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [int(code) for code in ExitCode if not re.search(rf"\| {int(code)} \|", text)]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_exists(document: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", document.read_text("utf-8"), re.MULTILINE))
    assert {name for pair in named for name in pair if name} <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_into_the_project_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []
