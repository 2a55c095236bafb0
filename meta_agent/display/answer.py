"""A finished run: the answer on stdout, what stands around it on stderr."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.display.errors import wrapped
from meta_agent.display.tables import show_summary, show_table
from meta_agent.display.values import one_line, visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.contracts import GeneratedScript, LlmUsage, RunRecord
    from meta_agent.glossary import Glossary

BLOCK_BEGIN, BLOCK_END = "=== Calculation Results ===", "=== End of Results ==="
RESULT_FILE = "results/result.json"
EXPORTS = "exports/"
_KILO = 1000
_LEAST_SECONDS = 0.05
_STAGE_NAMES = {"model": "model check"}
"""Stages whose short name says too little beside a time."""
_TAIL_LINES = 20


def show_answer(record: RunRecord, glossary: Glossary, console: Console) -> None:
    """The tables and the summary of a run; what the script printed, where it left no typed result."""
    execution = record.execution
    if execution is None:
        return
    if execution.result is None:
        printed = _answer_block(execution.output)
        if printed and (record.status == "ok" or _is_given(record.script)):
            console.print(Text(visible(printed)), soft_wrap=True)
        return
    if execution.page is not None:
        console.print(Text(f"Page: {execution.page}", style="bold"), soft_wrap=True)
    for table in execution.result.tables:
        show_table(table, glossary, console, str(_short(Path(record.run_dir)) / RESULT_FILE))
    show_summary(execution.result.summary, console)
    show_files([Path(record.run_dir) / file for file in files_for_people(record)], console)


def files_for_people(record: RunRecord) -> tuple[str, ...]:
    """The files that a run's script has left below ``exports/``, relative to the run's folder."""
    files = record.execution.files if record.execution else ()
    return tuple(file for file in files if file.startswith(EXPORTS))


def show_files(files: Sequence[Path], console: Console) -> None:
    """Where files lie; a terminal that knows links opens them."""
    if not files:
        return
    console.print(Text("Files", style="bold"))
    for file in files:
        line = Text("  ").append(visible(str(_short(file))), style=f"link {file.absolute().as_uri()}")
        with suppress(OSError):
            line.append(f"  {_size(file.stat().st_size)}", style="dim")
        console.print(line, soft_wrap=True)
    console.print()


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < _KILO else f"{count / _KILO:,.0f} KB"


def show_warnings(warnings: Iterable[str], console: Console) -> None:
    """One paragraph a warning."""
    for warning in warnings:
        console.print(Text(wrapped(warning, console, "! "), style="yellow"), soft_wrap=True)


def show_failed_output(record: RunRecord, console: Console) -> None:
    """The end of what a user's own script wrote to stderr before it failed."""
    if record.execution is None or not _is_given(record.script):
        return
    for line in record.execution.error_output.rstrip().splitlines()[-_TAIL_LINES:]:
        console.print(Text(f"  │ {visible(line)}", style="dim"), soft_wrap=True)


def show_run(record: RunRecord, console: Console, execute_command: str) -> None:
    """How the answer came about, what it cost, and what can be done with the script next.

    ``execute_command`` is how the user would run a script again, up to the script's path.
    """
    if record.reused_from is not None:
        line = f"The script of run {record.reused_from} was used again; --no-cache writes a new one."
        console.print(Text(wrapped(line, console, ""), style="dim"), soft_wrap=True)
    if record.script is not None:
        _show_list("Assumptions", record.script.assumptions, console)
        _show_list("Mended in the model's query", record.script.repairs, console)
    console.print(Text(wrapped(_times(record), console, ""), style="dim"), soft_wrap=True)
    if record.usage.llm_calls:
        console.print(Text(_cost(record.usage), style="dim"), soft_wrap=True)
    if record.script is None or record.validation is None:
        return
    if not (record.validation.is_valid or record.agreements):
        return
    if record.status == "ok" and record.execution is None:
        console.print(Text("Dry run: the script was validated and not run.", style="yellow"))
    once = record.script.template in ("given", "row_change")
    again = None if once else "Run it again:" if record.execution else "Run it:"
    page = record.execution.page if record.execution else None
    _show_commands(Path(record.run_dir), console, execute_command, None if page else again)
    if page is not None:
        program = execute_command.partition(" execute")[0]
        for what in ("logs", "restart", "stop"):
            console.print(
                Text(f"{what.capitalize() + ':':<13}  {program} {what} {record.run_id}"), soft_wrap=True
            )


def execute_command(program: str, *, demo: bool) -> str:
    """How the user would run a script with this program, up to the script's path."""
    return f"python {shlex.quote(str(_short(Path(program).absolute())))} execute{' --demo' if demo else ''}"


def _show_list(heading: str, lines: Iterable[str], console: Console) -> None:
    lines = list(lines)
    if lines:
        console.print(Text(f"{heading}:", style="dim"))
    for line in lines:
        console.print(Text(wrapped(one_line(line), console, "  - "), style="dim"), soft_wrap=True)


def _show_commands(run_dir: Path, console: Console, execute_command: str, again: str | None) -> None:
    """``again``: how the command that runs the script is announced; None for a script of the user's own."""
    folder = _short(run_dir)
    script = shlex.quote(str(folder / "script.py"))
    console.print(Text(f"Script:        {script}"), soft_wrap=True)
    if again is not None:
        console.print(Text(f"{again:<13}  {execute_command} {script}"), soft_wrap=True)
    console.print(Text(f"With Compose:  {shlex.quote(str(folder / 'deploy.sh'))}"), soft_wrap=True)


def _times(record: RunRecord) -> str:
    """The whole time, and the stages that took a noticeable part of it."""
    total = (record.finished_at - record.started_at).total_seconds()
    stages = [
        f"{_STAGE_NAMES.get(name, name)} {seconds:.1f}"
        for name, seconds in record.timings.items()
        if seconds >= _LEAST_SECONDS
    ]
    return f"Took {total:.1f} s" + (f": {', '.join(stages)}" if stages else "")


def _cost(usage: LlmUsage) -> str:
    cached = f" ({usage.cached_prompt_tokens:,} cached)" if usage.cached_prompt_tokens else ""
    calls = "1 call" if usage.llm_calls == 1 else f"{usage.llm_calls} calls"
    return f"Model: {calls}, {usage.prompt_tokens:,} tokens read{cached}, {usage.completion_tokens:,} written"


def _answer_block(output: str) -> str:
    """What stands between the markers; all of it where there are none."""
    _, begin, after = output.partition(BLOCK_BEGIN)
    return (after.partition(BLOCK_END)[0] if begin else output).strip("\n").rstrip()


def _is_given(script: GeneratedScript | None) -> bool:
    return script is not None and script.template == "given"


def _short(path: Path) -> Path:
    """Relative to where the user is, if it lies below."""
    with suppress(ValueError):
        return path.relative_to(Path.cwd())
    return path
