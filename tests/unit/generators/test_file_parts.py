"""The functions that write files, called as a script calls them, with everything a database may hold."""

from __future__ import annotations

import datetime
import io
import math
import uuid
from decimal import Decimal
from itertools import pairwise
from typing import Any

import openpyxl
import pypdf
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from meta_agent.templates.script import charts, excel, pdf_report
from meta_agent.templates.script.chart_choice import chart_of
from meta_agent.templates.script.columns import cell_texts, heading
from meta_agent.templates.script.csv_files import csv_cell, csv_text

THRESHOLDS = [(1.25, "Strong", "green"), (1.0, "Acceptable", "yellow"), (None, "Risky", "red")]
ABOUT: dict[str, Any] = {
    "title": "A <b>title</b> & more",
    "request": "=1+1 <i>of</i> Łódź",
    "origin": [("Run", "script_1")],
    "assumptions": ["noi < 5 & so on"],
    "units": {"noi": "USD", "occupancy": "%", "debt": "USD"},
    "words": {"noi": "NOI", "dscr": "DSCR"},
    "thresholds": {"dscr": THRESHOLDS},
    "scales": ["noi"],
    "chart": "fitting",
    "charted": [],
}
DRAWINGS = {
    "bar": charts.draw_bars,
    "line": charts.draw_lines,
    "pie": charts.draw_pie,
    "scatter": charts.draw_points,
    "histogram": charts.draw_histogram,
}
ODD: list[Any] = [
    *(None, True, 0, -5, 10**20, Decimal("1.5"), Decimal("1E-9"), float("nan"), float("inf")),
    *(datetime.date(1850, 1, 1), datetime.date(2026, 2, 3), datetime.time(7, 8)),
    datetime.datetime(2026, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
    *(datetime.timedelta(days=3), uuid.UUID(int=5), b"\x00\xff", [1, Decimal("2.5")], {"a": None}),
    *("", "=1+1", "+49 30", "\t=x", "a\x00b\x1b[31m", "x" * 40_000, "<para>&lt;", "東京 $1 $2", "\ud800"),
]


def table(*columns: str, rows: list[tuple[Any, ...]], title: str = "T") -> dict[str, Any]:
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return {"title": title, "columns": list(columns), "rows": named}


def properties(count: int) -> dict[str, Any]:
    rows = [(f"Property with a long name {n}", Decimal(n * 1000), Decimal(n) / 10) for n in range(count)]
    return table("property_name", "noi", "dscr", rows=rows)


def result(*tables: dict[str, Any]) -> dict[str, Any]:
    return {"tables": list(tables), "summary": {"Rows": 3, "Total noi": Decimal("5.50")}, "warnings": ["W"]}


def workbook(*tables: dict[str, Any]) -> Any:
    content = excel.excel_file(result(*tables), ABOUT, [excel.colour_rules, excel.native_chart])
    return openpyxl.load_workbook(io.BytesIO(content))


# --- CSV ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        *((None, ""), (True, "true"), (Decimal("1.00"), "1.00"), (-5, "-5"), (0.1, "0.1")),
        (1e20, "100000000000000000000"),
        *((math.nan, ""), ("=1+1", "'=1+1"), ("+49", "'+49"), ("-x", "'-x"), ("@a", "'@a"), (" =a", "' =a")),
        *(("\t=a", "'\t=a"), ("a=b", "a=b"), (datetime.date(2026, 1, 2), "2026-01-02"), ([1], "[1]")),
    ],
)  # fmt: skip
def test_a_cell_of_a_csv_file(value: Any, written: str) -> None:
    assert csv_cell(value) == written


def test_quotes_and_line_ends_stay_inside_their_cell() -> None:
    assert csv_text(table("a", "=b", rows=[('say "x",\ny', 1)])) == 'a,\'=b\r\n"say ""x"",\ny",1\r\n'


# --- Excel --------------------------------------------------------------------------


def test_every_value_has_a_cell_of_its_kind() -> None:
    sheet = workbook(table("noi", rows=[(value,) for value in ODD]))["T"]
    cells = {str(value)[:30]: sheet.cell(row=n, column=1) for n, value in enumerate(ODD, 2)}
    kinds = {name: cell.data_type for name, cell in cells.items()}
    assert "f" not in kinds.values()
    assert [cells[name].value for name in ("None", "nan", "inf")] == [None, None, None]
    assert cells["True"].value is True
    assert cells[str(10**20)].value == "1" + "0" * 20  # digits that Excel would round
    assert cells["1850-01-01"].value == "1850-01-01"  # before Excel's calendar
    assert cells["2026-02-03"].value == datetime.datetime(2026, 2, 3)
    assert cells["2026-02-03 04:05:00+00:00"].value == datetime.datetime(2026, 2, 3, 4, 5)
    assert cells["=1+1"].value == "=1+1"
    assert len(cells["x" * 30].value) == 32_767


