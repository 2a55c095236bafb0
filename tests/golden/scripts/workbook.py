"""All property financial data

Request: Export all property financial data to an Excel spreadsheet. Include sheets
for properties, financial metrics, and DSCR analysis. Format the DSCR column with
conditional formatting. Save to the exports/reports directory.

Written 2026-01-02 03:04 by Meta-Agent Script Executor.
It needs neither that tool nor a model to run:

    pip install -r requirements.txt
    DATABASE_URL=... python script.py
"""

import datetime
import io
import logging
import math
import os
import re
import sys
from decimal import Decimal
from pathlib import Path

import psycopg2
import simplejson
import xlsxwriter
from psycopg2.extras import RealDictCursor

CONFIG = {
    "db_url": os.getenv("DATABASE_URL", ""),
    "output_dir": os.getenv("OUTPUT_DIR", "results"),
    "log_dir": os.getenv("LOG_DIR", "logs"),
    "log_level": os.getenv("LOG_LEVEL", "INFO"),
}

MAX_ROWS = 10_000

REPORTS = [
    {
        "title": "Properties",
        "sql": """
SELECT
  properties.property_id,
  properties.property_name,
  properties.property_address,
  properties.city,
  properties.state,
  properties.property_type,
  properties.year_built,
  properties.square_feet
FROM properties
ORDER BY
  properties.property_id
""",
        "totals": ["square_feet"],
        "ratios": [],
        "ratings": {},
    },
    {
        "title": "Financial metrics",
        "sql": """
SELECT
  financial_metrics.metric_id,
  financial_metrics.property_id,
  financial_metrics.noi,
  financial_metrics.annual_debt_service,
  financial_metrics.gross_revenue,
  financial_metrics.operating_expenses,
  financial_metrics.property_value,
  financial_metrics.occupancy_rate,
  financial_metrics.cap_rate,
  financial_metrics.as_of_date
FROM financial_metrics
ORDER BY
  financial_metrics.metric_id
""",
        "totals": ["noi", "annual_debt_service", "gross_revenue", "operating_expenses"],
        "ratios": [],
        "ratings": {},
    },
    {
        "title": "DSCR analysis",
        "sql": """
SELECT
  p.property_name,
  f.noi,
  f.annual_debt_service,
  ROUND(f.noi / NULLIF(f.annual_debt_service, 0), 2) AS dscr
FROM properties AS p
JOIN financial_metrics AS f
  ON p.property_id = f.property_id
ORDER BY
  dscr DESC
""",
        "totals": ["noi", "annual_debt_service"],
        "ratios": [
            {
                "column": "dscr",
                "numerator": "noi",
                "denominator": "annual_debt_service",
                "factor": 1.0,
            },
        ],
        "ratings": {"dscr": [(1.25, "Strong"), (1.0, "Acceptable"), (None, "Risky")]},
    },
]

SIGNS = {"USD": ("$", ""), "EUR": ("€", ""), "GBP": ("£", ""), "%": ("", " %")}
LABEL_WORDS = {"id", "year", "zip", "code", "number", "no"}
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

ABOUT = {
    "title": "All property financial data",
    "request": """Export all property financial data to an Excel spreadsheet.
Include sheets for properties, financial metrics, and DSCR analysis.
Format the DSCR column with conditional formatting.
Save to the exports/reports directory.""",
    "origin": [("Script written", "2026-01-02 03:04")],
    "assumptions": [
        "DSCR (debt service coverage ratio) = financial_metrics.noi / financial_metrics.annual_debt_service",
        "properties without a match in financial_metrics are left out",
        "a division by zero gives no value",
    ],
    "units": {"occupancy_rate": "%", "cap_rate": "%"},
    "words": {"dscr": "DSCR", "noi": "NOI"},
    "thresholds": {
        "dscr": [
            (1.25, "Strong", "green"),
            (1.0, "Acceptable", "yellow"),
            (None, "Risky", "red"),
        ],
    },
    "scales": [],
    "chart": "fitting",
    "charted": [],
}

