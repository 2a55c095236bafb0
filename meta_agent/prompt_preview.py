"""The prompts that a request would send, without asking the model.

They come from the stages themselves, which are run until they ask. What only the model could say
of the request (which data it needs, how complex it is) is taken from the request's own words and
the glossary: where a large schema is cut, a run may show a few other tables.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import Literal

from meta_agent.analyzers.task_analyzer import AnalysisDraft, TaskAnalyzer, asks_for_web_page
from meta_agent.asked_files import files_asked_for, without_files
from meta_agent.contracts import (
    AskedFiles,
    Contract,
    DatabaseSchema,
    ExecutionPlan,
    SimulationConfig,
    TaskAnalysis,
    UserRequest,
)
from meta_agent.databases.base import Database
from meta_agent.generators.script_generator import DatabaseAccess, ScriptGenerator
from meta_agent.llm.chat import Turn
from meta_agent.llm.options import ModelOptions
from meta_agent.llm.recorder import NotAsked, Recorder
from meta_agent.planners.execution_planner import ExecutionPlanner
from meta_agent.rendering import render
from meta_agent.run_steps import PipelineOptions
from meta_agent.schema_prompt import schema_prompt, whole_schema
from meta_agent.schema_relevance import asked_about
from meta_agent.utils.database_inspector import DatabaseInspector, prompt_form

Stage = Literal["analysis", "plan", "query", "function"]
_ANALYSIS = AnalysisDraft(
    primary_goal="", task_type="reporting", data_sources=(), key_entities=(), complexity="SIMPLE"
).model_dump_json()
"""The answer of a model that leaves everything to the request's own words."""


class Prompt(Contract):
    """The two texts of one question to the model."""

    stage: Stage
    system: str
    user: str


class PromptPreview(Contract):
    """What the model would be told."""

    database_schema: str | None
    """Of a preview without a request; None where there is no database."""
    prompts: tuple[Prompt, ...] = ()
    """In the order in which they would be sent; of several drafts of a query the first."""
    warnings: tuple[str, ...] = ()


class PromptPreviewer:
    """Makes previews with the settings of a run."""

    def __init__(self, options: PipelineOptions, model: ModelOptions, database: Database | None) -> None:
        """Reads the structure of the database. Raises DatabaseError."""
        self._options = options
        self._model = model
        self._access: DatabaseAccess | None = None
        if database is not None:
            schema = DatabaseInspector(database, options.cache_dir / "schemas", options.secrets).schema()
            if schema.tables:
                self._access = DatabaseAccess(schema, database.explain, prompt_form, database)

    def schema(self) -> PromptPreview:
        """The whole schema as a prompt would show it if it had the room."""
        if self._access is None:
            return PromptPreview(database_schema=None)
        return PromptPreview(database_schema=whole_schema(self._access.schema, self._options.told))

    def of_request(self, request: UserRequest) -> PromptPreview:
        """What the stages would ask about a request. Raises DatabaseError, NoAnswer."""
        analyst, planner, writer = (Recorder(self._model, given) for given in ((_ANALYSIS,), (), ()))
        files = files_asked_for(request.text, self._schema, has_page=asks_for_web_page(request.text))
        question = without_files(request, files)
        analysis = self._analyzed(analyst, question)
        self._ask_for_plan(planner, question, analysis)
        note = self._ask_for_script(writer, request, analysis, files)
        last: Stage = "query" if self._access and analysis.data_sources else "function"
        stages: list[tuple[Stage, Recorder]] = [("analysis", analyst), ("plan", planner), (last, writer)]
        return PromptPreview(
            database_schema=None,
            prompts=tuple(_prompt(stage, turns) for stage, recorder in stages for turns in recorder.asked),
            warnings=(note,) if note else (),
        )

    def _analyzed(self, model: Recorder, request: UserRequest) -> TaskAnalysis:
        asks_always = not self._options.mechanisms.short_analysis
        conversation, glossary = model.conversation(_system("")), self._options.glossary
        return TaskAnalyzer(conversation, self._schema, glossary, asks_always=asks_always).analyze(request)

    def _ask_for_plan(self, model: Recorder, request: UserRequest, analysis: TaskAnalysis) -> None:
        conversation, options = model.conversation(_system("")), self._options
        planner = ExecutionPlanner(conversation, self._schema, host=options.host, port=options.port)
        with suppress(NotAsked):
            planner.plan(request, analysis)

    @property
    def _schema(self) -> DatabaseSchema | None:
        return self._access.schema if self._access else None

    def _ask_for_script(
        self, model: Recorder, request: UserRequest, analysis: TaskAnalysis, files: AskedFiles
    ) -> str | None:
        """Have the script asked for; what of the schema was left out."""
        access, shown = self._access, None
        if access is not None and analysis.data_sources:
            asked = asked_about(request.text, analysis, self._options.glossary)
            told, room = self._options.told, self._model.context_length
            shown = schema_prompt(access.schema, asked, told, room, access.lookup)
        conversation = model.conversation(_system(shown.text if shown else ""))
        generator = ScriptGenerator(conversation, self._options.glossary, access, self._options.mechanisms)
        with suppress(NotAsked):
            plan = _plan(analysis, files)
            generator.generate(request, analysis, plan, created=datetime.now(timezone.utc))
        return shown.note if shown else None


def _system(schema: str) -> str:
    return render("prompts/system.md.j2", schema=schema)


def _plan(analysis: TaskAnalysis, files: AskedFiles) -> ExecutionPlan:
    return ExecutionPlan(
        plan_name="",
        description="",
        steps=(),
        dependencies=(),
        estimated_lines_of_code=0,
        simulation_config=SimulationConfig(scenarios=()) if analysis.requires_simulation else None,
        files=files,
    )


def _prompt(stage: Stage, turns: tuple[Turn, ...]) -> Prompt:
    """The last question of a conversation; the answers before it are not known."""
    return Prompt(stage=stage, system=turns[0].text, user=turns[-1].text)
