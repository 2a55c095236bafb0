"""Answers written into files that the user names, and printed in forms for other programs."""

from __future__ import annotations

import csv
import datetime
import io
import json
from decimal import Decimal
from pathlib import Path

import display_examples as examples
import openpyxl
import pytest

from meta_agent.answer_files import check_output, write_answer
from meta_agent.contracts import RunRecord, ScriptResult
from meta_agent.display.answer import show_answer
from meta_agent.display.formats import answer_as_csv, answer_as_markdown
from meta_agent.display.reporter import Reporter
from meta_agent.errors import UsageError

ROWS = [
    {"name": "=1+1", "noi": Decimal("1250000.50"), "dscr": Decimal("1.4"), "as_of": "2026-01-31"},
    {"name": "a|b [x](http://y) <i>", "noi": None, "dscr": Decimal("0.9"), "as_of": None},
]


def record(*titles: str) -> RunRecord:
    tables = tuple(examples.table(ROWS, title) for title in titles or ("Figures",))
    result = ScriptResult(tables=tables, summary={"Total noi": Decimal("1250000.50")})
    return examples.record(execution=examples.execution(result=result))


def written(path: Path, of: RunRecord | None = None) -> tuple[Path, ...]:
    return write_answer(of or record(), examples.glossary(), path)


def test_csv(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "a.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert rows[1:] == [
        ["'=1+1", "1250000.50", "1.4", "2026-01-31"],
        ["a|b [x](http://y) <i>", "", "0.9", ""],
    ]


def test_each_further_table_has_a_csv_file_of_its_own(tmp_path: Path) -> None:
    assert written(tmp_path / "a.csv", record("One", "Two")) == (tmp_path / "a.csv", tmp_path / "a_2.csv")


def test_json_is_the_object_of_the_command_line(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "a.json")
    answer = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    assert (answer["status"], answer["tables"][0]["rows"]) == ("ok", ROWS)


def test_excel(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "a.XLSX")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Summary", "Figures"]
    cells = [cell.value for cell in book["Figures"][2]]
    assert cells == ["=1+1", 1250000.5, 1.4, datetime.datetime(2026, 1, 31)]
    assert book["Figures"]["A2"].data_type == "s"
    assert [str(place.sqref) for place in book["Figures"].conditional_formatting] == ["C2:C3"]


def test_markdown_has_no_markup_of_the_rows(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "a.md")
    text = path.read_text(encoding="utf-8")
    assert text == answer_as_markdown(record())
    assert text.splitlines() == [
        "## Figures",
        "",
        "| name | noi | dscr | as_of |",
        "| --- | ---: | ---: | --- |",
        "| =1+1 | 1,250,000.50 | 1.40 | 2026-01-31 |",
        r"| a\|b \[x\](http://y) \<i\> | \<null\> | 0.90 | \<null\> |",
        "",
        "## Summary",
        "",
        "- Total noi: 1,250,000.50",
    ]


def test_csv_on_stdout_has_an_empty_line_between_two_tables() -> None:
    parts = answer_as_csv(record("One", "Two")).split("\r\n\r\n")
    assert [part.splitlines()[0] for part in parts] == ["name,noi,dscr,as_of"] * 2
    assert not answer_as_csv(record()).startswith("\ufeff")


def test_the_form_decides_what_stands_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter("markdown", quiet=True).show_run(record(), examples.glossary(), "run")
    assert capsys.readouterr().out == answer_as_markdown(record())
    Reporter("csv", quiet=True).show_run(record(), examples.glossary(), "run")
    assert capsys.readouterr().out.startswith("name,noi,dscr,as_of")


@pytest.mark.parametrize("name", ["a.txt", "a", ".csv", "missing/a.csv", "folder.csv"])
def test_what_cannot_be_written_is_told_beforehand(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError):
        check_output(tmp_path / name)
    check_output(tmp_path / "good.csv")


def test_a_file_that_is_there_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old", encoding="utf-8")
    kept = tmp_path / "link.csv"
    kept.hardlink_to(path)
    written(path)
    assert kept.read_text(encoding="utf-8") == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "link.csv"]


def test_a_folder_that_went_away_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="could not be written: No such file"):
        written(tmp_path / "gone" / "a.csv")
    with pytest.raises(UsageError):
        written(tmp_path)


def test_files_are_listed_under_the_answer_with_links(tmp_path: Path) -> None:
    name = "exports/reports/über 1.xlsx"
    (tmp_path / "exports/reports").mkdir(parents=True)
    (tmp_path / name).write_bytes(b"x" * 12_345)
    files = ("exports/reports/gone.csv", name, "logs/script.log", "results/result.json")
    shown = examples.record(run_dir=str(tmp_path), execution=examples.execution(files=files))
    console, pipe = examples.terminal(200, colour=True), examples.pipe()
    for place in (console, pipe):
        show_answer(shown, examples.glossary(), place)
    assert examples.text_of(pipe).endswith(f"Files\n  {tmp_path}/{files[0]}\n  {tmp_path}/{name}  12 KB\n\n")
    assert "\x1b]8;" in examples.text_of(console)
    assert f"file://{tmp_path}/exports/reports/%C3%BCber%201.xlsx" in examples.text_of(console)
    assert "script.log" not in examples.text_of(pipe)