logger = logging.getLogger("script")


class TaskExecutor:
    """Runs the queries over one connection, opened only when it is needed."""

    def __init__(self):
        self.connection = None
        self.warnings = []

    def get_connection(self):
        """A read-only connection whose rows are dictionaries, all from one moment."""
        if self.connection is None:
            self.connection = psycopg2.connect(
                CONFIG["db_url"], cursor_factory=RealDictCursor, connect_timeout=10
            )
            self.connection.set_session("REPEATABLE READ", readonly=True)
        return self.connection

    def close(self):
        """Give the connection back, if there is one."""
        if self.connection is not None:
            self.connection.close()

    def run(self):
        """Every report as a table, and a summary over all of them."""
        tables, summary = [], {}
        for report in REPORTS:
            table = self.report_table(report)
            tables.append(table)
            summary.update(summarise(report, table["rows"]))
        return {
            "tables": tables,
            "summary": summary,
            "files": [],
            "warnings": list(dict.fromkeys(self.warnings)),
        }

    def report_table(self, report):
        """The table of one report."""
        columns, rows = self.fetch(report["sql"])
        logger.info("%s: %d rows", report["title"], len(rows))
        for name, thresholds in report["ratings"].items():
            columns, rows = rated(columns, rows, name, thresholds)
        return {"title": report["title"], "columns": columns, "rows": rows}

    def fetch(self, sql):
        """Columns and rows of a query, at most MAX_ROWS of them."""
        # A named cursor leaves the rows on the server until they are fetched.
        with self.get_connection().cursor(name="report") as cursor:
            cursor.execute(sql)
            rows = [dict(row) for row in cursor.fetchmany(MAX_ROWS + 1)]
            columns = list(dict.fromkeys(column.name for column in cursor.description))
        if len(rows) > MAX_ROWS:
            self.warnings.append(
                f"Only the first {MAX_ROWS:,} rows are shown; totals cover these only."
            )
        return columns, rows[:MAX_ROWS]


def rated(columns, rows, name, thresholds):
    """Put the rating beside each column that shows the figure ``name``."""
    for column in [column for column in columns if column == name]:
        label = column.replace(name, f"{name}_rating", 1)
        rows = [{**row, label: rating(row.get(column), thresholds)} for row in rows]
        columns = [known for known in columns if known != label]
        columns.insert(columns.index(column) + 1, label)
    return columns, rows


def rating(value, thresholds):
    """The label of the first threshold that a figure reaches; None for no figure."""
    if not is_figure(value):
        return None
    for at_least, label in thresholds:
        if at_least is None or value >= Decimal(str(at_least)):
            return label
    return None


def summarise(report, rows):
    """How many rows a report has, and what is known of all of them together."""
    if len(rows) < 2:
        return {}
    summary = {"Rows": len(rows), **figures_of(report, rows)}
    return {f"{report['title']}: {name}": value for name, value in summary.items()}


def figures_of(report, rows):
    """What is shown of all rows together."""
    figures = {}
    for column in report["totals"]:
        total = total_of(column, rows)
        if total is not None:
            figures[f"Total {column}"] = total
    for ratio in report["ratios"]:
        value = ratio_of_sums(ratio, report["totals"], rows)
        if value is not None:
            figures[f"Overall {ratio['column']}"] = value
    for column, thresholds in report["ratings"].items():
        if column in rows[0]:
            labels = [rating(row[column], thresholds) for row in rows]
            for _, label in thresholds:
                figures[f"{column} {label}"] = labels.count(label)
    return figures


def total_of(column, rows):
    """The sum of a column's figures; None where it has none, or something else too."""
    values = [row[column] for row in rows if row.get(column) is not None]
    return sum(values) if values and all(map(is_figure, values)) else None


