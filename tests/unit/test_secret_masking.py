"""Passwords on their way through a run: in the request, in the script, in the answer."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from meta_agent.contracts import (
    Column,
    DatabaseSchema,
    ExecutionResult,
    ResultTable,
    ScriptResult,
    Table,
    UserRequest,
    ValidationResult,
)
from meta_agent.runs.journal import Progress, RunJournal
from meta_agent.secret_masking import masked_execution, masked_request, spare_names, verdict_on_secrets

SECRET = "c@nary/7"
GOOD = ValidationResult(
    is_valid=True, security_score=1.0, issues=(), estimated_memory_mb=64, estimated_cpu_cores=0.5
)


class Silent(Progress):
    """Says nothing."""


@pytest.fixture
def run(tmp_path: Path) -> RunJournal:
    return RunJournal("r", tmp_path, datetime.now(timezone.utc), Silent(), [SECRET, "tenants"])


def test_a_request_without_a_secret_is_the_same(run: RunJournal) -> None:
    request = UserRequest(text="How many?", source="argument")
    assert masked_request(request, run) is request
    assert (run.request, run.warnings) == ("r", [])


def test_a_request_with_a_secret_is_masked_wherever_it_is_kept(run: RunJournal) -> None:
    masked = masked_request(UserRequest(text=f"Log in as c%40nary%2F7 or {SECRET}", source="argument"), run)
    assert masked.text == run.request == "Log in as **** or ****"
    assert run.warnings == ["The request had a password in it: it was replaced by ****."]


def test_a_script_with_a_secret_is_refused_at_its_line() -> None:
    verdict = verdict_on_secrets(GOOD, f"x = 1\ny = {SECRET!r}\n", [SECRET])
    assert (verdict.is_valid, verdict.security_score) == (False, 0.0)
    assert [(issue.severity, issue.line) for issue in verdict.issues] == [("BLOCK", 2)]
    assert SECRET not in repr(verdict)


def test_a_script_without_one_keeps_its_verdict() -> None:
    assert verdict_on_secrets(GOOD, "x = 1\n", [SECRET]) is GOOD


@pytest.mark.parametrize("name", ["tenants", "Tenants", "the_tenants"])
def test_a_password_that_is_a_name_of_the_database_is_told_and_not_masked(name: str, run: RunJournal) -> None:
    table = Table(schema_name="public", name=name, columns=(Column(name="id", type="integer"),))
    run.schema = DatabaseSchema(database="d", default_schema="public", fingerprint="f", tables=(table,))
    spare_names(run)
    assert run.secrets == [SECRET]
    assert len(run.warnings) == 1 and "cannot be masked" in run.warnings[0]


def test_other_passwords_stay_hidden(run: RunJournal) -> None:
    spare_names(run)
    assert (run.secrets, run.warnings) == ([SECRET, "tenants"], [])


def test_an_answer_is_masked_in_values_and_in_the_names_the_script_chose(tmp_path: Path) -> None:
    table = ResultTable(title=SECRET, columns=("rows", SECRET), rows=({"rows": SECRET, SECRET: 7},))
    answer = ScriptResult(tables=(table,), summary={SECRET: [SECRET], "summary": 1})
    result = ExecutionResult(status="ok", exit_code=0, result=answer, output="", error_output="", seconds=1.0)
    masked = masked_execution(result, tmp_path, [SECRET, "summary"]).result
    assert masked is not None
    assert masked.tables[0].model_dump() == {
        "title": "****",
        "columns": ("rows", "****"),
        "rows": ({"rows": "****", "****": 7},),
    }
    assert set(masked.summary) == {"****"}


def test_no_answer_stays_none(tmp_path: Path) -> None:
    result = ExecutionResult(
        status="failed", exit_code=1, result=None, output="", error_output="", seconds=1.0
    )
    assert masked_execution(result, tmp_path, [SECRET]) == result
