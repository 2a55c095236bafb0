"""Tables of every shape, and values that would like to do something to the terminal."""

from __future__ import annotations

from decimal import Decimal

import display_examples as examples
import pytest
from rich.cells import cell_len

from meta_agent.display.answer import show_answer, show_failed_output, show_run
from meta_agent.display.tables import show_summary, show_table
from meta_agent.display.values import column_cells, shown, visible

HOSTILE = "\x1b[31mred\x1b[0m\x07 [bold]x[/bold] :smile: \u202eevil\nnext\ttab"


def shown_table(rows: list[dict[str, object]], *, terminal: bool = False, width: int = 80) -> str:
    console = examples.terminal(width) if terminal else examples.pipe()
    show_table(examples.table(rows), examples.glossary(), console, "runs/1/results/result.json")
    return examples.text_of(console)


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("noi", [Decimal("1234.00"), Decimal("5.50")], ["1,234.00", "5.50"]),
        ("noi", [Decimal("1234.00"), Decimal("5.00")], ["1,234.00", "5.00"]),
        ("noi", [Decimal("1234"), 0.5, 7, None], ["1,234.00", "0.50", "7.00", "<null>"]),
        ("noi", [1234.0, 5.0], ["1,234", "5"]),
        ("noi [noi -10 %]", [Decimal("6183900.000"), Decimal("7.200")], ["6,183,900.00", "7.20"]),
        ("rate", [Decimal("0.0575"), Decimal("0.06")], ["0.0575", "0.0600"]),
        ("share", [Decimal("1.33333333333333333"), Decimal("2")], ["1.33", "2.00"]),
        ("share", [Decimal("0.05750000000000000000"), 0.01], ["0.0575", "0.0100"]),
        ("share", [1e-7 / 3], ["0.00000003"]),
        ("latitude", [Decimal("40.712776")], ["40.712776"]),
        ("year_built", [1987, Decimal("2004"), 1999.0], ["1987", "2004", "1999"]),
        ("EXTRACT year", [Decimal("2024")], ["2024"]),
        ("property_id", [12345], ["12345"]),
        ("number_of_units", [12345], ["12,345"]),
        ("years", [12345], ["12,345"]),
        ("is_let", [True, False, None], ["yes", "no", "<null>"]),
        ("x", [-1234567, 0], ["-1,234,567", "0"]),
        ("x", [float("nan"), float("inf"), 1.5], ["NaN", "Infinity", "1.50"]),
        ("x", [1e300, 2.0], ["1.00000e+300", "2"]),
        ("tags", [["a", Decimal("1.50")], {"b": None}], ['["a", 1.50]', '{"b": null}']),
        ("text", ["a\tb\r\n", "\xa0c"], ["a\\tb\\r\\n", " c"]),
    ],
)
def test_cells_of_a_column(column: str, values: list[object], expected: list[str]) -> None:
    assert column_cells(column, values) == expected


def test_rounding_never_lifts_a_figure_over_its_threshold() -> None:
    assert column_cells("dscr", [1.249999, 1.5], [1.25, 1.0]) == ["1.249999", "1.500000"]
    assert column_cells("dscr", [Decimal("1.24996666666666"), Decimal("2")], [1.25]) == ["1.24997", "2.00000"]


def test_a_figure_looks_the_same_in_the_summary() -> None:
    assert shown("Total noi", Decimal("1234.50")) == "1,234.50"


def test_nothing_in_the_data_reaches_the_terminal_as_a_command() -> None:
    for terminal in (True, False):
        text = shown_table([{HOSTILE: HOSTILE}], terminal=terminal)
        assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text and "\t" not in text
        assert "\\x1b[31mred" in text and "[bold]x[/bold] :smile:" in text
    console = examples.terminal()
    show_summary({HOSTILE: HOSTILE}, console)
    assert "\x1b" not in examples.text_of(console)


def test_visible_keeps_letters_of_all_scripts() -> None:
    assert visible("Zürich 東京 Αθήνα é\u0301 👍") == "Zürich 東京 Αθήνα é\u0301 👍"
    assert visible("a\u200bb\udc80") == "a\\u200bb\\udc80"


def test_null_is_visible_and_differs_from_no_text() -> None:
    text = shown_table([{"name": None, "city": ""}, {"name": "", "city": "NULL"}])
    assert text.count("<null>") == 1


def test_columns_stay_aligned_whatever_the_width_of_the_letters() -> None:
    lines = shown_table([{"city": "東京", "n": 5}, {"city": "Rome", "n": 1234}]).splitlines()[1:5]
    assert {cell_len(line) for line in lines} == {cell_len(lines[0])}


