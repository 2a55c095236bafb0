"""The file of a question: written and read without loss, and read with suspicion."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meta_agent.errors import UsageError
from meta_agent.glossary import Metric, Threshold
from meta_agent.questions.library import SHIPPED, Library, check_name
from meta_agent.questions.question import Parameter, Question, Ratio, Report, WhatIf
from meta_agent.questions.question_file import MOST_BYTES, question_text, read_question, write_question

PROJECT = Path(__file__).resolve().parents[3]
QUESTION = Question(
    name="all-of-it",
    title="Ratios of {year}: a title",
    about="For tests.",
    request='What of "{city}"\nin {year} and above {above}?',
    parameters=(
        Parameter(name="year", type="year", value="2026"),
        Parameter(name="city", type="text", value="#1: no"),
        Parameter(name="above", type="number", value="12345678901234567890.10"),
        Parameter(name="day", type="date", value="2026-01-31", about="the last day"),
    ),
    reports=(
        Report(
            title="Ratios",
            sql="SELECT a, b, a / b AS dscr FROM t\n"
            "WHERE y = :year AND c = '{city}' AND d = '{day}' AND n > :above",
            totals=("a", "b"),
            ratios=(Ratio(column="dscr", numerator="a", denominator="b", factor=100.0),),
            rated=("dscr",),
            keys=("a",),
            scenarios=(WhatIf(name="a -10 %", changes=("dscr",), sql="SELECT a, b FROM t WHERE y = :year"),),
        ),
    ),
    glossary=(
        Metric(
            name="DSCR",
            meaning="coverage",
            formula="a / b",
            thresholds=(Threshold(at_least=1.25, label="Strong", colour="green"), Threshold(label="Weak")),
        ),
    ),
)
PLAIN = "format: 1\nname: a\ntitle: t\nrequest: r\nreports: [{title: t, sql: SELECT 1 AS one}]\n"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = write_question(QUESTION, tmp_path / "made" / "anew")
    assert read_question(file) == QUESTION
    text = file.read_text(encoding="utf-8")
    assert "sql: |" in text and "value: 2026\n" in text and "'12345678901234567890.10'" in text
    assert [path.name for path in file.parent.iterdir()] == ["all-of-it.yaml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "valid dictionary"),
        ("", "valid dictionary"),
        ("a: [", "not plain YAML at line 1"),
        (PLAIN.replace("format: 1", "format: 2"), "format"),
        (PLAIN.replace("name: a", "name: ../a"), "a name has small letters"),
        (PLAIN + "password: x\n", "password"),
        (PLAIN.replace("SELECT 1 AS one", "DELETE FROM t"), "Only SELECT"),
        (PLAIN.replace("SELECT 1 AS one", "SELECT 1; SELECT 2"), "exactly one query"),
        (PLAIN.replace("SELECT 1 AS one", "SELECT pg_read_file('/etc/passwd')"), "more than read"),
        (PLAIN.replace("SELECT 1 AS one", "SELECT :year"), "'year', which is no parameter"),
        (PLAIN.replace("SELECT 1 AS one", "\"SELECT '{year}'\""), "'year', which is no parameter"),
        (PLAIN + "parameters: [{name: year, type: year, value: 2026}]\n", "stands nowhere"),
        (PLAIN + "parameters: [{name: year, type: year, value: soon}]\n", "year of four digits"),
        (PLAIN + "parameters: [{name: 'a b', type: year, value: 2026}]\n", "parameters.0.name"),
        (PLAIN.replace("sql:", "rated: [dscr], sql:"), "no entry of its glossary"),
        (PLAIN.replace("sql:", "ratios: [{column: c, numerator: a, denominator: b}], sql:"), "not totalled"),
        ("format: 1\nname: a\ntitle: t\nrequest: r\n", "reports or a script"),
        ("a: &x [1]\nb: *x\n", "not plain YAML at line 2"),
        (PLAIN + "#" * MOST_BYTES, "more than 256 KB"),
        ("a: " + "[" * 5000, "no usable question"),
        ("a: !!python/object/apply:os.system ['true']", "no usable question"),
    ],
)
def test_a_file_that_is_not_right_is_told_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_question(file)
    assert said in refused.value.cause and "a.yaml" in refused.value.cause
    assert "\n" not in refused.value.cause


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_question(tmp_path / "a.yaml")
    with pytest.raises(UsageError, match="cannot be read"):
        read_question(tmp_path / "b.yaml")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_question(QUESTION, tmp_path / "file")


def test_a_save_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    write_question(QUESTION, tmp_path)
    program = (
        "import sys; from pathlib import Path\n"
        "from meta_agent.questions.question_file import read_question, write_question\n"
        "question = read_question(Path(sys.argv[1]) / 'all-of-it.yaml')\n"
        "def stop(self, target): print('here', flush=True); sys.stdin.read()\n"
        "Path.replace = stop\n"
        "write_question(question.model_copy(update={'title': 'new'}), Path(sys.argv[1]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    library = Library(tmp_path, SHIPPED)
    assert library.find("all-of-it") == QUESTION
    assert [entry.name for entry in library.entries() if entry.origin == "saved"] == ["all-of-it"]


# --- the library ------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path: Path) -> Library:
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "a.yaml").write_text(PLAIN)
    return Library(tmp_path / "saved", shipped)


def test_the_own_question_comes_before_the_shipped_one(library: Library) -> None:
    library.saved.mkdir()
    (library.saved / "a.yaml").write_text(PLAIN.replace("title: t\n", "title: mine\n"))
    assert library.find("a").title == "mine"
    assert [(entry.name, entry.origin) for entry in library.entries()] == [("a", "saved")]


def test_a_name_is_taken_once(library: Library) -> None:
    with pytest.raises(UsageError, match="shipped template"):
        library.add(QUESTION.model_copy(update={"name": "a"}))
    library.add(QUESTION)
    with pytest.raises(UsageError, match="already"):
        library.add(QUESTION)
    library.add(QUESTION.model_copy(update={"title": "other"}), replace=True)
    assert library.find("all-of-it").title == "other"


def test_a_file_that_cannot_be_used_hides_no_other(library: Library) -> None:
    library.saved.mkdir()
    (library.saved / "b.yaml").write_text("a: [")
    (library.saved / "c.yaml").write_text(PLAIN)
    problems = {entry.name: entry.problem for entry in library.entries()}
    assert problems["a"] is None
    assert "no usable question" in (problems["b"] or "")
    assert "named 'a'" in (problems["c"] or "")


@pytest.mark.parametrize("name", ["", "../a", "A", "a b", "-a", "a" * 61, "a.yaml"])
def test_names_that_are_none(library: Library, name: str) -> None:
    with pytest.raises(UsageError, match="There is no question"):
        library.find(name)
    with pytest.raises(UsageError, match="no name for a question"):
        check_name(name)


def test_the_shipped_templates_are_those_six() -> None:
    entries = Library(Path("/nowhere"), SHIPPED).entries()
    assert {entry.name: entry.problem for entry in entries} == dict.fromkeys(
        ("actual-against-prior-year", "dscr-review", "lease-expiries", "noi-trend", "occupancy", "rent-roll")
    )
    assert all(entry.question is not None and entry.question.about for entry in entries)
    for entry in entries:
        assert entry.question is not None and question_text(entry.question)