def test_sheets_get_names_that_excel_takes() -> None:
    titles = ["Summary", "a/b:c*?[x]\\", "'quoted'", "History", "x" * 40, "X" * 40, ""]
    book = workbook(*(table("a", rows=[(1,)], title=title) for title in titles))
    names = book.sheetnames
    assert len(names) == len({name.lower() for name in names}) == 8
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)
    assert "History" not in names


def test_a_table_without_rows_or_columns_is_a_sheet_all_the_same() -> None:
    book = workbook(table("a", rows=[]), {"title": "none", "columns": [], "rows": []})
    assert [book["T"]["A1"].value, book["none"]["A1"].value] == ["A", None]


def test_colours_follow_the_thresholds_and_leave_blanks_alone() -> None:
    sheet = workbook(table("dscr", "dscr_rating", rows=[(Decimal("1.3"), "Strong"), (None, None)]))["T"]
    rules = {
        str(p.sqref): [(r.type, r.operator, r.formula) for r in p.rules] for p in sheet.conditional_formatting
    }
    assert [kind for kind, _, _ in rules["A2:A3"]] == [
        "containsBlanks",
        "cellIs",
        "cellIs",
        "notContainsBlanks",
    ]
    assert [formula for _, _, formula in rules["B2:B3"]][1:] == [['"Strong"'], ['"Acceptable"'], ['"Risky"']]


def test_a_blank_cell_is_not_held_against_the_other_rules() -> None:
    sheet = workbook(table("dscr", rows=[(1,), (None,)]))["T"]
    (first, *_) = [rule for place in sheet.conditional_formatting for rule in place.rules]
    assert (first.type, first.priority, first.stopIfTrue) == ("containsBlanks", 1, True)


def test_a_column_named_in_the_request_gets_a_scale() -> None:
    sheet = workbook(table("noi", rows=[(1,), (2,)]))["T"]
    assert [rule.type for place in sheet.conditional_formatting for rule in place.rules] == ["colorScale"]


def test_a_chart_of_excels_own_refers_to_the_cells() -> None:
    (chart,) = workbook(properties(12))["T"]._charts
    (series,) = chart.series
    assert series.val.numRef.f == "T!$C$2:$C$13"
    assert series.cat.strRef.f == "T!$A$2:$A$13"
    assert (chart.barDir, chart.x_axis.scaling.orientation) == ("bar", "maxMin")


# --- charts -------------------------------------------------------------------------


def drawn(content: dict[str, Any], kind: str = "fitting", *charted: str) -> Any:
    figure = charts.chart_figure(content, {**ABOUT, "chart": kind, "charted": list(charted)}, DRAWINGS)
    assert figure is not None
    FigureCanvasAgg(figure).draw()
    return figure


@pytest.mark.parametrize("charted", [(), ("noi",), ("noi", "debt")])
def test_forty_categories_stand_apart(charted: tuple[str, ...]) -> None:
    rows = [(f"Property with a long name {n}", n * 10_000_000, n * 9_000_000, n / 10) for n in range(40)]
    figure = drawn(table("property_name", "noi", "debt", "dscr", rows=rows), "bar", *charted)
    (axes,) = figure.axes
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert len(boxes) == 40
    assert not any(one.overlaps(other) for one, other in pairwise(boxes))
    across = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    assert not any(one.overlaps(other) for one, other in pairwise(across))
    assert figure.bbox.contains(boxes[0].x0, boxes[0].y0)


def test_axes_have_names_units_and_thousands() -> None:
    (axes,) = drawn(properties(40), "bar", "noi").axes
    assert axes.get_xlabel() == "NOI (USD)"
    assert [label.get_text() for label in axes.get_xticklabels()][1] == "$8,000"


def test_bars_have_the_colours_of_their_ratings() -> None:
    (axes,) = drawn(table("name", "dscr", rows=[("a", 1.3), ("b", 1.1), ("c", 0.5)])).axes
    colours = [patch.get_facecolor() for patch in axes.patches]
    assert len(set(colours)) == 3


def test_more_bars_than_anybody_reads_are_cut_and_told() -> None:
    (axes,) = drawn(properties(500), "bar").axes
    assert len(axes.patches) == charts.MOST_BARS
    assert "the first 60 of 500" in axes.get_title()


def test_dates_make_lines_one_for_each_thing() -> None:
    rows = [(datetime.date(2025, m, 1), name, m) for m in range(1, 13) for name in ("A $1", "B $2")]
    (axes,) = drawn(table("month", "name", "noi", rows=rows)).axes
    assert [line.get_label() for line in axes.lines] == ["A $1", "B $2"]
    assert [len(line.get_xdata()) for line in axes.lines] == [12, 12]


