"""Earlier runs: the list of them, one of them in full, and what on disk is not as it was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from meta_agent.display.answer import show_answer
from meta_agent.display.errors import wrapped
from meta_agent.display.json_output import record_as_json
from meta_agent.display.values import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import RunRecord
    from meta_agent.glossary import Glossary
    from meta_agent.runs.index import RunSummary
    from meta_agent.runs.provenance import Difference

_STYLES = {"ok": "green", "failed": "red", "refused": "red", "timeout": "red", "no_answer": "yellow"}
_REQUEST_CUT = 20
"""Fewest characters of a request that a narrow terminal shows."""


def show_runs(runs: Sequence[RunSummary], total: int, console: Console) -> None:
    """One line a run; ``total`` is how many there are that match."""
    if not runs:
        console.print(Text("No run matches." if total == 0 else "", style="dim"))
        return
    id_width = max(len(run.run_id) for run in runs)
    for run in runs:
        head = f"{run.moment:%Y-%m-%d %H:%M}  {run.run_id:<{id_width}}  "
        line = Text(head).append(f"{run.status:<11}", style=_STYLES.get(run.status, "dim"))
        line.append(f"{_seconds(run):>8}{_rows(run):>11}  ")
        line.append(_fitting(_what(run), console, line.cell_len))
        console.print(line, soft_wrap=True)
    if len(runs) < total:
        console.print(Text(f"… {total - len(runs):,} more of {total:,}: --limit shows more", style="dim"))


def runs_as_json(runs: Sequence[RunSummary], total: int) -> dict[str, Any]:
    """The object that ``history --json`` prints."""
    return {"total": total, "runs": [asdict(run) for run in runs]}


def show_past_run(record: RunRecord, glossary: Glossary, console: Console) -> None:
    """One run in full: request, SQL, assumptions, answer, files, and where all of it came from."""
    when = f"{record.started_at:%Y-%m-%d %H:%M:%S}, {record.status}"
    console.print(Text(f"{record.run_id}  {when}", style="bold"))
    console.print(Text(visible(record.request)), soft_wrap=True)
    console.print()
    for query in record.script.queries if record.script else ():
        console.print(Text(f"SQL: {one_line(query.title)}", style="bold"), soft_wrap=True)
        console.print(Text(visible(query.sql) + "\n"), soft_wrap=True)
    if record.error is not None:
        console.print(Text(wrapped(record.error.cause, console, "✗ "), style="red"), soft_wrap=True)
    show_answer(record, glossary, console)
    script = record.script
    _show_lines("Assumptions", script.assumptions if script else (), console)
    _show_lines("Mended in the model's query", script.repairs if script else (), console)
    _show_lines("Warnings", record.warnings, console)
    _show_lines("Files", [f"{record.run_dir}/{name}" for name in _files(record)], console)
    _show_lines("Where it comes from", _origins(record), console)


def past_run_as_json(record: RunRecord) -> dict[str, Any]:
    """The object that ``show --json`` prints: that of the run, and what only the record tells."""
    script, provenance = record.script, record.provenance
    return {
        **record_as_json(record),
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "model": record.model,
        "schema_fingerprint": record.schema_fingerprint,
        "reused_from": record.reused_from,
        "repeats": record.repeats,
        "question": record.question,
        "parameters": record.parameters,
        "sql": [query.model_dump() for query in script.queries] if script else [],
        "assumptions": list(script.assumptions) if script else [],
        "repairs": list(script.repairs) if script else [],
        "provenance": provenance.model_dump() if provenance else None,
    }


def show_verdict(record: RunRecord, differences: Sequence[Difference], console: Console) -> None:
    """Whether the files of a run are the recorded ones."""
    if record.provenance is None:
        line = "This record has no hashes: only the script is compared, with its text in the record."
        console.print(Text(wrapped(line, console, "! "), style="yellow"), soft_wrap=True)
    for difference in differences:
        console.print(
            Text(f"✗ {visible(difference.file)} {visible(difference.problem)}", style="red"), soft_wrap=True
        )
    if not differences:
        count = _count_of_files(record)
        files = "1 file is" if count == 1 else f"{count} files are"
        console.print(Text(f"✓ {record.run_id}: {files} as recorded", style="green"), soft_wrap=True)


def verdict_as_json(record: RunRecord, differences: Sequence[Difference], exit_code: int) -> dict[str, Any]:
    """The object that ``verify --json`` prints."""
    return {
        "exit_code": exit_code,
        "run_id": record.run_id,
        "as_recorded": not differences,
        "has_hashes": record.provenance is not None,
        "files": _count_of_files(record),
        "differences": [asdict(difference) for difference in differences],
    }


def _count_of_files(record: RunRecord) -> int:
    return 1 + (len(record.provenance.files) if record.provenance else 0)


def _show_lines(heading: str, lines: Iterable[str], console: Console) -> None:
    lines = list(lines)
    if lines:
        console.print(Text(f"{heading}:", style="bold"))
    for line in lines:
        console.print(Text(wrapped(one_line(line), console, "  - ")), soft_wrap=True)


def _files(record: RunRecord) -> list[str]:
    return [*(["script.py"] if record.script else []), *(record.execution.files if record.execution else ())]


def _origins(record: RunRecord) -> Iterable[str]:
    known = record.provenance
    if record.reused_from:
        yield f"the script of run {record.reused_from}, used again"
    if record.repeats:
        yield f"the script of run {record.repeats}, run again"
    if record.question:
        values = ", ".join(f"{name}={value}" for name, value in record.parameters.items())
        yield f"the question {record.question}" + (f" with {values}" if values else "")
    if record.model:
        yield f"model {record.model}" + (
            f", SHA-256 {known.model_sha256}" if known and known.model_sha256 else ""
        )
    if record.schema_fingerprint:
        yield f"database structure {record.schema_fingerprint}"
    if known is not None:
        if known.prompts_sha256:
            yield f"prompts, SHA-256 {known.prompts_sha256}"
        yield f"script, SHA-256 {known.script_sha256}"
        if known.image:
            yield f"image {known.image}"


def _what(run: RunSummary) -> str:
    request = one_line(" ".join(run.request.split()))
    if run.question is None:
        return request
    values = (f"{name}={value}" for name, value in run.parameters.items())
    return f"[{one_line(' '.join((run.question, *values)))}] {request}"


def _seconds(run: RunSummary) -> str:
    return f"{run.seconds:,.1f} s" if run.seconds is not None else ""


def _rows(run: RunSummary) -> str:
    if run.rows is None:
        return ""
    return "1 row" if run.rows == 1 else f"{run.rows:,} rows"


def _fitting(text: str, console: Console, used: int) -> str:
    """Cut to the line on a terminal, whole elsewhere."""
    room = max(console.width - used, _REQUEST_CUT)
    return text if not console.is_terminal or len(text) <= room else f"{text[: room - 1]}…"