def test_no_rows() -> None:
    assert shown_table([]) == "Table\n  (no rows)\n\n"


def test_a_terminal_gets_fifty_rows_and_the_place_of_the_rest() -> None:
    rows: list[dict[str, object]] = [{"n": number} for number in range(1, 61)]
    text = shown_table(rows, terminal=True)
    assert " 50\n" in text and " 51\n" not in text
    assert "10 more of 60 rows: runs/1/results/result.json" in text


def test_a_pipe_gets_every_row_and_every_letter() -> None:
    long = "x" * 5000
    text = shown_table([{"n": number, "text": long} for number in range(60)])
    assert text.count(long) == 60
    assert "more of" not in text


def test_a_terminal_wraps_text_and_never_a_figure() -> None:
    row = {
        "name": "A rather long name of a property",
        "city": "Saint-Pierre-et-Miquelon",
        "noi": 123456789.25,
    }
    text = shown_table([row], terminal=True, width=60)
    assert "123,456,789.25" in text
    assert max(map(cell_len, text.splitlines())) <= 60


def test_more_columns_than_fit_become_a_list_a_row() -> None:
    row = {f"quantity_{number}": 1234567.25 + number for number in range(12)}
    text = shown_table([row, row], terminal=True)
    assert "row 1 of 2" in text and "row 2 of 2" in text
    assert "quantity_11  1,234,578.25" in text


def test_a_very_long_cell_is_cut_on_a_terminal_only() -> None:
    text = shown_table([{"note": "y" * 5000}], terminal=True)
    assert 300 < text.count("y") < 500 and "…" in text


@pytest.mark.parametrize(("label", "code"), [("Strong", "32"), ("Acceptable", "33"), ("Risky", "31")])
def test_ratings_have_their_colours(label: str, code: str) -> None:
    figure = {"Strong": 1.3, "Acceptable": 1.1, "Risky": 0.9}[label]
    console = examples.terminal(colour=True)
    show_table(examples.table([{"dscr": figure, "rating": label}]), examples.glossary(), console, "")
    assert f"\x1b[{code}m{label}" in examples.text_of(console)
    assert f"\x1b[{code}m{figure:.2f}" in examples.text_of(console)


def test_a_pipe_has_no_colours() -> None:
    console = examples.pipe()
    show_answer(examples.record(), examples.glossary(), console)
    assert "\x1b" not in examples.text_of(console)


def test_a_script_without_typed_result_shows_its_block() -> None:
    printed = "log line\n=== Calculation Results ===\nNOI 5\n=== End of Results ===\nmore\n"
    console = examples.pipe()
    execution = examples.execution(result=None, output=printed)
    show_answer(examples.record(execution=execution), examples.glossary(), console)
    assert examples.text_of(console) == "NOI 5\n"


def test_a_failed_script_of_the_user_shows_the_end_of_what_it_said() -> None:
    execution = examples.execution(
        result=None, status="failed", exit_code=1, output="half\n", error_output="x\x1b\nTypeError: no\n"
    )
    record = examples.record(execution=execution, status="failed", script=examples.script(template="given"))
    console, answer = examples.pipe(), examples.pipe()
    show_failed_output(record, console)
    show_answer(record, examples.glossary(), answer)
    assert examples.text_of(console) == "  │ x\\x1b\n  │ TypeError: no\n"
    assert examples.text_of(answer) == "half\n"


def test_a_failed_script_of_ours_answers_nothing() -> None:
    execution = examples.execution(result=None, status="failed", exit_code=1, output="half\n")
    console = examples.pipe()
    show_answer(examples.record(execution=execution, status="failed"), examples.glossary(), console)
    assert examples.text_of(console) == ""


def test_the_name_of_a_scenario_is_not_broken_over_lines() -> None:
    name, changed = "net_operating_income", "net_operating_income [noi -10 %]"
    shown = shown_table([{"property": "Mill " * 5, name: 1, changed: 2}], terminal=True, width=52)
    assert "[noi -10 %]" in shown and changed not in shown


def test_a_dry_run_says_that_nothing_was_run() -> None:
    console = examples.pipe()
    show_run(examples.record(execution=None), console, "python script_executor.py execute")
    shown = examples.text_of(console)
    assert "Dry run: the script was validated and not run." in shown
    assert "Run it:        python script_executor.py execute " in shown and "again" not in shown


def test_a_refused_script_is_not_offered() -> None:
    console = examples.pipe()
    show_run(examples.record(validation=examples.verdict(is_valid=False)), console, "run")
    assert "Script:" not in examples.text_of(console)
