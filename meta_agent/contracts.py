"""The data that crosses from one stage to the next.

Every contract is frozen and refuses unknown fields, so that a stage can neither
change what it was given nor smuggle something past the next one. This module
imports nothing of ours.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Contract(BaseModel):
    """Base of every contract: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- the request -----------------------------------------------------------------


class UserRequest(Contract):
    """What the user asked, already checked to be non-empty text of bounded size."""

    text: str
    source: Literal["argument", "stdin", "prompt"]


# --- the files of an answer --------------------------------------------------------

FileFormat = Literal["xlsx", "csv", "pdf", "png", "svg"]
ChartKind = Literal["bar", "line", "scatter", "histogram", "pie", "fitting"]
"""``fitting``: whichever suits the figures."""


class AskedFiles(Contract):
    """The files that a request wants besides the answer itself."""

    formats: tuple[FileFormat, ...] = ()
    question: str = ""
    """What the request asks apart from its files; empty where it wants none."""
    chart: ChartKind | None = None
    """None where no chart was asked for."""
    sheets: tuple[str, ...] = ()
    """What each sheet of a workbook is to hold, in the request's words; empty: what the question gives."""
    name: str | None = None
    """The file's name as far as the request gives one, without its ending."""
    folder: Literal["reports", "data"] | None = None
    """Below ``exports/``; None: where such files usually go."""
    coloured: str = ""
    """The sentences that ask for conditional formatting."""
    charted: str = ""
    """The sentences that ask for a chart."""


# --- the database ----------------------------------------------------------------


class Column(Contract):
    """One column as the catalogue describes it, and what its rows say about it."""

    name: str
    type: str
    """SQL type as the database spells it, such as ``numeric(12,2)``."""
    nullable: bool = True
    comment: str | None = None
    values: tuple[str, ...] = ()
    """The texts of a column that has few, each many times; empty where there are many, or none is known."""
    lowest: str | None = None
    """Of numbers, dates and times: as ISO text; of a large table as the server sampled it."""
    highest: str | None = None
    has_nulls: bool | None = None
    """Whether a row has no value at present; None where that is not known."""


class ForeignKey(Contract):
    """A reference from some columns of a table to the key of another."""

    columns: tuple[str, ...]
    referred_schema: str
    referred_table: str
    referred_columns: tuple[str, ...]
    inferred: bool = False
    """True where the database declares none: names and rows agree, which may be by chance."""


class Table(Contract):
    """A table, view or materialized view."""

    schema_name: str
    name: str
    kind: Literal["table", "view", "materialized view"] = "table"
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    """Columns of every unique index, the primary key's among them: a join on all of them repeats no row."""
    inferred_unique: tuple[tuple[str, ...], ...] = ()
    """Columns that look like a key, declare none, and have no value twice (nor a missing one) at present."""
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str | None = None
    row_count: int | None = None
    """None where counting was not possible (no right, or a view too slow to count)."""
    row_count_is_estimate: bool = False


class DatabaseSchema(Contract):
    """Everything of the catalogue that a question may need."""

    database: str
    default_schema: str
    """Tables of this schema may be written without their schema's name."""
    fingerprint: str
    """Hash of the catalogue: equal fingerprints mean an unchanged structure."""
    tables: tuple[Table, ...]


# --- analysis and plan -----------------------------------------------------------


class TaskAnalysis(Contract):
    """What kind of work the request asks for."""

    primary_goal: str
    task_type: Literal["calculation", "data_processing", "reporting"]
    requires_web_interface: bool
    requires_simulation: bool
    data_sources: tuple[str, ...]
    """Names of tables (or files) the work needs; empty when it needs none."""
    key_entities: tuple[str, ...]
    """Things the request names, such as a property or a city."""
    complexity: Literal["SIMPLE", "MEDIUM", "COMPLEX"]
    estimated_execution_time_seconds: int = Field(ge=1, le=3600)


class ExecutionStep(Contract):
    """One step of the plan, in words."""

    number: int
    description: str


class Scenario(Contract):
    """A what-if: one quantity changed by a percentage, everything else as it is."""

    name: str
    quantity: str
    """The input that changes, in the user's words or as a column name, such as ``noi``."""
    change_percent: float
    """-10.0 means a fall by ten percent."""


class SimulationConfig(Contract):
    """The scenarios to show beside the base case."""

    scenarios: tuple[Scenario, ...]


class WebServerConfig(Contract):
    """Where a web application would listen."""

    host: str
    port: int = Field(ge=1, le=65535)


class ExecutionPlan(Contract):
    """How the work will be done."""

    plan_name: str
    description: str
    steps: tuple[ExecutionStep, ...]
    dependencies: tuple[str, ...]
    """Python packages by their PyPI names, without versions."""
    estimated_lines_of_code: int
    web_server_config: WebServerConfig | None = None
    simulation_config: SimulationConfig | None = None
    files: AskedFiles = AskedFiles()


# --- the script ------------------------------------------------------------------


class SqlQuery(Contract):
    """One query of the script."""

    title: str
    sql: str


