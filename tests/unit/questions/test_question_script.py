"""A run's script becomes a question and the question the same script again, with the values it is given."""

from __future__ import annotations

import ast
from datetime import datetime, timezone
from pathlib import Path

import pytest
from run_examples import record

from meta_agent.contracts import ExecutionPlan, GeneratedScript, RunRecord
from meta_agent.errors import NoAnswer, UsageError
from meta_agent.generators.script_generator import DatabaseAccess, given_script
from meta_agent.glossary import Glossary, load_glossary
from meta_agent.questions.question import Question
from meta_agent.questions.question_file import read_question, write_question
from meta_agent.questions.saving import check_shareable, question_of, report_entries
from meta_agent.questions.script import FilledQuestion, exchanged, with_its_words
from meta_agent.questions.values import values_for
from meta_agent.validators.script_validator import ScriptValidator

PROJECT = Path(__file__).resolve().parents[3]
GOLDEN = PROJECT / "tests" / "golden" / "scripts"
GLOSSARY = load_glossary(PROJECT / "glossary.yaml")
CREATED = datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc)
REQUESTS = {
    "simple_report": "List the properties in Florida (FL).",
    "dscr_report": "What is the DSCR of every property?",
    "what_if": "What would the DSCR be if NOI fell by 10 %?",
    "with_transform": "Rents beside the median rent",
    "free_form": 'The roots of 1, 2 and 3, as "numbers"?',
}
TITLES = {"dscr_report": "DSCR by property", "free_form": "Square roots"}


def run_of(name: str, tmp_path: Path, *, source: str | None = None) -> tuple[RunRecord, str]:
    """A run that answered with a golden script."""
    text = source if source is not None else (GOLDEN / f"{name}.py").read_text(encoding="utf-8")
    plan = ExecutionPlan(
        plan_name=TITLES.get(name, "The report"),
        description="",
        steps=(),
        dependencies=(),
        estimated_lines_of_code=1,
    )
    script = GeneratedScript(
        source=text, template="free_form" if name == "free_form" else "console_report", needs_database=True
    )
    folder = tmp_path / "script_20260102_030400"
    return record(folder, request=REQUESTS[name], script=script, plan=plan), text


def saved(name: str, tmp_path: Path, source: str | None = None) -> Question:
    """The question of such a run, once written to a file and read again."""
    found = question_of(*run_of(name, tmp_path, source=source), f"q-{name.replace('_', '-')}", GLOSSARY)
    return read_question(write_question(found, tmp_path / "questions"))


def script_of(question: Question, *given: str) -> GeneratedScript:
    return FilledQuestion(question, values_for(question, given)).script(None, CREATED)


@pytest.mark.parametrize("name", list(REQUESTS))
def test_a_question_makes_the_script_that_it_was_saved_from(name: str, tmp_path: Path) -> None:
    question = saved(name, tmp_path)
    script = script_of(question)
    assert script.source == (GOLDEN / f"{name}.py").read_text(encoding="utf-8")
    assert ScriptValidator().validate(script.source, requirements=script.requirements).is_valid
    assert (question.script is not None) == (name in ("with_transform", "free_form"))
    assert script.needs_database == (name != "free_form")


def test_thresholds_are_those_of_the_script_in_the_colours_of_the_glossary(tmp_path: Path) -> None:
    source = (
        (GOLDEN / "dscr_report.py").read_text(encoding="utf-8").replace('(1.25, "Strong")', '(1.4, "Strong")')
    )
    (dscr,) = saved("dscr_report", tmp_path, source).glossary
    assert [(t.at_least, t.label, t.colour) for t in dscr.thresholds] == [
        (1.4, "Strong", "green"),
        (1.0, "Acceptable", "yellow"),
        (None, "Risky", "red"),
    ]
    (alone,) = question_of(*run_of("dscr_report", tmp_path, source=source), "q", Glossary()).glossary
    assert (alone.name, len(alone.thresholds)) == ("dscr", 3)


def test_another_value_changes_sql_request_and_title_and_nothing_else(tmp_path: Path) -> None:
    question = saved("simple_report", tmp_path)
    assert [(p.name, p.value) for p in question.parameters] == [("state", "FL")]
    before, after = script_of(question), script_of(question, "state=N'Y")
    assert report_entries(after.source)[0]["sql"].count("state = 'N''Y'") == 1
    lines = zip(before.source.splitlines(), after.source.splitlines(), strict=True)
    changed = [one for one, other in lines if one != other]
    assert len(changed) == 2 and all("FL" in line for line in changed)


