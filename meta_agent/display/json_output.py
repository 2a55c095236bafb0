"""The JSON object of ``--json``: stable, documented in README.md."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from meta_agent.contracts import ErrorReport, LlmUsage, RunRecord, ValidationResult
from meta_agent.errors import ExitCode


def record_as_json(record: RunRecord) -> dict[str, Any]:
    """A run as the object that ``--json`` prints."""
    execution = record.execution
    result = execution.result if execution else None
    return {
        "status": record.status,
        "exit_code": record.exit_code,
        "run_id": record.run_id,
        "run_dir": record.run_dir,
        "request": record.request,
        "analysis": _dumped(record.analysis),
        "plan": _dumped(record.plan),
        "validation": _dumped(record.validation),
        "tables": [table.model_dump() for table in result.tables] if result else [],
        "summary": result.summary if result else {},
        "files": list(execution.files) if execution else [],
        "usage": record.usage.model_dump(),
        "timings": record.timings,
        "warnings": list(record.warnings),
        "error": _dumped(record.error),
    }


def error_as_json(report: ErrorReport, exit_code: ExitCode, request: str) -> dict[str, Any]:
    """The same object for an error that came before there was a run."""
    return {
        "status": "interrupted" if exit_code == ExitCode.INTERRUPTED else "failed",
        "exit_code": int(exit_code),
        "run_id": None,
        "run_dir": None,
        "request": request,
        "analysis": None,
        "plan": None,
        "validation": None,
        "tables": [],
        "summary": {},
        "files": [],
        "usage": LlmUsage().model_dump(),
        "timings": {},
        "warnings": [],
        "error": report.model_dump(),
    }


def verdict_as_json(verdict: ValidationResult) -> dict[str, Any]:
    """The object that ``validate --json`` prints."""
    return verdict.model_dump()


def _dumped(contract: BaseModel | None) -> dict[str, Any] | None:
    return None if contract is None else contract.model_dump()
