"""A run, a verdict and checks as the display tests show them, and consoles that write into memory."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from meta_agent.contracts import (
    ErrorReport,
    ExecutionResult,
    GeneratedScript,
    LlmUsage,
    ResultTable,
    RunRecord,
    ScriptResult,
    ValidationIssue,
    ValidationResult,
)
from meta_agent.doctor import Check
from meta_agent.errors import ExitCode
from meta_agent.glossary import Glossary, load_glossary

PROJECT = Path(__file__).parents[3]
GOLDEN = PROJECT / "tests" / "golden" / "display"
RUN_DIR = "/home/ada/portfolio questions/generated_scripts/script_20260301_101500"


def terminal(width: int = 80, *, colour: bool = False) -> Console:
    """A terminal of that width; without colours, so that what is shown can be read in a file."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=True,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )


def pipe() -> Console:
    """What is no terminal."""
    return Console(file=io.StringIO(), width=100_000, highlight=False, markup=False, emoji=False, _environ={})


def text_of(console: Console) -> str:
    """All that was printed."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def glossary() -> Glossary:
    return load_glossary(PROJECT / "glossary.yaml")


def table(rows: list[dict[str, Any]], title: str = "Table") -> ResultTable:
    return ResultTable(title=title, columns=tuple(rows[0]) if rows else ("a",), rows=tuple(rows))


def dscr_rows() -> list[dict[str, Any]]:
    figures = (
        ("Harbour View Apartments", 2019, "1250000.00", "890000.00", "1.4045", "Strong"),
        ("Maple Court", 1987, "480250.75", "384200.00", "1.2500", "Strong"),
        ("Riverside Offices", 2004, "905000.00", "724050.00", "1.2499", "Acceptable"),
        ("Old Mill", 1911, "98000.10", "103158.00", "0.9500", "Risky"),
        ("東京タワービル", 1995, "2100000.00", None, None, None),
    )
    names = ("property_name", "year_built", "noi", "annual_debt_service", "dscr", "dscr_rating")
    return [
        dict(zip(names, (name, year, *(d and Decimal(d) for d in numbers), rating), strict=True))
        for name, year, *numbers, rating in figures
    ]


def execution(**changes: Any) -> ExecutionResult:
    given: dict[str, Any] = {
        "status": "ok",
        "exit_code": 0,
        "result": ScriptResult(
            tables=(table(dscr_rows(), "Debt service coverage of every property"),),
            summary={
                "Rows": 5,
                "Total noi": Decimal("4833250.85"),
                "Overall dscr": Decimal("1.3009"),
                "dscr Strong": 2,
                "Weakest": "Old Mill",
            },
        ),
        "output": "",
        "error_output": "",
        "seconds": 0.61,
    }
    return ExecutionResult(**(given | changes))


def script(**changes: Any) -> GeneratedScript:
    given: dict[str, Any] = {
        "source": "print(1)\n",
        "template": "console_report",
        "assumptions": ("DSCR = noi / annual debt service", "only rows where p.status = 'owned'"),
        "repairs": ("m.net_income does not exist; m.noi was meant",),
    }
    return GeneratedScript(**(given | changes))


def verdict(*, is_valid: bool = True) -> ValidationResult:
    issues = (
        ValidationIssue(rule="no-logging", severity="LOW", line=None, message="The script logs nothing."),
        ValidationIssue(
            rule="system-command",
            severity="BLOCK",
            line=12,
            message="os.system starts another program; a script for the sandbox must not.",
        ),
    )
    return ValidationResult(
        is_valid=is_valid,
        security_score=0.95 if is_valid else 0.0,
        issues=issues[: 1 if is_valid else 2],
        estimated_memory_mb=128,
        estimated_cpu_cores=0.5,
    )


def record(**changes: Any) -> RunRecord:
    started = datetime(2026, 3, 1, 10, 15, tzinfo=timezone.utc)
    given: dict[str, Any] = {
        "run_id": "script_20260301_101500",
        "run_dir": RUN_DIR,
        "started_at": started,
        "finished_at": started + timedelta(seconds=17.234),
        "status": "ok",
        "exit_code": 0,
        "request": "Calculate the DSCR of every property",
        "model": "qwen2.5-coder-7b-instruct-mlx",
        "schema_fingerprint": "0123",
        "script": script(),
        "validation": verdict(),
        "execution": execution(),
        "usage": LlmUsage(llm_calls=3, prompt_tokens=1677, cached_prompt_tokens=1342, completion_tokens=140),
        "timings": {"schema": 0.083, "model": 0.4, "analysis": 8.7, "planning": 0.0, "execution": 0.9},
        "warnings": (
            'The role "ada" may write to sales and 4 more. Give the tool a role that may only read.',
        ),
    }
    return RunRecord(**(given | changes))


ERROR = ErrorReport(
    title="The model is not available",
    cause="No model server answers at http://localhost:1234/v1 (refused), so nothing was asked.",
    remedy="Start LM Studio, load qwen2.5-coder-7b-instruct-mlx and start its server; or try --demo.",
)

CHECKS = (
    Check("Python", "ok", "3.12.4"),
    Check("Docker", "broken", "No Docker engine answers.", "Start Docker Desktop.", ExitCode.SANDBOX),
    Check("Model", "ok", "qwen2.5-coder-7b-instruct-mlx on LM Studio, context 32,768, 41 tokens/s"),
    Check(
        "Database",
        "warning",
        "estate on PostgreSQL 16.4, 12 tables. The role ada is a superuser and may do anything.",
        "Give the tool a role that may only read.",
    ),
)