def test_a_value_with_every_kind_of_quote_stays_a_value(tmp_path: Path) -> None:
    hostile = '\'""" \\\' + exit() + {x} %s $$ ; --'
    script = script_of(saved("simple_report", tmp_path), f"state={hostile}")
    sql = report_entries(script.source)[0]["sql"]
    assert "state = '" + hostile.replace("'", "''") + "'" in sql
    assert ScriptValidator().validate(script.source, requirements=script.requirements).is_valid


@pytest.mark.parametrize("name", ["with_transform", "what_if"])
def test_sql_is_exchanged_wherever_it_stands(name: str, tmp_path: Path) -> None:
    old = "FROM leases" if name == "with_transform" else "p.property_id = f.property_id"
    new = f"{old}\nWHERE city = 'Orlando'" if name == "with_transform" else f"{old} AND city = 'Orlando'"
    source = (GOLDEN / f"{name}.py").read_text(encoding="utf-8").replace(old, new)
    run, text = run_of(name, tmp_path, source=source)
    question = question_of(
        run.model_copy(update={"request": f"{run.request} in Orlando"}), text, "q", GLOSSARY
    )
    entries = report_entries(script_of(question, "city=O'Brien").source)
    queries = [entry["sql"] for entry in entries] + [
        s["sql"] for e in entries for s in e.get("scenarios", ())
    ]
    assert len(queries) == (1 if name == "with_transform" else 2)
    assert all("city = 'O''Brien'" in sql and "Orlando" not in sql for sql in queries)


def test_only_whole_literals_are_exchanged() -> None:
    source = 'é = "größe"; x = ("""\nSELECT 1\n""", "SELECT 1")\n'
    text = '\nSELECT \'""" + exit() + \\\' \n'
    after = exchanged(source, {"\nSELECT 1\n": text})
    assert ast.literal_eval(ast.parse(after).body[1].value) == (text, "SELECT 1")  # type: ignore[attr-defined]
    both = exchanged(source, {"größe": "a much longer text", "SELECT 1": ""})
    assert both == 'é = "a much longer text"; x = ("""\nSELECT 1\n""", "")\n'
    with pytest.raises(UsageError, match="stands no more"):
        exchanged(source, {"SELECT 2": "x"})


def test_a_script_whose_sql_is_not_there_any_more_is_told(tmp_path: Path) -> None:
    question = saved("with_transform", tmp_path)
    assert question.script is not None
    broken = question.model_copy(update={"script": question.script.replace("FROM leases", "FROM  leases")})
    with pytest.raises(UsageError, match="stands no more"):
        script_of(broken)


def test_a_question_that_does_not_fit_the_database_is_told(tmp_path: Path) -> None:
    filled = FilledQuestion(saved("simple_report", tmp_path), {"state": "FL"})
    database = DatabaseAccess(None, lambda _sql: 'relation "properties" does not exist\n', str)  # type: ignore[arg-type]
    with pytest.raises(NoAnswer, match='relation "properties" does not exist'):
        filled.script(database, CREATED)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "failed", "exit_code": 7}, "has no answer"),
        ({"script": None}, "has no answer"),
        ({"execution": None}, "has no answer"),
        ({"script": given_script("print(1)\n")}, "script of your own"),
    ],
)
def test_only_a_run_that_answered_can_be_saved(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    run, source = run_of("dscr_report", tmp_path)
    with pytest.raises(UsageError, match=said):
        question_of(run.model_copy(update=changes), source, "q", GLOSSARY)


@pytest.mark.parametrize(
    "source", ["print(1)\n", "REPORTS = [", "REPORTS = [{'title': 't', 'sql': 'DELETE FROM t'}]\n"]
)
def test_a_script_of_another_form_is_told(tmp_path: Path, source: str) -> None:
    run, _ = run_of("dscr_report", tmp_path)
    with pytest.raises(UsageError, match="form that cannot be saved"):
        question_of(run, source, "q", GLOSSARY)


def test_a_file_to_share_tells_nothing_of_this_machine(tmp_path: Path) -> None:
    question = saved("dscr_report", tmp_path)
    check_shareable(question, ("p@ssw0rd",), (tmp_path, Path("/"), Path("/x")))
    with_path = question.model_copy(update={"request": f"read {tmp_path}/x"})
    with pytest.raises(UsageError, match="this machine"):
        check_shareable(with_path, (), (tmp_path,))
    with_password = question.model_copy(update={"request": "What of p@ssw0rd?"})
    with pytest.raises(UsageError, match="password"):
        check_shareable(with_password, ("p@ssw0rd",), ())


def test_the_words_of_a_question_hold_for_it(tmp_path: Path) -> None:
    question = saved("dscr_report", tmp_path)
    merged = with_its_words(GLOSSARY, question)
    assert merged.metric_of_column("dscr") == question.glossary[0]
    assert {m.name for m in merged.metrics} == {m.name for m in GLOSSARY.metrics}
    assert merged.additive_words == GLOSSARY.additive_words
