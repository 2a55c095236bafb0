"""What the tests of the whole pipeline share: the model's answers, a small database, a runner."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from postgres_server import RunningPostgres
from sandbox_support import left_behind
from scripted_model import ScriptedModel, ScriptEntry

from meta_agent.contracts import RunRecord, UserRequest
from meta_agent.databases import open_database
from meta_agent.executors.container_executor import SandboxOptions
from meta_agent.glossary import load_glossary
from meta_agent.mechanisms import Mechanisms
from meta_agent.pipeline import Pipeline, PipelineOptions
from meta_agent.sandbox.owner import OWNER_LABEL
from meta_agent.utils.llm_client import LLMClient

PROJECT = Path(__file__).resolve().parents[2]
BASE_IMAGE = "meta-agent/python-base:bookworm"
READER_PASSWORD = "r:e@a/d#e%r ?"
REQUEST = "Show the NOI of every property, largest first"

PORTFOLIO = (
    """CREATE TABLE properties (property_id integer PRIMARY KEY, name text NOT NULL, year_built integer,
           noi numeric(14,2), annual_debt_service numeric(14,2))""",
    """INSERT INTO properties VALUES (1, 'Old Mill', 1911, 98000.10, 103158.00),
           (2, 'Maple Court', 1987, 480250.00, 384200.00), (3, 'Harbour "View"', 2019, NULL, 890000.00)""",
    "GRANT USAGE ON SCHEMA public TO pipeline_reader",
    "GRANT SELECT ON properties TO pipeline_reader",
)

SQL = "SELECT name, noi FROM properties ORDER BY noi DESC NULLS LAST"


def analysis(*tables: str, **changes: Any) -> str:
    """What the model says a request wants."""
    said = {
        "primary_goal": "Show the figures",
        "task_type": "reporting",
        "requires_web_interface": False,
        "requires_simulation": False,
        "data_sources": list(tables),
        "key_entities": [],
        "complexity": "SIMPLE",
        "estimated_execution_time_seconds": 5,
    }
    return json.dumps(said | changes)


def query(sql: str = SQL) -> str:
    return f"```sql\n{sql};\n```"


def function(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\n"


ANSWERS = (analysis("properties"), query())
COMPARED = (*ANSWERS, query())
"""For the program itself, which compares drafts: two that agree are enough."""


@dataclass
class Said:
    """A Progress that remembers its notes."""

    notes: list[str] = field(default_factory=list)

    def stage_started(self, name: str) -> None: ...

    def stage_finished(self, name: str, seconds: float) -> None: ...

    def note(self, message: str) -> None:
        self.notes.append(message)


@dataclass
class Runner:
    """Runs requests through a whole pipeline with a scripted model, asked for one draft of a query."""

    folder: Path
    database_url: str | None = None
    progress: Said = field(default_factory=Said)
    options: dict[str, Any] = field(default_factory=dict)
    time_limit: float = 60.0
    page_port: int = 8080

    def pipeline(self, server: ScriptedModel, **model: Any) -> Pipeline:
        options = PipelineOptions(
            runs_dir=self.folder / "runs",
            cache_dir=self.folder / "cache",
            sandbox=SandboxOptions(
                base_image=BASE_IMAGE, time_limit_seconds=self.time_limit, page_port=self.page_port
            ),
            **{
                "database_url": self.database_url,
                "glossary": load_glossary(PROJECT / "glossary.yaml"),
                "mechanisms": Mechanisms(drafts=1, short_analysis=False),
                **self.options,
            },
        )
        return Pipeline(LLMClient(server.options(**model)), options, self.progress, open_database)

    def run(self, *script: ScriptEntry, request: str = REQUEST, **model: Any) -> RunRecord:
        """One request; the record that is returned is also the one on disk."""
        with ScriptedModel(script) as server:
            record = self.pipeline(server, **model).run(UserRequest(text=request, source="argument"))
        saved = json.loads((Path(record.run_dir) / "run.json").read_text(encoding="utf-8"))
        assert (saved["status"], saved["exit_code"]) == (record.status, record.exit_code)
        return record


def rows_of(record: RunRecord) -> tuple[dict[str, Any], ...]:
    assert record.execution is not None and record.execution.result is not None, record.error
    return record.execution.result.tables[0].rows


def reader_url(server: RunningPostgres, database: str = "pipeline") -> str:
    return server.url(database, "pipeline_reader", READER_PASSWORD)


@pytest.fixture(scope="module")
def portfolio(server: RunningPostgres) -> RunningPostgres:
    """The server, with a small portfolio in the database ``pipeline`` and a role that may only read it."""
    server.create_role("pipeline_reader", READER_PASSWORD)
    server.create_database("pipeline", *PORTFOLIO)
    return server


@pytest.fixture
def runner(portfolio: RunningPostgres, tmp_path: Path) -> Runner:
    """A pipeline over the small portfolio."""
    return Runner(tmp_path, reader_url(portfolio))


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Nothing that this process started is left in the engine."""
    yield
    assert left_behind() == []


def left_by(pid: int) -> list[str]:
    """Names of the containers and volumes that a process with this number has left in the engine."""
    found = []
    for kind in (["ps", "-a"], ["volume", "ls"]):
        name = "{{.Names}}" if kind[0] == "ps" else "{{.Name}}"
        shown = f'{name} {{{{.Label "{OWNER_LABEL}"}}}}'
        command = ["docker", *kind, "--filter", f"label={OWNER_LABEL}", "--format", shown]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        found += [line for line in lines if f"|{pid}|" in line]
    return found
