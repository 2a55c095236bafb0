"""Stage 3: the plan becomes a complete Python script.

The model writes only what is specific to the request: a query, or one function. The
rest (connection, configuration, logging, results) comes from a template, so that
every script is readable in the same way and runs without us.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from meta_agent.contracts import (
    AskedFiles,
    DatabaseSchema,
    ExecutionPlan,
    GeneratedScript,
    SqlQuery,
    TaskAnalysis,
    UserRequest,
)
from meta_agent.errors import NoAnswer
from meta_agent.generators.dashboard import page_report, page_source
from meta_agent.generators.definitions import definition_lines
from meta_agent.generators.dockerfile_generator import pin_requirements
from meta_agent.generators.function_code import defined_names, import_block, split_imports
from meta_agent.generators.function_writer import write_function
from meta_agent.generators.query_mender import Explain, Task, WrittenQuery
from meta_agent.generators.query_writer import QueryWriter
from meta_agent.generators.report_shape import shape_of
from meta_agent.generators.script_files import COMMON, Origin, ScriptFiles, facts_of, script_files
from meta_agent.generators.script_parts import script_parts
from meta_agent.generators.sheet_queries import write_sheets
from meta_agent.generators.sql_assumptions import assumptions_of
from meta_agent.generators.sql_entities import names_in
from meta_agent.generators.sql_parsing import to_sql
from meta_agent.generators.sql_scenarios import apply_scenario, changed_outputs, column_meant
from meta_agent.glossary import Glossary
from meta_agent.mechanisms import ALL, Mechanisms
from meta_agent.rendering import render

if TYPE_CHECKING:
    from sqlglot import exp

    from meta_agent.databases.base import Lookup
    from meta_agent.generators.row_change_writer import WrittenChange
    from meta_agent.utils.llm_client import Conversation

MAX_ROWS = 10_000
"""Most rows of one table that a script reads."""
MOST_ASSUMPTIONS = 8
"""Lines under an answer; more would not be read."""
_REPORT = "templates/script/console_report.py.j2"
_PARTS = ("scenarios", "totals", "ratios", "ratings")
"""What a report may have besides its query; a script has the code for those that its reports use."""
_FREE_FORM = "templates/script/free_form.py.j2"
_ROW_CHANGE = "templates/script/row_change.py.j2"
_FREE_FORM_IMPORTS = (
    "import logging",
    "import os",
    "import sys",
    "import simplejson",
    "from decimal import Decimal",
    "from pathlib import Path",
)
_REPORT_IMPORTS = (*_FREE_FORM_IMPORTS, "import psycopg2", "from psycopg2.extras import RealDictCursor")
_GIVEN = ("logger",)
"""What the templates define and the parts use."""


@dataclass(frozen=True)
class DatabaseAccess:
    """What the generator needs of a database: its structure and a check for queries."""

    schema: DatabaseSchema
    explain: Explain
    describe: Callable[[DatabaseSchema], str]
    """Tables in the form in which the model reads them."""
    lookup: Lookup | None = None
    """Looks texts of a query up among the rows; without it they are taken as they are."""
    may_read: Callable[[str], bool] = lambda _sql: True
    """Whether a draft may be run to compare its rows: what a script could not run, the tool does not."""


class ScriptGenerator:
    """Writes scripts for one request; ``conversation`` already holds the schema and the analysis."""

    def __init__(
        self,
        conversation: Conversation,
        glossary: Glossary,
        database: DatabaseAccess | None,
        mechanisms: Mechanisms = ALL,
        origin: Origin = (),
    ) -> None:
        """``origin``: where the script comes from, as its reports tell it."""
        self._origin = origin
        self._conversation = conversation
        self._glossary = glossary
        self._database = database
        self._mechanisms = mechanisms

    def generate(
        self,
        request: UserRequest,
        analysis: TaskAnalysis,
        plan: ExecutionPlan,
        *,
        created: datetime,
        problem: str | None = None,
    ) -> GeneratedScript:
        """A script for the request.

        ``problem``: why the script generated before cannot stand (findings of the validator, the
        error it ended with); it goes back to the model. Raises ModelError, DatabaseError, NoAnswer.
        """
        heading = {"title": plan.plan_name, "request": request.text, "created": day_of(created)}
        question = plan.files.question or request.text
        if self._database is not None and analysis.data_sources:
            task = Task(
                question,
                plan,
                self._glossary.mentioned_in(request.text),
                self._glossary,
                may_transform=analysis.complexity == "COMPLEX"
                and plan.simulation_config is None
                and plan.web_server_config is None,
                names=names_in(question, analysis.key_entities, self._database.schema, self._glossary),
                taken=_names_in(
                    _REPORT,
                    plan.files,
                    reports=[dict.fromkeys(_PARTS, "x")],
                    transform="pass",
                    max_rows=MAX_ROWS,
                ),
            )
            return self._console_report(self._database, task, heading, problem)
        return self._free_form(question, plan, heading, problem)

    # --- report over the database ------------------------------------------------

    def _console_report(
        self, database: DatabaseAccess, task: Task, heading: dict[str, str], problem: str | None
    ) -> GeneratedScript:
        writer = QueryWriter(
            self._conversation,
            database.schema,
            database.explain,
            database.describe,
            database.lookup,
            self._mechanisms,
            database.may_read,
        )
        asked = task.plan.files
        if asked.sheets:
            written = write_sheets(asked.sheets, task, database.schema, writer.write, problem)
        else:
            written = writer.write(task, problem)
        self._conversation = writer.conversation
        assumptions = _assumptions(
            written.queries,
            definition_lines(task.definitions, database.schema, task.request),
            task.plan,
            database.schema,
        )
        files = script_files(
            asked,
            heading,
            (query.title for query in written.queries),
            self._origin,
            assumptions,
            facts_of([query.tree for query in written.queries], database.schema, self._glossary),
            self._glossary,
        )
        shown_on_page = task.plan.web_server_config is not None
        if shown_on_page:
            reports = [page_report(query, database.schema, self._glossary) for query in written.queries]
            source = page_source(heading, reports, f"{MAX_ROWS:_}")
        else:
            reports = [self._report(query, task.plan, database) for query in written.queries]
            source = report_source(heading, reports, written.transform, files)
        pinned = pin_requirements((*task.plan.dependencies, *imported_packages(written.transform)))
        return GeneratedScript(
            source=source,
            template="web_dashboard" if shown_on_page else "console_report",
            queries=tuple(SqlQuery(title=q.title, sql=q.sql) for q in written.queries),
            requirements=pinned.requirements,
            needs_database=True,
            repairs=written.repairs,
            assumptions=assumptions,
            warnings=(*written.warnings, *_not_installed(pinned.unknown)),
        )

    def _report(self, query: WrittenQuery, plan: ExecutionPlan, database: DatabaseAccess) -> dict[str, Any]:
        """An entry of REPORTS in the script."""
        shape = shape_of(query.tree, database.schema, self._glossary)
        scenarios = self._scenarios(query, plan, database)
        changes = {name for scenario in scenarios for name in scenario["changes"]}
        return {
            "title": query.title,
            "sql": sql_block(query.sql),
            "keys": [name for name in query.tree.named_selects if name not in changes] if scenarios else [],
            "scenarios": scenarios,
            "totals": list(shape.totals),
            "ratios": [asdict(ratio) for ratio in shape.ratios],
            "ratings": {
                name: [(t.at_least, t.label) for t in metric.thresholds] for name, metric in shape.rated
            },
        }

    def _scenarios(
        self, query: WrittenQuery, plan: ExecutionPlan, database: DatabaseAccess
    ) -> list[dict[str, Any]]:
        found = []
        for scenario in plan.simulation_config.scenarios if plan.simulation_config else ():
            column = column_meant(scenario.quantity, query.tree, database.schema)
            if column is None:
                raise NoAnswer(
                    f"It is not clear which column stands for {scenario.quantity!r} in the what-if.",
                    "Name the column that should change.",
                )
            changed = changed_outputs(query.tree, column)
            if not changed:
                raise NoAnswer(
                    f"Nothing in the answer is computed from {column}, so the what-if would change nothing.",
                    f"Name a figure that follows from {column}, or the formula it is computed by.",
                )
            sql = to_sql(apply_scenario(query.tree, scenario, column, database.schema))
            message = database.explain(sql)
            if message is not None:
                raise NoAnswer(
                    f"The what-if cannot be applied to {column}: {message}", "Ask for it in another way."
                )
            found.append({"name": scenario.name, "changes": changed, "sql": sql_block(sql)})
        return found

    # --- anything else -----------------------------------------------------------

    def _free_form(
        self, question: str, plan: ExecutionPlan, heading: dict[str, str], problem: str | None
    ) -> GeneratedScript:
        taken = _names_in(_FREE_FORM, plan.files, code="pass")
        written = write_function(self._conversation, question, taken=taken, problem=problem)
        imports, code = split_imports(written)
        files = script_files(plan.files, heading, [heading["title"]], self._origin)
        source = _rendered(_FREE_FORM, [*_FREE_FORM_IMPORTS, *imports], files, **heading, code=code)
        pinned = pin_requirements((*plan.dependencies, *imported_packages(written)))
        return GeneratedScript(
            source=source,
            template="free_form",
            requirements=pinned.requirements,
            warnings=_not_installed(pinned.unknown),
        )


def row_change_script(
    request: UserRequest, plan: ExecutionPlan, change: WrittenChange, *, created: datetime
) -> GeneratedScript:
    """The script that runs one statement in one transaction and tells how many rows it changed."""
    source = _rendered(
        _ROW_CHANGE,
        [*_FREE_FORM_IMPORTS, "import psycopg2"],
        None,
        title=plan.plan_name,
        request=request.text,
        created=day_of(created),
        sql=sql_block(change.sql),
    )
    return GeneratedScript(
        source=source,
        template="row_change",
        requirements=pin_requirements(plan.dependencies).requirements,
        needs_database=True,
        repairs=change.repairs,
    )


def report_source(
    heading: dict[str, str],
    reports: list[dict[str, Any]],
    written: str = "",
    files: ScriptFiles | None = None,
) -> str:
    """The script that shows these reports, and writes these files.

    ``heading``: title, request and day. ``written``: a function ``transform(rows)`` with its imports.
    """
    imports, transform = split_imports(written)
    return _rendered(
        _REPORT,
        [*_REPORT_IMPORTS, *imports],
        files,
        **heading,
        reports=_used(reports),
        transform=transform,
        max_rows=f"{MAX_ROWS:_}",
    )


def _rendered(template: str, imports: list[str], files: ScriptFiles | None, **values: Any) -> str:
    """A script: the template, and the parts that it and its files use."""
    parts = script_parts((*COMMON, *(files.entries if files else ())), _GIVEN)
    return render(
        template, imports=import_block([*imports, *parts.imports]), parts=parts, files=files, **values
    )


def _names_in(template: str, asked: AskedFiles, **values: Any) -> frozenset[str]:
    """The names that a template itself defines."""
    heading = {"title": "", "request": "", "created": ""}
    files = script_files(asked, heading, [""], ())
    return defined_names(_rendered(template, [], files, **heading, **values))


def _used(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The reports without the parts that are empty in all of them; rows have keys for the scenarios' sake."""
    unused = {name for name in _PARTS if not any(report[name] for report in reports)}
    unused |= {"keys"} if "scenarios" in unused else set()
    return [{name: part for name, part in report.items() if name not in unused} for report in reports]