def ratio_of_sums(ratio, totals, rows):
    """Sum of the numerators by sum of the denominators, over rows that have both."""
    names = [ratio["numerator"], ratio["denominator"]]
    if ratio["column"] not in rows[0] or not set(names) <= set(totals):
        return None
    above, below = names
    pairs = [(row[above], row[below]) for row in rows]
    pairs = [pair for pair in pairs if is_figure(pair[0]) and is_figure(pair[1])]
    divisor = sum(Decimal(pair[1]) for pair in pairs)
    if not divisor:
        return None
    dividend = sum(Decimal(pair[0]) for pair in pairs)
    return round(Decimal(str(ratio["factor"])) * dividend / divisor, 4)


def is_figure(value):
    """Whether a value is a number one can reckon with: not NULL, NaN or infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return False
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def as_json(value):
    """A value as JSON knows it: dates as ISO 8601 text, exact numbers as they are."""
    if isinstance(value, (float, Decimal)):
        return value if is_figure(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(inner) for inner in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return str(value)


def as_text(column, value):
    """A value as people read it: thousands separated, years and ids left alone."""
    if value is None:
        return "<null>"
    if not is_figure(value):
        return " ".join(str(value).split())
    if value == int(value) and not isinstance(value, float):
        words = column.lower().replace("_", " ").split()
        return f"{int(value)}" if {"year", "id"} & set(words) else f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 0.01 or not value else f"{value:.4g}"


def origin_lines(about):
    """Where the figures come from: when they were read, and what wrote the script."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return [("Figures read", now.strftime("%Y-%m-%d %H:%M UTC")), *about["origin"]]


def base_name(column):
    """A column's own name; that of a what-if's column stands before the brackets."""
    return column.partition(" [")[0]


def heading(column, about):
    """A column's name as people write it: debt_service as Debt service."""
    name, bracket, scenario = column.partition(" [")
    if name != name.lower() or " " in name:
        return column
    words = [about["words"].get(word, word) for word in name.split("_") if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:] + bracket + scenario


def is_label(column):
    """Whether whole numbers of a column name something, as years and ids do."""
    words = re.findall(r"[a-z]+", base_name(column).lower())
    return bool(words) and (words[-1] in LABEL_WORDS or words[0] == "year")


def values_of(table, column):
    """The values of a column that are there."""
    found = (row.get(column) for row in table["rows"])
    return [value for value in found if value is not None]


def unit_of(table, column, about):
    """The unit of a column's figures, or None. What lies below 1 is no percentage."""
    unit = about["units"].get(base_name(column))
    figures = [value for value in values_of(table, column) if is_figure(value)]
    if unit == "%" and figures and max(map(abs, figures)) <= 1:
        return None
    return unit if unit in SIGNS else None


def decimals_of(table, column, about):
    """How many decimals all figures of a column get.

    Two where any has some; more where rounding would make a figure reach a threshold
    that it does not reach, or nothing at all.
    """
    figures = [value for value in values_of(table, column) if is_figure(value)]
    if all(value == int(value) for value in figures):
        return 0
    thresholds = about["thresholds"].get(base_name(column), [])
    bounds = [bound for bound, _, _ in thresholds if bound is not None]
    decimals = 2
    while decimals < 6 and any(misleads(v, decimals, bounds) for v in figures):
        decimals += 1
    return decimals


def misleads(figure, decimals, bounds):
    """Whether rounding moves a figure over a threshold or makes it nothing."""
    rounded = round(float(figure), decimals)
    crossed = any((rounded >= bound) != (figure >= bound) for bound in bounds)
    return crossed or (figure and not rounded)


def cell_texts(table, column, about):
    """The cells of a column as people read them; "–" where there is no value."""
    decimals = decimals_of(table, column, about)
    before, after = SIGNS.get(unit_of(table, column, about), ("", ""))
    separator = "" if is_label(column) and not decimals else ","
    return [
        f"{'-' if value < 0 else ''}{before}{abs(value):{separator}.{decimals}f}{after}"
        if is_figure(value)
        else other_text(value)
        for value in (row.get(column) for row in table["rows"])
    ]


