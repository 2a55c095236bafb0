"""The files that requests ask for, written in the real sandbox and opened again; figures held against SQL."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import psycopg2
import pypdf
import pytest
from PIL import Image
from pipeline_support import Runner, analysis, function, query, rows_of

from meta_agent.contracts import RunRecord
from meta_agent.databases.embedded import SampleDatabase
from meta_agent.mechanisms import Mechanisms

pytestmark = [pytest.mark.docker, pytest.mark.database]

EXAMPLE_3 = """Export all property financial data to an Excel spreadsheet.
Include sheets for properties, financial metrics, and DSCR analysis.
Format the DSCR column with conditional formatting.
Save to the exports/reports directory."""
DSCR = """SELECT p.property_name, f.noi, f.annual_debt_service, f.noi / f.annual_debt_service AS dscr
FROM properties p JOIN financial_metrics f ON p.property_id = f.property_id ORDER BY dscr DESC"""


@pytest.fixture
def sample(sample_database: SampleDatabase, tmp_path: Path) -> Runner:
    """A pipeline over the sample portfolio, with a role that may only read."""
    return Runner(tmp_path, sample_database.reader_url, options={"mechanisms": Mechanisms(drafts=1)})


def test_example_3_of_the_documentation(sample: Runner, sample_database: SampleDatabase) -> None:
    record = sample.run(query(DSCR), request=EXAMPLE_3)
    assert record.status == "ok", record.error
    path = "exports/reports/all_property_financial_data.xlsx"
    assert files_of(record) == [path]
    book = openpyxl.load_workbook(Path(record.run_dir) / path)
    assert book.sheetnames == ["Summary", "Properties", "Financial metrics", "DSCR analysis"]
    url = sample_database.owner_url
    assert cells(book["Properties"]) == stored(url, "SELECT * FROM properties ORDER BY property_id")
    assert cells(book["Financial metrics"]) == stored(
        url, "SELECT * FROM financial_metrics ORDER BY metric_id"
    )
    shown = cells(book["DSCR analysis"])
    assert [row[:4] for row in shown] == stored(url, DSCR)
    assert [row[4] for row in shown] == [rating(row[3]) for row in shown]

    summary = {row[0]: row[1] for row in book["Summary"].iter_rows(values_only=True) if row[0]}
    assert summary["Request"] == EXAMPLE_3
    assert summary["Run"] == record.run_id
    [(noi, ratio)] = stored(
        url, "SELECT SUM(noi), SUM(noi) / SUM(annual_debt_service) FROM financial_metrics"
    )
    assert comparable(summary["DSCR analysis: Total noi"]) == noi
    assert summary["DSCR analysis: Overall dscr"] == pytest.approx(ratio, abs=1e-4)


def test_the_workbook_is_made_for_people(sample: Runner) -> None:
    record = sample.run(query(DSCR), request=EXAMPLE_3)
    book = openpyxl.load_workbook(path_of(record, ".xlsx"))
    sheet, metrics = book["DSCR analysis"], book["Financial metrics"]
    assert [cell.value for cell in sheet[1]] == [
        *("Property name", "NOI", "Annual debt service", "DSCR", "DSCR rating"),
    ]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:E11")
    assert sheet["B2"].number_format == '"$"#,##0'
    assert sheet["D2"].number_format == "#,##0.00"
    assert [metrics["H2"].number_format, metrics["A2"].number_format] == ['#,##0" %"', "0"]
    assert (metrics["J2"].is_date, metrics["J2"].number_format) == (True, "yyyy-mm-dd")
    assert sheet.column_dimensions["A"].width > 30
    rules = {
        str(place.sqref): [rule.operator for rule in place.rules] for place in sheet.conditional_formatting
    }
    assert rules["D2:D11"] == [None, "greaterThanOrEqual", "greaterThanOrEqual", None]
    bounds = [rule.formula for place in sheet.conditional_formatting for rule in place.rules if rule.operator]
    assert bounds[:2] == [["1.25"], ["1.0"]]


def test_texts_that_look_like_formulas_stay_texts(sample: Runner) -> None:
    hostile = """SELECT property_name, '=1+1' AS a, '@SUM(A1)' AS b, '-2+3' AS c, 'http://x.test' AS d
    FROM properties"""
    request = "List the properties in Excel and as CSV"
    record = sample.run(query(hostile), request=request)
    sheet = openpyxl.load_workbook(path_of(record, ".xlsx")).worksheets[1]
    assert [(cell.value, cell.data_type) for cell in sheet[2][1:]] == [
        *(("=1+1", "s"), ("@SUM(A1)", "s"), ("-2+3", "s"), ("http://x.test", "s")),
    ]
    assert sheet["B2"].hyperlink is None
    text = path_of(record, ".csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert [list(row.values())[1:] for row in rows] == [["'=1+1", "'@SUM(A1)", "'-2+3", "http://x.test"]] * 10


def test_a_csv_file_has_the_figures_of_the_answer(sample: Runner) -> None:
    record = sample.run(query(DSCR), request="Show the DSCR of each property and save it as dscr.csv")
    assert files_of(record) == ["exports/data/dscr.csv"]
    rows = list(csv.DictReader(io.StringIO(path_of(record, ".csv").read_text(encoding="utf-8-sig"))))
    assert [Decimal(row["dscr"]) for row in rows] == [row["dscr"] for row in rows_of(record)]


def test_a_report_tells_everything_on_numbered_pages(sample: Runner, sample_database: SampleDatabase) -> None:
    request = "Create a PDF report of the monthly income of each property"
    sql = """SELECT p.property_name, m.month, m.noi
    FROM properties p JOIN monthly_income m USING (property_id) ORDER BY 1, 2"""
    record = sample.run(query(sql), request=request)
    reader = pypdf.PdfReader(path_of(record, ".pdf"))
    pages = [page.extract_text() for page in reader.pages]
    count = len(pages)
    assert count > 3
    assert [f"Page {n} of {count}" in page for n, page in enumerate(pages, 1)] == [True] * count
    rows = stored(sample_database.owner_url, sql)
    assert sum(page.count("Property name") for page in pages) >= len(rows) / 60  # the header on each page
    words = " ".join(" ".join(pages).split())
    for name, month, noi in rows:
        assert f"{name} {month} {'-' if noi < 0 else ''}${abs(noi):,.0f}" in words
    assert record.schema_fingerprint is not None
    for told in (
        request,
        record.run_id,
        "scripted-coder-7b",
        "monthly_income AS m",
    ):
        assert told in words
    assert record.schema_fingerprint in words.replace(" ", "")  # it goes over two lines
    assert sum(len(page.images) for page in reader.pages) == 1


def test_charts_are_pictures(sample: Runner) -> None:
    record = sample.run(query(DSCR), request="Draw a bar chart of the NOI of each property as PNG and as SVG")
    assert files_of(record) == [
        *("exports/reports/the_noi_of_each_property.png", "exports/reports/the_noi_of_each_property.svg"),
    ]
    with Image.open(path_of(record, ".png")) as picture:
        assert min(picture.size) > 600
    assert path_of(record, ".svg").read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_a_file_that_cannot_be_made_does_not_cost_the_answer(sample: Runner) -> None:
    record = sample.run(
        query("SELECT property_name, city FROM properties"),
        request="List the cities of the properties as a chart",
    )
    assert (record.status, files_of(record), len(rows_of(record))) == ("ok", [], 10)
    assert any("cities_of_the_properties.png could not be written" in warning for warning in record.warnings)


def test_what_needs_no_database_has_files_too(sample: Runner) -> None:
    code = "def compute():\n    return [{'n': n, 'square': n * n} for n in range(1, 6)]"
    record = sample.run(
        analysis(), function(code), request="The squares of 1 to 5 in an Excel workbook with a chart"
    )
    sheet = openpyxl.load_workbook(path_of(record, ".xlsx")).worksheets[1]
    assert cells(sheet) == [(n, n * n) for n in range(1, 6)]


def path_of(record: RunRecord, ending: str) -> Path:
    (path,) = (file for file in files_of(record) if file.endswith(ending))
    return Path(record.run_dir) / path


def files_of(record: RunRecord) -> list[str]:
    assert record.execution is not None
    return [file for file in record.execution.files if file.startswith("exports/")]


def cells(sheet: Any) -> list[tuple[Any, ...]]:
    """The rows below the header; figures to six decimals, dates without a time."""
    return [tuple(comparable(value) for value in row) for row in sheet.iter_rows(min_row=2, values_only=True)]


def stored(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(comparable(value) for value in row) for row in cursor.fetchall()]
    finally:
        connection.close()


def comparable(value: Any) -> Any:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return round(float(value), 6)
    return value.date() if hasattr(value, "date") else value


def rating(figure: float) -> str:
    return "Strong" if figure >= 1.25 else "Acceptable" if figure >= 1 else "Risky"
