"""Stage 2: the analysis becomes an ExecutionPlan.

A report over tables always goes the same way, so its plan needs no model. The model
is asked where there is something to work out: the scenarios of a what-if, or work
that the analysis calls complex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from meta_agent.asked_files import chart_kind, packages_for
from meta_agent.contracts import (
    AskedFiles,
    Contract,
    DatabaseSchema,
    ExecutionPlan,
    ExecutionStep,
    Scenario,
    SimulationConfig,
    TaskAnalysis,
    UserRequest,
    WebServerConfig,
)
from meta_agent.errors import NoAnswer
from meta_agent.glossary import normalise
from meta_agent.rendering import render
from meta_agent.what_if import Change, percent_changes

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

NO_FILES = AskedFiles()
_LONGEST_QUANTITY = 60
_WEB_PACKAGES = ("flask", "bootstrap-flask", "waitress", "xlsxwriter")
_LINES = {"SIMPLE": 150, "MEDIUM": 180, "COMPLEX": 240}


class PlanDraft(Contract):
    """What the model is asked for; the rest of the plan follows from the analysis."""

    plan_name: str = Field(max_length=120)
    steps: tuple[str, ...] = Field(min_length=1, max_length=6)


class SimulationDraft(PlanDraft):
    """A draft with the scenarios of a what-if."""

    scenarios: tuple[Scenario, ...] = Field(min_length=1, max_length=8)


class ExecutionPlanner:
    """Makes the plan, with the model's help where it takes any."""

    def __init__(
        self, conversation: Conversation, schema: DatabaseSchema | None, *, host: str, port: int
    ) -> None:
        self._conversation = conversation
        self._schema = schema
        self._host = host
        self._port = port

    def plan(
        self, request: UserRequest, analysis: TaskAnalysis, files: AskedFiles = NO_FILES
    ) -> ExecutionPlan:
        """The plan for an analysed request that wants these files.

        Raises ModelError where three tries gave no valid draft, NoAnswer where the change
        that a what-if supposes cannot be made out.
        """
        draft = self._draft(request, analysis)
        web = WebServerConfig(host=self._host, port=self._port) if analysis.requires_web_interface else None
        return ExecutionPlan(
            plan_name=draft.plan_name,
            description=analysis.primary_goal,
            steps=tuple(ExecutionStep(number=n, description=text) for n, text in enumerate(draft.steps, 1)),
            dependencies=usual_dependencies(
                files, needs_data=bool(analysis.data_sources), web=analysis.requires_web_interface
            ),
            estimated_lines_of_code=_LINES[analysis.complexity],
            web_server_config=web,
            simulation_config=SimulationConfig(scenarios=draft.scenarios)
            if isinstance(draft, SimulationDraft)
            else None,
            files=_with_hint(files, draft.steps),
        )

    def _draft(self, request: UserRequest, analysis: TaskAnalysis) -> PlanDraft:
        if analysis.requires_simulation and not _is_form(request.text, analysis):
            return self._simulation_draft(request, analysis)
        if analysis.complexity == "COMPLEX":
            prompt = render("prompts/plan.md.j2", simulation=False, request=request.text)
            return self._conversation.ask_json(prompt, PlanDraft, max_tokens=400, attempts=3)
        return PlanDraft(plan_name=analysis.primary_goal[:120], steps=_usual_steps(analysis))

    def _simulation_draft(self, request: UserRequest, analysis: TaskAnalysis) -> SimulationDraft:
        columns = self._numeric_columns(analysis)
        prompt = render("prompts/plan.md.j2", simulation=True, request=request.text, columns=columns)
        draft = self._conversation.ask_json(prompt, SimulationDraft, max_tokens=500, attempts=3)
        scenarios = tuple(_checked_scenarios(draft.scenarios, request.text, columns))
        if not scenarios:
            raise NoAnswer(
                "The request supposes a change, but not by how many percent of what.",
                'Say it like this: "... if NOI fell by 10 %".',
            )
        return draft.model_copy(update={"scenarios": scenarios})

    def _numeric_columns(self, analysis: TaskAnalysis) -> tuple[str, ...]:
        if self._schema is None:
            return ()
        wanted = [t for t in self._schema.tables if t.name in analysis.data_sources] or self._schema.tables
        names = (c.name for t in wanted for c in t.columns if _is_quantity(c.name, c.type))
        return tuple(dict.fromkeys(names))[:40]


def usual_dependencies(
    files: AskedFiles = NO_FILES, *, needs_data: bool, web: bool = False
) -> tuple[str, ...]:
    """The packages that a script of ours needs, known before there is a plan.

    ``web``: a page is asked for; there is one over data only.
    """
    if not needs_data:
        return ("simplejson", *packages_for(files))
    page = _WEB_PACKAGES if web else ()
    return ("psycopg2-binary", "simplejson", *page, *packages_for(files))


def _with_hint(files: AskedFiles, steps: tuple[str, ...]) -> AskedFiles:
    """The files, with the kind of chart that the plan speaks of where the request left it open."""
    said = chart_kind(" ".join(steps)) if files.chart == "fitting" else None
    return files.model_copy(update={"chart": said}) if said else files


def _is_form(text: str, analysis: TaskAnalysis) -> bool:
    """Whether a what-if without figures is a form on a page: its figures are typed in there."""
    return analysis.requires_web_interface and not percent_changes(text)


def _is_quantity(name: str, sql_type: str) -> bool:
    numeric = re.match(r"(numeric|decimal|double|real|money|integer|bigint|smallint|float)", sql_type.lower())
    return numeric is not None and not re.search(r"(^|_)id$", name.lower())


def _usual_steps(analysis: TaskAnalysis) -> tuple[str, ...]:
    if not analysis.data_sources:
        return ("Compute the answer.", "Print it and write result.json.")
    return (
        f"Read {', '.join(analysis.data_sources)} with one query.",
        "Rate and total the figures where that means something.",
        "Print the table and its summary, and write result.json.",
    )


def _checked_scenarios(
    claimed: tuple[Scenario, ...], text: str, columns: tuple[str, ...]
) -> Iterator[Scenario]:
    """One scenario for each change that the request words, in each direction it leaves open.

    Only the quantity is taken from the model, and only where the request does not name a column.
    """
    seen: set[tuple[str, float]] = set()
    for change in percent_changes(text):
        matching = [s for s in claimed if abs(s.change_percent) == change.percent] or list(claimed)
        quantity = _quantity(change, matching, columns)
        for direction in change.directions:
            percent = direction * change.percent
            if (quantity, percent) not in seen:
                seen.add((quantity, percent))
                yield Scenario(name=f"{quantity} {percent:+g} %", quantity=quantity, change_percent=percent)


def _quantity(change: Change, claimed: list[Scenario], columns: tuple[str, ...]) -> str:
    """What changes: the column that the words around the percentage name, else what the model says."""
    clause = f" {normalise(change.clause)} "
    named = [column for column in columns if f" {normalise(column)} " in clause]
    longest = [c for c in named if len(c) == max(map(len, named))]
    if len(longest) == 1:
        return longest[0]
    spoken = [s.quantity for s in claimed if f" {normalise(s.quantity)} " in clause]
    quantity = spoken[0] if spoken else claimed[0].quantity
    return " ".join(re.sub(r"[\[\]]", " ", quantity).split())[:_LONGEST_QUANTITY]
