"""``history``, ``show``, ``rerun``, ``verify`` and ``clean``: what they do, given their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meta_agent.commands.parts import Parts
from meta_agent.errors import ExitCode, UsageError
from meta_agent.runs.search import find_run, last_with

if TYPE_CHECKING:
    from meta_agent.comparison.changes import AnswerChanges
    from meta_agent.contracts import RunRecord
    from meta_agent.runs.index import RunSummary


def list_runs(parts: Parts, words: Sequence[str], status: str | None, limit: int) -> ExitCode:
    """The newest runs with all these words."""
    from meta_agent.display.history import runs_as_json, show_runs

    found = [run for run in parts.index.runs() if run.matches(words) and status in (None, run.status)]
    shown = found[:limit]
    parts.reporter.show(
        lambda: runs_as_json(shown, len(found)), lambda console: show_runs(shown, len(found), console)
    )
    return ExitCode.OK


def show_one(parts: Parts, wanted: str) -> ExitCode:
    """One run in full."""
    from meta_agent.display.history import past_run_as_json, show_past_run
    from meta_agent.glossary import load_glossary

    record = parts.record(find_run(wanted, parts.index.runs()).run_id)
    glossary = load_glossary(parts.places.glossary_path)
    parts.reporter.show(
        lambda: past_run_as_json(record), lambda console: show_past_run(record, glossary, console)
    )
    return ExitCode.OK


def rerun(parts: Parts, wanted: str) -> ExitCode:
    """The script of a run once more; tells by its exit status whether the answer is another one now."""
    runs = parts.index.runs()
    summary = find_run(wanted, runs)
    before = last_with(summary.script_sha256, runs)
    session = parts.session()
    record = session.rerun(parts.record(summary.run_id))
    changes = changes_since(parts, before, record)
    code = ExitCode(record.exit_code)
    if changes is not None and changes.is_any:
        code = ExitCode.CHANGED
    parts.reporter.show_replay(record, session.glossary, parts.execute_command, changes, code)
    return code


def changes_since(parts: Parts, before: RunSummary | None, record: RunRecord) -> AnswerChanges | None:
    """What changed since an earlier answer; None where there are no two answers to compare."""
    from meta_agent.comparison.changes import changes_between

    after = record.execution.result if record.execution and record.status == "ok" else None
    if before is None or after is None:
        return None
    earlier = parts.record(before.run_id).execution
    if earlier is None or earlier.result is None:
        return None
    return changes_between(earlier.result, after, before.run_id)


def verify(parts: Parts, wanted: str) -> ExitCode:
    """Whether script and results of a run are those that were recorded."""
    from meta_agent.display.history import show_verdict, verdict_as_json
    from meta_agent.runs.provenance import differences

    record = parts.record(find_run(wanted, parts.index.runs()).run_id)
    if record.script is None:
        raise UsageError(
            f"The run {record.run_id} has left nothing that could be compared.",
            "`history --status ok` lists runs that have.",
        )
    found = list(differences(record, parts.places.runs_dir / record.run_id))
    code = ExitCode.CHANGED if found else ExitCode.OK
    parts.reporter.show(
        lambda: verdict_as_json(record, found, code), lambda console: show_verdict(record, found, console)
    )
    return code


def clean(parts: Parts, older_than: str, *, yes: bool) -> ExitCode:
    """Remove what is old, after showing it; without ``yes`` somebody has to agree."""
    from meta_agent.cleaning import Cleaner, age_of
    from meta_agent.display.cleaning import plan_as_json, show_plan

    age = age_of(older_than)
    runs = parts.index.runs()
    cleaner = Cleaner(parts.places.runs_dir, parts.places.sandbox)
    try:
        plan = cleaner.plan(runs, age)
        parts.reporter.show(None, lambda console: show_plan(plan, console))
        agreed = plan.is_empty or _agreed(parts, yes=yes)
        problems = cleaner.carry_out(plan) if agreed else []
    finally:
        cleaner.close()
    parts.reporter.show(lambda: plan_as_json(plan, removed=agreed, problems=problems), None)
    parts.index.runs()
    if problems:
        raise UsageError(" ".join(problems), "Remove it by hand, or see who holds it.")
    return ExitCode.OK


def _agreed(parts: Parts, *, yes: bool) -> bool:
    """Whether somebody agrees to a cleaning. Raises UsageError where nobody can be asked.

    A program that asks for JSON is shown the plan.
    """
    from meta_agent.consent import Question

    for_machines = parts.reporter.is_for_machines
    question = Question("All of this is removed for good.", (), "Remove it?")
    reply = parts.reporter.consent(yes=yes, no_input=for_machines).ask(question)
    if reply == "nobody" and not for_machines:
        raise UsageError("Nothing was removed, because nobody could be asked.", "Add --yes.")
    return reply in ("terminal", "--yes")
