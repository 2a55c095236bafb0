"""All runs at a glance: an index over the run folders, which is only a cache of what their records say.

Each look compares the folders with it and reads the records that are new or were written anew; so a
lost, damaged or old index costs some time and nothing else. Where it cannot be used, the folders are
read instead.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from meta_agent.local_database import Layout, LocalDatabase
from meta_agent.runs.provenance import text_sha256
from meta_agent.runs.store import RECORD_NAME, RunFolder, read_json, run_folders
from meta_agent.runs.unfinished import NAME as UNFINISHED_NAME

UNFINISHED, UNREADABLE = "unfinished", "unreadable"
"""Of a run that goes on or was killed, and of one whose record cannot be read."""
_LAYOUT = Layout(
    table="runs",
    format=1,
    make=(
        """CREATE TABLE IF NOT EXISTS runs (
            run_id TEXT PRIMARY KEY, stamp TEXT NOT NULL, summary TEXT NOT NULL
        ) WITHOUT ROWID""",
    ),
)

Known = dict[str, tuple[str, "RunSummary"]]
"""Stamp of the record and what it said, by the run's id."""
_NOTHING: Known = {}


@dataclass(frozen=True)
class RunSummary:
    """What a list of runs shows, and what leads from one run to another."""

    run_id: str
    started_at: str
    """ISO 8601 with the offset of its day."""
    status: str
    """As in RunRecord, or UNFINISHED, UNREADABLE."""
    seconds: float | None = None
    request: str = ""
    rows: int | None = None
    """Of the whole answer; None where there is none."""
    model: str | None = None
    reused_from: str | None = None
    repeats: str | None = None
    question: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    script_sha256: str | None = None
    image: str | None = None

    @property
    def moment(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.started_at)

    @property
    def has_answered(self) -> bool:
        """Whether it left an answer that a later one can be held against."""
        return self.status == "ok" and self.rows is not None

    def matches(self, words: Iterable[str]) -> bool:
        """Whether all words stand in the request, the run's id or the question's name, in any case."""
        text = " ".join((self.request, self.run_id, self.question or "")).casefold()
        return all(word.casefold() in text for word in words)


class RunIndex:
    """The index of one folder of runs."""

    def __init__(self, runs_dir: Path, cache_dir: Path) -> None:
        self._runs_dir = runs_dir
        name = hashlib.sha256(str(runs_dir).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self._database = LocalDatabase(cache_dir / "runs" / f"{name}.sqlite", _LAYOUT)

    def runs(self) -> list[RunSummary]:
        """All runs there are, the newest first. Raises UsageError where their folder cannot be read."""
        folders = {folder.name: folder for folder in run_folders(self._runs_dir)}
        known = self._database.run(_read_all, _NOTHING)
        wanted = [f for f in folders.values() if f.name not in known or known[f.name][0] != f.stamp]
        fresh = {folder.name: (folder.stamp, summary_of(folder)) for folder in wanted}
        gone = known.keys() - folders.keys()
        if fresh or gone:
            self._database.run(lambda connection: _write(connection, fresh, gone), None)
        found = {name: summary for name, (_, summary) in {**known, **fresh}.items() if name in folders}
        return sorted(found.values(), key=lambda run: (run.moment, run.run_id), reverse=True)


def summary_of(folder: RunFolder) -> RunSummary:
    """What a run's record says, as far as it can be read."""
    begun = folder.begun or datetime.fromtimestamp(0, timezone.utc)
    nothing = RunSummary(folder.name, begun.isoformat(), UNREADABLE if folder.stamp else UNFINISHED)
    content = read_json(folder.path / (RECORD_NAME if folder.stamp else UNFINISHED_NAME))
    try:
        known = nothing if content is None else _read(folder.name, content)
    except (KeyError, TypeError, ValueError, AttributeError):  # another form than any version has written
        return nothing
    return known if folder.stamp else replace(nothing, request=known.request)


def _read(run_id: str, content: dict[str, Any]) -> RunSummary:
    started, finished = (datetime.fromisoformat(content[name]) for name in ("started_at", "finished_at"))
    if started.tzinfo is None or not isinstance(content["request"], str):
        raise ValueError("no record of ours")
    result = (content.get("execution") or {}).get("result") or {}
    provenance, script = content.get("provenance") or {}, content.get("script")
    recorded = provenance.get("script_sha256") or (text_sha256(script["source"]) if script else None)
    return RunSummary(
        run_id=run_id,
        started_at=content["started_at"],
        status=str(content["status"]),
        seconds=round((finished - started).total_seconds(), 3),
        request=content["request"],
        rows=sum(len(table["rows"]) for table in result["tables"]) if result else None,
        model=content.get("model"),
        reused_from=content.get("reused_from"),
        repeats=content.get("repeats"),
        question=content.get("question"),
        parameters=dict(content.get("parameters") or {}),
        script_sha256=recorded,
        image=provenance.get("image"),
    )


def _read_all(connection: sqlite3.Connection) -> Known:
    """What can be understood of it; the rest is read from the folders again."""
    known: Known = {}
    for run_id, stamp, summary in connection.execute("SELECT run_id, stamp, summary FROM runs"):
        with suppress(TypeError, ValueError):
            known[run_id] = (stamp, RunSummary(**json.loads(summary)))
    return known


def _write(connection: sqlite3.Connection, fresh: Known, gone: Iterable[str]) -> None:
    """All or nothing: a process that is killed here leaves the index as it was."""
    connection.executemany("DELETE FROM runs WHERE run_id = ?", [(name,) for name in gone])
    connection.executemany(
        "INSERT OR REPLACE INTO runs (run_id, stamp, summary) VALUES (?, ?, ?)",
        [(name, stamp, json.dumps(asdict(summary))) for name, (stamp, summary) in fresh.items()],
    )
