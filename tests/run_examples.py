"""Run folders with records in them, as runs leave them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

from meta_agent.contracts import (
    ExecutionResult,
    GeneratedScript,
    Provenance,
    ResultTable,
    RunRecord,
    ScriptResult,
    SqlQuery,
)
from meta_agent.runs.provenance import sha256_of, text_sha256
from meta_agent.runs.store import save_record

SQL = "SELECT name, noi FROM properties ORDER BY noi DESC"
SOURCE = "print('Größe')\n"
ROWS: tuple[dict[str, Any], ...] = (
    {"name": "Old Mill", "noi": Decimal("98000.10")},
    {"name": "Maple Court", "noi": Decimal("1234567890123456.10")},
)


def run_id(number: int) -> str:
    """One run a minute from the first of March on."""
    begun = datetime(2026, 3, 1, tzinfo=timezone.utc) + timedelta(minutes=number)
    return f"script_{begun:%Y%m%d_%H%M%S}"


def record(folder: Path, **changes: Any) -> RunRecord:
    """A good run, whose folder has the id as its name."""
    begun = datetime.strptime(folder.name[7:22], "%Y%m%d_%H%M%S").replace(tzinfo=timezone.utc)
    said = {
        "run_id": folder.name,
        "run_dir": str(folder),
        "started_at": begun,
        "finished_at": begun + timedelta(seconds=1.5),
        "status": "ok",
        "exit_code": 0,
        "request": "Show the NOI of every property",
        "model": "a-model",
        "schema_fingerprint": "f",
        "script": GeneratedScript(
            source=SOURCE, template="console_report", queries=(SqlQuery(title="NOI", sql=SQL),)
        ),
        "execution": ExecutionResult(
            status="ok",
            exit_code=0,
            result=ScriptResult(
                tables=(ResultTable(title="NOI", columns=("name", "noi"), rows=ROWS),), summary={"Rows": 2}
            ),
            output="",
            error_output="",
            files=("results/result.json",),
            seconds=0.1,
        ),
    }
    return RunRecord.model_validate({**said, **changes})


def make_run(runs_dir: Path, number: int, *, hashed: bool = True, **changes: Any) -> Path:
    """A whole run folder; ``hashed`` False: as an earlier version left it."""
    folder = runs_dir / run_id(number)
    (folder / "results").mkdir(parents=True)
    (folder / "script.py").write_text(SOURCE, encoding="utf-8")
    (folder / "results" / "result.json").write_text('{"tables": []}', encoding="utf-8")
    known = Provenance(
        script_sha256=text_sha256(SOURCE),
        files={"results/result.json": sha256_of(folder / "results" / "result.json")},
        rows=(2,),
        image="sha256:abc",
    )
    save_record(record(folder, **{"provenance": known if hashed else None, **changes}))
    return folder
