"""The result as an Excel workbook: a summary, then one sheet for each table."""

import datetime
import io
import re

import xlsxwriter

from meta_agent.templates.script.chart_choice import chart_of
from meta_agent.templates.script.columns import (
    SIGNS,
    base_name,
    cell_texts,
    decimals_of,
    heading,
    is_label,
    origin_lines,
    other_text,
    unit_of,
    values_of,
)
from meta_agent.templates.script.values import is_figure

CELL_COLOURS = {
    "green": {"bg_color": "#C6EFCE", "font_color": "#006100"},
    "yellow": {"bg_color": "#FFEB9C", "font_color": "#7F6000"},
    "red": {"bg_color": "#FFC7CE", "font_color": "#9C0006"},
    "blue": {"bg_color": "#DDEBF7", "font_color": "#1F4E78"},
    "white": {},
}
DATE = "yyyy-mm-dd"
MOMENT = "yyyy-mm-dd hh:mm"
TIME = "hh:mm:ss"
EXACT_DIGITS = 15
LONGEST_CELL = 32_767
WIDEST = 60
MOST_IN_A_CHART = 60


def excel_file(result, about, finish):
    """A workbook as bytes. ``finish``: functions that complete each table's sheet."""
    buffer = io.BytesIO()
    # The options are a second lock: texts are written as texts, never as formulas.
    book = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties({"title": about["title"]})
    write_summary(book, book.add_worksheet("Summary"), result, about)
    names = {"summary", "history"}  # Excel keeps the second one for itself
    for table in result["tables"]:
        sheet = book.add_worksheet(sheet_name(table["title"], names))
        write_table(book, sheet, table, about)
        for complete in finish:
            complete(book, sheet, table, about)
    book.close()
    return buffer.getvalue()


def sheet_name(title, taken):
    """A name that Excel allows and no other sheet has."""
    wanted = " ".join(re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).split()).strip("'")
    name, number = wanted[:31].strip("' ") or "Table", 1
    while name.lower() in taken:
        number += 1
        name = f"{wanted[:26].strip()} ({number})"
    taken.add(name.lower())
    return name


def write_summary(book, sheet, result, about):
    """What was asked, the figures over all rows and what they rest on."""
    title = book.add_format({"bold": True, "font_size": 14})
    label, text = book.add_format({"bold": True}), book.add_format({"text_wrap": True})
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 90)
    sheet.write_string(0, 0, about["title"][:LONGEST_CELL], title)
    row = 2
    for name, words in (("Request", about["request"]), *origin_lines(about)):
        sheet.write_string(row, 0, name, label)
        sheet.write_string(row, 1, words[:LONGEST_CELL], text)
        row += 1
    row += 1
    for name, value in result["summary"].items():
        column = name.removeprefix("Total ").removeprefix("Overall ")
        table = {"columns": [column], "rows": [{column: value}]}
        sheet.write_string(row, 0, name)
        style = book.add_format({**number_style(table, column, about), "align": "left"})
        write_cell(sheet, row, 1, value, {"number": style})
        row += 1
    if about["assumptions"]:
        sheet.write_string(row + 1, 0, "Assumptions", label)
        for number, assumption in enumerate(about["assumptions"]):
            sheet.write_string(row + 1 + number, 1, assumption[:LONGEST_CELL], text)