def other_text(value):
    """What is no figure, as text on one line without control characters."""
    if value is None or isinstance(value, float):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    plain = as_json(value)
    if isinstance(plain, (dict, list)):
        plain = simplejson.dumps(plain, use_decimal=True, ensure_ascii=False)
    return "".join(c if c.isprintable() else " " for c in str(plain))


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


def write_files(result, makers):
    """Write the files that were asked for and name them in the result.

    ``makers``: for each path below EXPORT_DIR a function that gives the content. A file
    that cannot be made is told as a warning: the answer stands without it.
    """
    for path, make in makers.items():
        try:
            save_file(Path(os.getenv("EXPORT_DIR", "exports")) / path, make())
        except Exception:
            logger.exception("%s cannot be written", path)
            result["warnings"].append(
                f"The file {path} could not be written; logs/script.log says why."
            )
        else:
            result["files"].append(f"exports/{path}")


def save_file(path, content):
    """Write a file in one step; an earlier one may belong to another user."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)


def files_of(result):
    """What goes into each file that was asked for, by its path below EXPORT_DIR."""
    return {
        "reports/all_property_financial_data.xlsx": lambda: excel_file(
            result, ABOUT, [colour_rules]
        ),
    }


def print_table(table):
    """One table with its columns aligned, numbers to the right."""
    columns, rows = table["columns"], table["rows"]
    print(table["title"])
    if not rows:
        print("  (no rows)")
        return
    cells = [[as_text(column, row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells)]
    numeric = [any(is_figure(row.get(column)) for row in rows) for column in columns]
    for line in (columns, *cells):
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric)
        )
        print("  " + "  ".join(padded).rstrip())


def save_result(result):
    """Write OUTPUT_DIR/result.json."""
    folder = Path(CONFIG["output_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    text = simplejson.dumps(
        as_json(result), use_decimal=True, ensure_ascii=False, indent=2
    )
    # The old file may belong to another user: it is replaced, not written over.
    draft = folder / "result.json.new"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / "result.json")


def print_result(result):
    """Print the same for people."""
    result = as_json(result)
    print("=== Calculation Results ===")
    for table in result["tables"]:
        print_table(table)
        print()
    for label, value in result["summary"].items():
        print(f"{label}: {as_text(label, value)}")
    for warning in result["warnings"]:
        print(f"Note: {warning}")
    print("=== End of Results ===")


def configure_logging():
    """Log to stderr and, where the folder can be written, to LOG_DIR/script.log."""
    handlers = [logging.StreamHandler(sys.stderr)]
    try:
        folder = Path(CONFIG["log_dir"])
        folder.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(folder / "script.log", encoding="utf-8"))
    except OSError:
        pass  # a log file is a convenience; the run does not depend on it
    known = CONFIG["log_level"].upper() in ("DEBUG", "INFO", "WARNING", "ERROR")
    logging.basicConfig(
        level=CONFIG["log_level"].upper() if known else "INFO",
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=handlers,
    )


def main():
    """Answer the request. Exit status: 0 answered, 1 not answered, 2 no database."""
    configure_logging()
    if not CONFIG["db_url"]:
        logger.error("DATABASE_URL is not set; see README.md for its form")
        return 2
    executor = TaskExecutor()
    try:
        executor.get_connection()
    except psycopg2.OperationalError as error:
        logger.error("The database cannot be reached: %s", str(error).strip())
        return 2
    except psycopg2.Error:
        logger.error("DATABASE_URL is no valid address; see README.md for its form")
        return 2
    try:
        result = executor.run()
        save_result(result)
        write_files(result, files_of(result))
        save_result(result)
        print_result(result)
    except psycopg2.Error as error:
        said = str(error).strip()
        if executor.connection.closed:
            logger.error("The connection was lost: %s", said.split("\n")[0])
            return 2
        logger.error("The query failed: %s", said)
        return 1
    except ValueError as error:
        logger.error("The figures cannot be shown: %s", error)
        return 1
    except OSError as error:
        logger.error("The results cannot be written: %s", error)
        return 1
    finally:
        executor.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