def sql_block(sql: str) -> str:
    """SQL on lines of its own."""
    return f"\n{sql}\n"


def given_script(source: str) -> GeneratedScript:
    """A script of the user's own; what it imports and whether it wants the database is read from its text.

    A script that does not parse has no requirements; the validator will say why.
    """
    try:
        packages = imported_packages(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        packages = ()
    pinned = pin_requirements(packages)
    return GeneratedScript(
        source=source,
        template="given",
        requirements=pinned.requirements,
        needs_database="DATABASE_URL" in source,
        warnings=_not_installed(pinned.unknown),
    )


def _not_installed(packages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"The package {name} is not among those a script may use; it is not installed." for name in packages
    )


def imported_packages(code: str) -> tuple[str, ...]:
    """Top-level names of the packages that code imports, the standard library left out."""
    names: dict[str, None] = {}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names.update({alias.name.split(".")[0]: None for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names[node.module.split(".")[0]] = None
    return tuple(name for name in names if name not in sys.stdlib_module_names)


def day_of(created: datetime) -> str:
    """When a script was written, as its heading says it."""
    return created.strftime("%Y-%m-%d %H:%M")


def _assumptions(
    queries: tuple[WrittenQuery, ...],
    definitions: tuple[str, ...],
    plan: ExecutionPlan,
    schema: DatabaseSchema,
) -> tuple[str, ...]:
    """One line each; what the user said themselves comes first."""
    scenarios = plan.simulation_config.scenarios if plan.simulation_config else ()
    changes = [f"what-if: {s.quantity} changed by {s.change_percent:+g} %" for s in scenarios]
    return assumption_lines([*changes, *definitions], (query.tree for query in queries), schema)


def assumption_lines(
    said: Iterable[str], trees: Iterable[exp.Expr], schema: DatabaseSchema
) -> tuple[str, ...]:
    """What was said, then what the queries themselves assume; at most MOST_ASSUMPTIONS lines."""
    read = [line for tree in trees for line in assumptions_of(tree, schema)]
    lines = list(dict.fromkeys([*said, *read]))
    if len(lines) > MOST_ASSUMPTIONS:
        rest = len(lines) - MOST_ASSUMPTIONS + 1
        lines = [*lines[: MOST_ASSUMPTIONS - 1], f"and {rest} more: see the query in the script"]
    return tuple(lines)