class GeneratedScript(Contract):
    """A complete Python script and what is known about it."""

    source: str
    template: Literal["console_report", "web_dashboard", "free_form", "row_change", "given"]
    """``web_dashboard``: a page, served until it is stopped. ``row_change``: one statement that changes rows.
    ``given``: the user's file, run with ``execute``."""
    queries: tuple[SqlQuery, ...] = ()
    requirements: tuple[str, ...] = ()
    """Pinned, as in requirements.txt: ``psycopg2-binary==2.9.13``."""
    needs_database: bool = False
    repairs: tuple[str, ...] = ()
    """What was mended in the model's words before the script was accepted, one line each."""
    assumptions: tuple[str, ...] = ()
    """Filters, definitions and joins the answer rests on, one line each."""
    warnings: tuple[str, ...] = ()


Severity = Literal["LOW", "MEDIUM", "HIGH", "BLOCK"]


class ValidationIssue(Contract):
    """One finding of the validator."""

    rule: str
    """Stable kebab-case name, such as ``dynamic-code``."""
    severity: Severity
    line: int | None
    message: str


class ValidationResult(Contract):
    """The validator's verdict and the resources it expects the script to need."""

    is_valid: bool
    security_score: float = Field(ge=0.0, le=1.0)
    issues: tuple[ValidationIssue, ...]
    estimated_memory_mb: int
    estimated_cpu_cores: float


class RowChange(Contract):
    """A statement of a script that changes rows of one table and nothing else."""

    line: int
    """Where the script sends it."""
    sql: str
    """Word for word; values that come at run time stand as ``%s``."""
    warning: str | None = None
    """What a person should know before they agree to it, one sentence."""


class RowChanges(Contract):
    """What a script that wants to write would do."""

    statements: tuple[RowChange, ...] = ()
    objections: tuple[str, ...] = ()
    """Why that is not all it could do, one sentence each; then it must not write."""


# --- the run ---------------------------------------------------------------------


class ResultTable(Contract):
    """A table of the answer. Cells are JSON values; dates are ISO 8601 text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]


class ScriptResult(Contract):
    """``results/result.json``, the typed answer that every generated script writes."""

    tables: tuple[ResultTable, ...] = ()
    summary: dict[str, Any] = Field(default_factory=dict)
    files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class ExecutionResult(Contract):
    """How the container ended and what it left behind.

    A script that fails, runs too long or out of memory is a result, not an exception.
    """

    status: Literal["ok", "failed", "timeout", "out_of_memory", "flooded"]
    exit_code: int | None
    """Exit status of the script; None when it was killed by us."""
    result: ScriptResult | None
    """What the script wrote as its typed result; None where it wrote none that could be read."""
    output: str
    """Standard output, decoded, control characters escaped, cut at the log limit."""
    error_output: str
    """Standard error, likewise."""
    files: tuple[str, ...] = ()
    """Collected files, relative to the run folder."""
    page: str | None = None
    """The address of a page that is being shown; it goes on until it is stopped."""
    seconds: float
    image: str | None = None
    """Digest of the image that the script ran in."""
    warnings: tuple[str, ...] = ()


class LlmUsage(Contract):
    """What the model was asked during a run."""

    llm_calls: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    completion_tokens: int = 0


class ErrorReport(Contract):
    """An error in the words the user sees: one sentence of cause, one of remedy."""

    title: str
    cause: str
    remedy: str


class Agreement(Contract):
    """A person's consent to what a run does not do by itself."""

    title: str
    shown: tuple[str, ...]
    """All that was agreed to, word for word: the statements, or the validator's findings."""
    given_by: Literal["terminal", "--yes"]


class Provenance(Contract):
    """What an answer came from beside what the record tells anyway, and what was written for it.

    Hashes are SHA-256 in hexadecimal. They tell that a file was changed, not who did it: whoever
    can write ``run.json`` can write other hashes, too.
    """

    model_sha256: str | None = None
    """Of the model's weights, where the server tells."""
    prompts_sha256: str | None = None
    """Of all that is in ``prompts/``; None where no model was ever asked."""
    image: str | None = None
    """Digest of the image that the script ran in."""
    script_sha256: str
    files: dict[str, str] = Field(default_factory=dict)
    """Results and exports by their path in the run folder, each with its hash."""
    rows: tuple[int, ...] = ()
    """How many rows each table of the answer has."""


RunStatus = Literal["ok", "refused", "failed", "timeout", "no_answer", "interrupted"]


class RunRecord(Contract):
    """``run.json``: one run from request to result, written also when it failed."""

    run_id: str
    run_dir: str
    started_at: datetime
    finished_at: datetime
    status: RunStatus
    exit_code: int
    request: str
    model: str | None
    schema_fingerprint: str | None
    reused_from: str | None = None
    """The run whose script answered this one, too, without the model."""
    repeats: str | None = None
    """The run whose saved script this one was asked to run again."""
    question: str | None = None
    """The saved question or template that was run."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """The values it was run with, by their names."""
    provenance: Provenance | None = None
    """None where no script was written, and in records of earlier versions."""
    analysis: TaskAnalysis | None = None
    plan: ExecutionPlan | None = None
    script: GeneratedScript | None = None
    validation: ValidationResult | None = None
    agreements: tuple[Agreement, ...] = ()
    """What a person was asked about and agreed to."""
    execution: ExecutionResult | None = None
    usage: LlmUsage = LlmUsage()
    timings: dict[str, float] = Field(default_factory=dict)
    """Stage name to seconds."""
    warnings: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    """Those of the warnings that tell how the run went and speak against no answer."""
    error: ErrorReport | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether a warning speaks against the answer."""
        return not set(self.warnings) <= set(self.notices)