def test_small_slices_of_a_pie_are_put_together() -> None:
    (axes,) = drawn(properties(20), "pie", "noi").axes
    assert len(axes.patches) == charts.MOST_SLICES
    assert "13 others" in [text.get_text() for text in axes.texts]


def test_what_makes_no_pie_becomes_bars() -> None:
    rows = [("a", -1), ("b", 2)]
    assert chart_of(table("name", "x", rows=rows), {**ABOUT, "chart": "pie"}) == ("bar", "name", ["x"])


def test_figures_of_other_units_and_sizes_share_no_axis() -> None:
    rows = [("a", 1_000_000, 5, 900_000), ("b", 2_000_000, 6, 800_000)]
    content = table("name", "noi", "floors", "debt", rows=rows)
    assert chart_of(content, ABOUT) == ("bar", "name", ["noi", "debt"])


@pytest.mark.parametrize(
    "content", [table("a", rows=[("x",), ("y",)]), table("a", rows=[(1,)]), table("a", rows=[])]
)
def test_without_figures_there_is_no_chart(content: dict[str, Any]) -> None:
    assert charts.chart_figure(content, ABOUT, DRAWINGS) is None
    with pytest.raises(ValueError, match="no figures"):
        charts.chart_file(content, ABOUT, DRAWINGS, "png")


@pytest.mark.parametrize("kind", DRAWINGS)
def test_missing_figures_break_no_chart(kind: str) -> None:
    rows = [("a", 1, 2.5), ("b", None, None), (None, math.nan, 1), ("$\\nonsense{$", 3, 4)]
    assert charts.chart_file(table("name", "x", "y", rows=rows), {**ABOUT, "chart": kind}, DRAWINGS, "svg")


# --- PDF ----------------------------------------------------------------------------


def pages(*tables: dict[str, Any]) -> list[str]:
    content = pdf_report.pdf_file(result(*tables), ABOUT, [("Q", "\nSELECT 1\n")], DRAWINGS)
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def test_a_report_holds_every_kind_of_value_and_no_markup() -> None:
    words = " ".join(" ".join(pages(table("noi", rows=[(value,) for value in ODD]))).split())
    for expected in (
        "A <b>title</b> & more",
        "=1+1 <i>of</i> Łódź",
        "• noi < 5 & so on",
        "<para>&lt;",
        "SELECT 1",
    ):
        assert expected in words


def test_a_wide_table_goes_on_in_parts_that_begin_with_its_first_column() -> None:
    names = [f"figure_number_{n}" for n in range(30)]
    rows = [(f"row {r}", *(Decimal("1234567.89") for _ in names)) for r in range(3)]
    content = pdf_report.pdf_file(result(table("name", *names, rows=rows)), ABOUT, [], DRAWINGS)
    reader = pypdf.PdfReader(io.BytesIO(content))
    assert reader.pages[0].mediabox.width > reader.pages[0].mediabox.height
    words = " ".join(page.extract_text() for page in reader.pages)
    assert "Columns, part 1 of 3" in words
    assert words.count("row 2") == 3
    assert words.count("1,234,567.89") == 90


def test_of_very_long_tables_the_report_says_how_much_it_shows() -> None:
    words = " ".join(pages(properties(2_500)))
    assert "The first 2,000 of 2,500 rows." in words


# --- cells --------------------------------------------------------------------------


def test_figures_do_not_seem_to_reach_a_threshold_by_rounding() -> None:
    content = table("dscr", rows=[(Decimal("1.2499"),), (Decimal("1.5"),)])
    assert cell_texts(content, "dscr", ABOUT) == ["1.2499", "1.5000"]


def test_money_percentages_and_labels_are_written_as_such() -> None:
    rows = [(Decimal("-1234.50"), 85, 2026, 0.5), (Decimal("5"), 90, 1999, None)]
    content = table("noi", "occupancy", "year_built", "x", rows=rows)
    shown = [cell_texts(content, column, ABOUT) for column in content["columns"]]
    assert shown == [["-$1,234.50", "$5.00"], ["85 %", "90 %"], ["2026", "1999"], ["0.50", "–"]]


def test_a_share_of_one_is_no_percentage() -> None:
    assert cell_texts(table("occupancy", rows=[(0.85,), (1,)]), "occupancy", ABOUT) == ["0.85", "1.00"]


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        *(("annual_debt_service", "Annual debt service"), ("noi", "NOI"), ("dscr_rating", "DSCR rating")),
        *(("noi [noi -10 %]", "NOI [noi -10 %]"), ("My Column", "My Column"), ("?column?", "?column?")),
    ],
)
def test_columns_are_headed_in_words(column: str, shown: str) -> None:
    assert heading(column, ABOUT) == shown
