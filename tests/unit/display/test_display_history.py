"""Lists of runs, changes, questions and cleanings as people and programs see them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

from display_examples import glossary, pipe, terminal, text_of
from run_examples import SOURCE, make_run, record

from meta_agent.cleaning import CleaningPlan, OldFolder
from meta_agent.comparison.changes import changes_between
from meta_agent.contracts import ErrorReport, GeneratedScript, ResultTable, ScriptResult, SqlQuery
from meta_agent.display.changes import MOST_SHOWN, changes_as_json, show_changes
from meta_agent.display.cleaning import plan_as_json, show_plan, size
from meta_agent.display.history import past_run_as_json, runs_as_json, show_past_run, show_runs
from meta_agent.display.questions import library_as_json, show_library, show_verbatim
from meta_agent.questions.library import SHIPPED, Library
from meta_agent.runs.index import RunSummary
from meta_agent.runs.json_text import to_json
from meta_agent.runs.store import load_record
from meta_agent.sandbox.holdings import Holding

RUN = RunSummary(
    "script_20260301_101500", "2026-03-01T10:15:00+00:00", "ok", 1.25, "Show\nthe NOI \x1b[31m", 1200
)


def test_a_line_for_every_run() -> None:
    console = pipe()
    asked = replace(RUN, question="q", parameters={"year": "2026"}, status="failed", rows=None, seconds=None)
    show_runs([RUN, asked], 5, console)
    first, second, more = text_of(console).splitlines()
    assert first.endswith("ok            1.2 s 1,200 rows  Show the NOI \\x1b[31m")
    assert second.endswith("[q year=2026] Show the NOI \\x1b[31m") and "failed" in second
    assert more == "… 3 more of 5: --limit shows more"
    assert json.loads(to_json(runs_as_json([RUN], 5)))["runs"][0]["request"] == RUN.request


def test_a_narrow_terminal_cuts_the_request() -> None:
    console = terminal(100)
    show_runs([replace(RUN, request="word " * 100)], 1, console)
    (line,) = text_of(console).splitlines()
    assert len(line) == 100 and line.endswith("…")
    console = pipe()
    show_runs([], 0, console)
    assert text_of(console) == "No run matches.\n"


def test_a_run_in_full(tmp_path: Path) -> None:
    script = GeneratedScript(
        source=SOURCE,
        template="console_report",
        queries=(SqlQuery(title="NOI", sql="SELECT 1"),),
        assumptions=("only rows where x",),
        repairs=("left out y",),
    )
    folder = make_run(tmp_path, 0, script=script, reused_from="script_a", repeats="script_b", question="q")
    console = pipe()
    show_past_run(load_record(folder), glossary(), console)
    text = text_of(console)
    for part in (
        "SQL: NOI",
        "SELECT 1",
        "Old Mill",
        "98,000.10",
        "only rows where x",
        "left out y",
        f"{folder}/script.py",
        f"{folder}/results/result.json",
        "the script of run script_a, used again",
        "the script of run script_b, run again",
        "the question q",
        "model a-model",
        "image sha256:abc",
    ):
        assert part in text
    told = json.loads(to_json(past_run_as_json(load_record(folder))))
    assert (told["sql"][0]["sql"], told["question"], told["provenance"]["rows"]) == ("SELECT 1", "q", [2])


def test_a_failed_run_in_full(tmp_path: Path) -> None:
    error = ErrorReport(title="t", cause="It went wrong.", remedy="r")
    run = record(
        tmp_path / "script_20260301_000000",
        status="failed",
        exit_code=7,
        error=error,
        script=None,
        execution=None,
    )
    console = pipe()
    show_past_run(run, glossary(), console)
    assert "✗ It went wrong." in text_of(console)
    assert past_run_as_json(run)["sql"] == []


def answer(*rows: tuple[str, str | None], total: int = 1) -> ScriptResult:
    found = tuple({"name": name, "noi": Decimal(noi) if noi else None} for name, noi in rows)
    return ScriptResult(
        tables=(ResultTable(title="NOI", columns=("name", "noi"), rows=found),), summary={"Rows": total}
    )


def test_changes_line_by_line() -> None:
    before = answer(("Old Mill", "98000.10"), ("Court", "5.00"), ("Same", "1.00"))
    after = answer(("Old Mill", "97000.10"), ("New\x1b", None), ("Same", "1.00"), total=2)
    changes = changes_between(before, after, "script_1")
    console = pipe()
    show_changes(changes, console)
    assert text_of(console).splitlines() == [
        "Changed since script_1:",
        "  NOI: 1 added, 1 removed, 1 changed, 1 unchanged",
        "    + New\\x1b, noi <null>",
        "    - Court, noi 5.00",
        "    ~ Old Mill: noi 98,000.10 → 97,000.10 (-1,000.00)",
        "  Rows 1 → 2 (+1)",
    ]
    told = json.loads(to_json(changes_as_json(changes)))
    assert told["changed"] is True and told["tables"][0]["changed"][0]["cells"][0]["after"] == 97000.10
    console = pipe()
    show_changes(changes_between(before, before, "script_1"), console)
    assert text_of(console) == "Nothing changed since script_1.\n"


def test_many_changes_are_counted() -> None:
    rows = [(f"p{n:03}", "1.00") for n in range(100)]
    console = pipe()
    show_changes(changes_between(answer(), answer(*rows), "script_1"), console)
    text = text_of(console)
    assert text.count("    + ") == MOST_SHOWN and "… 80 more; --json has all of them" in text


def test_questions_are_listed_with_what_can_be_changed(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("a: [")
    entries = Library(tmp_path, SHIPPED).entries()
    console = pipe()
    show_library(entries, console)
    text = text_of(console)
    assert "(year=2026)" in text and "broken" in text and "no usable question" in text
    listed = library_as_json(entries)["questions"]
    assert {entry["name"]: entry["origin"] for entry in listed}["rent-roll"] == "shipped"


def test_what_is_to_be_copied_is_whole_in_a_file_and_harmless_on_a_terminal() -> None:
    text = "a\tb \x1b[31m " + "x" * 300 + "\n"
    console = pipe()
    show_verbatim(text, console)
    assert text_of(console) == text
    console = terminal(80)
    show_verbatim(text, console)
    assert "\\x1b[31m" in text_of(console) and "\x1b[31m" not in text_of(console)


def test_a_cleaning_says_what_it_frees() -> None:
    plan = CleaningPlan(
        datetime(2026, 3, 1, tzinfo=timezone.utc),
        (OldFolder(Path("/runs/script_1"), 1500),),
        (Holding("image", "sha256:1", "meta-agent/env:1", 2_500_000),),
        ("script_2",),
        ("Docker is slow.",),
    )
    console = pipe()
    show_plan(plan, console)
    text = text_of(console)
    assert "1.5 kB  /runs/script_1" in text and "2.5 MB  meta-agent/env:1" in text
    assert "2 things from before 2026-03-01 00:00, 2.5 MB" in text
    assert "script_2 stays" in text and "! Docker is slow." in text
    told = plan_as_json(plan, removed=False, problems=["p"])
    assert (told["bytes"], told["removed"], told["problems"]) == (2_501_500, False, ["p"])
    console = pipe()
    show_plan(replace(plan, folders=(), holdings=()), console)
    assert "There is nothing from before" in text_of(console)
    assert [size(n) for n in (0, 999, 1000, 10**15)] == ["0 B", "999 B", "1.0 kB", "1000.0 TB"]
