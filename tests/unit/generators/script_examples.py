"""Runs the generator with a scripted model; the database check is a fake that accepts what a test lets it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from sample_schema import PORTFOLIO
from scripted_model import ScriptedModel, ScriptEntry

from meta_agent.asked_files import files_asked_for
from meta_agent.contracts import (
    DatabaseSchema,
    ExecutionPlan,
    ExecutionStep,
    GeneratedScript,
    Scenario,
    SimulationConfig,
    TaskAnalysis,
    UserRequest,
)
from meta_agent.databases.base import Lookup
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator
from meta_agent.glossary import load_glossary
from meta_agent.mechanisms import Mechanisms
from meta_agent.planners.execution_planner import usual_dependencies
from meta_agent.utils.llm_client import LLMClient

GLOSSARY = load_glossary(Path(__file__).parents[3] / "glossary.yaml")
CREATED = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)


@dataclass
class FakeExplain:
    """Stands for PostgreSQL's EXPLAIN: refuses the queries that hold one of the given texts."""

    refused: dict[str, str] = field(default_factory=dict)
    """Text of a query to the message it earns."""
    asked: list[str] = field(default_factory=list)

    def __call__(self, sql: str) -> str | None:
        self.asked.append(sql)
        return next((message for text, message in self.refused.items() if text in sql), None)


def analysis(
    *,
    tables: tuple[str, ...] = ("properties",),
    complexity: Literal["SIMPLE", "MEDIUM", "COMPLEX"] = "SIMPLE",
) -> TaskAnalysis:
    return TaskAnalysis(
        primary_goal="Answer it",
        task_type="reporting",
        requires_web_interface=False,
        requires_simulation=False,
        data_sources=tables,
        key_entities=(),
        complexity=complexity,
        estimated_execution_time_seconds=5,
    )


def plan(
    *scenarios: Scenario, name: str = "The report", database: bool = True, asked: str = ""
) -> ExecutionPlan:
    """``asked``: the request whose files are planned."""
    files = files_asked_for(asked)
    return ExecutionPlan(
        plan_name=name,
        description="Answer it",
        steps=(ExecutionStep(number=1, description="Do it."),),
        dependencies=usual_dependencies(files, needs_data=database),
        files=files,
        estimated_lines_of_code=150,
        simulation_config=SimulationConfig(scenarios=scenarios) if scenarios else None,
    )


def describe(schema: DatabaseSchema) -> str:
    return "TABLES: " + ", ".join(table.name for table in schema.tables)


def generate(
    replies: Iterable[ScriptEntry],
    request: str,
    *,
    made_plan: ExecutionPlan | None = None,
    made_analysis: TaskAnalysis | None = None,
    explain: Callable[[str], str | None] | None = None,
    problem: str | None = None,
    schema: DatabaseSchema = PORTFOLIO,
    lookup: Lookup | None = None,
    drafts: int = 1,
) -> tuple[GeneratedScript, ScriptedModel]:
    """The script, and the model with the calls it got."""
    with ScriptedModel(replies) as model:
        conversation = LLMClient(model.options(max_tokens=2000)).conversation("You are careful.")
        access = DatabaseAccess(schema, explain or FakeExplain(), describe, lookup)
        script = ScriptGenerator(conversation, GLOSSARY, access, Mechanisms(drafts=drafts)).generate(
            UserRequest(text=request, source="argument"),
            made_analysis or analysis(),
            made_plan or plan(),
            created=CREATED,
            problem=problem,
        )
    return script, model


def sql_block(sql: str) -> str:
    return f"```sql\n{sql}\n```"


def python_block(code: str) -> str:
    return f"```python\n{code}\n```"
