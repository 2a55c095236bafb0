"""The doctor, with faults that really occur: no engine, no server, no database, a broken glossary."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_model import ScriptedModel, unused_url

from meta_agent.databases import Database, open_database
from meta_agent.doctor import Check, run_checks
from meta_agent.errors import ExitCode
from meta_agent.executors.container_executor import SandboxOptions
from meta_agent.llm.options import ModelOptions
from meta_agent.utils.llm_client import LLMClient

NO_ENGINE = SandboxOptions(docker_host="unix:///nowhere/docker.sock")


def no_server() -> LLMClient:
    return LLMClient(ModelOptions(base_url=unused_url(), model="m", api_key="k"))


def no_database() -> Database:
    return open_database("postgresql://ada:secret-7@127.0.0.1:1/estate")


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, Check]:
    checks = run_checks(
        client=no_server,
        database=no_database,
        sandbox=NO_ENGINE,
        glossary_path=tmp_path / "none.yaml",
        runs_dir=tmp_path / "not" / "yet",
        warnings=("Everybody can read .env.",),
    )
    return {check.name: check for check in checks}


def test_everything_is_looked_at_even_if_all_is_broken(broken: dict[str, Check]) -> None:
    assert list(broken) == ["Python", "Settings", "Docker", "Model", "Database", "Glossary", "Disk"]
    assert {name for name, check in broken.items() if check.state == "broken"} == {
        *("Docker", "Model", "Database", "Glossary")
    }


def test_what_is_broken_says_why_and_what_to_do(broken: dict[str, Check]) -> None:
    for check in broken.values():
        assert check.finding
        assert check.state != "broken" or check.remedy


def test_what_is_broken_has_the_exit_status_of_a_run_that_meets_it(broken: dict[str, Check]) -> None:
    assert {name: check.exit_code for name, check in broken.items() if check.exit_code} == {
        "Docker": ExitCode.SANDBOX,
        "Model": ExitCode.MODEL,
        "Database": ExitCode.DATABASE,
        "Glossary": ExitCode.USAGE,
    }


def test_no_password_is_shown(broken: dict[str, Check]) -> None:
    assert "secret-7" not in repr(broken)


def test_a_model_that_answers_and_no_database(tmp_path: Path, project_dir: Path) -> None:
    with ScriptedModel(["One, two, three"], context_length=32768) as server:
        checks = run_checks(
            client=lambda: LLMClient(server.options()),
            database=lambda: None,
            sandbox=NO_ENGINE,
            glossary_path=project_dir / "glossary.yaml",
            runs_dir=tmp_path,
        )
        by_name = {check.name: check for check in checks}
    assert by_name["Model"].state == "ok"
    assert "scripted-coder-7b on llama.cpp, context 32,768" in by_name["Model"].finding
    assert by_name["Database"].state == "warning" and "--demo" in by_name["Database"].remedy
    assert by_name["Glossary"].state == "ok"
    assert by_name["Disk"].finding.endswith("GB free")