def write_table(book, sheet, table, about):
    """A table with a frozen header, filters and columns as wide as their cells."""
    head = book.add_format(
        {
            "bold": True,
            "bg_color": "#1F3864",
            "font_color": "#FFFFFF",
            "text_wrap": True,
        }
    )
    styles = {
        kind: book.add_format({"num_format": kind, "align": "left"})
        for kind in (DATE, MOMENT, TIME)
    }
    styles["long text"] = book.add_format({"text_wrap": True, "valign": "top"})
    for number, column in enumerate(table["columns"]):
        styles["number"] = book.add_format(number_style(table, column, about))
        texts = cell_texts(table, column, about)
        title = heading(column, about)
        longest = max(map(len, (title + " ▾", *texts)))
        sheet.set_column(number, number, min(max(longest + 2, 8), WIDEST))
        sheet.write_string(0, number, title[:LONGEST_CELL], head)
        for place, row in enumerate(table["rows"], 1):
            write_cell(sheet, place, number, row.get(column), styles)
    sheet.freeze_panes(1, 1 if len(table["columns"]) > 4 else 0)
    if table["columns"]:
        sheet.autofilter(0, 0, max(len(table["rows"]), 1), len(table["columns"]) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def number_style(table, column, about):
    """How Excel shows the figures of a column; they themselves stay as they are."""
    decimals = decimals_of(table, column, about)
    if is_label(column) and not decimals:
        return {"num_format": "0"}
    before, after = SIGNS.get(unit_of(table, column, about), ("", ""))
    places = "." + "0" * decimals if decimals else ""
    quoted = [f'"{sign}"' if sign else "" for sign in (before, after)]
    return {"num_format": f"{quoted[0]}#,##0{places}{quoted[1]}"}


def write_cell(sheet, row, column, value, styles):
    """One value as what it is: figure, date, truth value, or text."""
    if value is None or (isinstance(value, float) and not is_figure(value)):
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif is_figure(value):
        if value == int(value) and len(str(abs(int(value)))) > EXACT_DIGITS:
            sheet.write_string(row, column, str(int(value)))  # Excel would round it
        else:
            sheet.write_number(row, column, float(value), styles["number"])
    elif date_format(value):
        plain = value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value
        sheet.write_datetime(row, column, plain, styles.get(date_format(value)))
    else:
        text = other_text(value)
        style = styles.get("long text") if len(text) > WIDEST else None
        sheet.write_string(row, column, text[:LONGEST_CELL], style)


def date_format(value):
    """How a date or time is shown; None for what Excel has no date for."""
    if isinstance(value, datetime.time):
        return TIME
    if not isinstance(value, datetime.date) or value.year < 1900:
        return None
    return MOMENT if isinstance(value, datetime.datetime) else DATE


def colour_rules(book, sheet, table, about):
    """Conditional formats: a figure has the colour of the threshold it reaches."""
    last = len(table["rows"])
    for number, column in enumerate(table["columns"] if last else []):
        name, place = base_name(column), (1, number, last, number)
        rules = []
        for bound, _, colour in about["thresholds"].get(name, []):
            reached = {"type": "cell", "criteria": ">=", "value": bound}
            rules.append(
                (reached if bound is not None else {"type": "no_blanks"}, colour)
            )
        rated = name.removesuffix("_rating") if name.endswith("_rating") else None
        for _, label, colour in about["thresholds"].get(rated, []):
            labelled = {"type": "cell", "criteria": "==", "value": excel_text(label)}
            rules.append((labelled, colour))
        if rules:  # a blank cell would count as 0
            sheet.conditional_format(*place, {"type": "blanks", "stop_if_true": True})
        for rule, colour in rules:
            style = book.add_format(CELL_COLOURS[colour])
            sheet.conditional_format(
                *place, {**rule, "format": style, "stop_if_true": True}
            )
        if name in about["scales"] and any(map(is_figure, values_of(table, column))):
            sheet.conditional_format(*place, {"type": "3_color_scale"})


def excel_text(text):
    """A text inside a formula of our own."""
    return '"' + text.replace('"', '""') + '"'


def native_chart(book, sheet, table, about):
    """A chart of Excel's own beside the table, where the table suits one."""
    kind, label, shown = chart_of(table, about) or (None, None, [])
    is_scatter = kind == "scatter"
    across = shown[0] if is_scatter else label
    if across is None:
        return
    last = min(len(table["rows"]), MOST_IN_A_CHART)
    lying = last > 8 and kind not in ("line", "pie", "scatter")
    usual = {"line": "line", "pie": "pie", "scatter": "scatter"}
    chart = book.add_chart({"type": "bar" if lying else usual.get(kind, "column")})
    places = {name: number for number, name in enumerate(table["columns"])}
    drawn = shown[1:] if is_scatter else shown
    for column in drawn:
        series = {
            "name": [sheet.name, 0, places[column]],
            "categories": [sheet.name, 1, places[across], last, places[across]],
            "values": [sheet.name, 1, places[column], last, places[column]],
        }
        chart.add_series(series)
    chart.set_title({"name": table["title"][:200], "name_font": {"size": 12}})
    names, measure = {"name": heading(across, about)}, {}
    if len(drawn) == 1:
        measure = {"name": heading(drawn[0], about)}
        chart.set_legend({"none": kind != "pie"})
    if lying:  # Excel begins at the bottom: turned round, with the figures still below
        names |= {"reverse": True, "crossing": "max", "interval_unit": 1}
    chart.set_x_axis(measure if lying else names)
    chart.set_y_axis(names if lying else measure)
    chart.set_size({"width": 860, "height": 60 + 22 * max(last, 14) if lying else 420})
    sheet.insert_chart(1, len(table["columns"]) + 1, chart)
