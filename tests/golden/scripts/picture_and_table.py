"""NOI of each property

Request: Draw a bar chart of the NOI of each property and save it as SVG, and as
noi.csv

Written 2026-01-02 03:04 by Meta-Agent Script Executor.
It needs neither that tool nor a model to run:

    pip install -r requirements.txt
    DATABASE_URL=... python script.py
"""

import csv
import datetime
import io
import logging
import math
import os
import re
import sys
import textwrap
from decimal import Decimal
from pathlib import Path

import matplotlib
import psycopg2
import simplejson
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
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
        "title": "NOI of each property",
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
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
MOST_SERIES = 6
COMPARABLE = 50
LINES = ["#1F5FA8", "#E08214", "#3A923A", "#B03060", "#7B5BA6", "#6B6B6B"]
RATED = {"green": "#4C9F50", "yellow": "#E3B505", "red": "#C8443C", "blue": "#1F5FA8"}
MOST_BARS = 60
LONGEST_LABEL = 40

ABOUT = {
    "units": {},
    "words": {"dscr": "DSCR", "noi": "NOI"},
    "thresholds": {
        "dscr": [
            (1.25, "Strong", "green"),
            (1.0, "Acceptable", "yellow"),
            (None, "Risky", "red"),
        ],
    },
    "scales": [],
    "chart": "bar",
    "charted": ["noi"],
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
    return {"Rows": len(rows), **figures_of(report, rows)}


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


def is_numeric(table, column):
    """Whether a column holds figures and nothing else."""
    values = values_of(table, column)
    return bool(values) and all(map(is_figure, values))


def is_time(table, column):
    """Whether a column holds dates."""
    values = values_of(table, column)
    return bool(values) and all(isinstance(v, datetime.date) for v in values)


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


def colour_of(value, column, about):
    """The glossary's colour for a figure of a rated column or for a rating, or None."""
    if is_figure(value):
        for bound, _, colour in about["thresholds"].get(base_name(column), []):
            if bound is None or value >= bound:
                return colour
        return None
    rated = base_name(column).removesuffix("_rating")
    labels = {label: colour for _, label, colour in about["thresholds"].get(rated, [])}
    return labels.get(value) if isinstance(value, str) else None


def csv_text(table):
    """A table as comma-separated text, exact figures as they are, nothing for NULL."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([csv_cell(column) for column in table["columns"]])
    for row in table["rows"]:
        writer.writerow([csv_cell(row.get(column)) for column in table["columns"]])
    return buffer.getvalue()


def csv_file(table):
    """The same as a file. The mark at its beginning tells Excel that it is UTF-8."""
    return csv_text(table).encode("utf-8-sig", "replace")


def csv_cell(value):
    """A value as it stands in a CSV file."""
    plain = as_json(value)
    if plain is None:
        return ""
    if is_figure(plain):
        return f"{Decimal(str(plain)):f}"  # not 1E+20, which is text to some programs
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, (dict, list)):
        plain = simplejson.dumps(plain, use_decimal=True, ensure_ascii=False)
    # A text that begins like a formula would be run by Excel: the ' keeps it a text.
    return f"'{plain}" if plain.lstrip().startswith(FORMULA_SIGNS) else plain


def chart_of(table, about):
    """Kind, column of labels (or None) and columns of figures; None if none fits.

    The columns that the request names are taken, else a rated one, else all that share
    unit and size with the first.
    """
    columns = table["columns"]
    figures = [c for c in columns if is_numeric(table, c) and not is_label(c)]
    named = [c for c in figures if base_name(c) in about["charted"]]
    rated = [c for c in figures if base_name(c) in about["thresholds"]]
    shown = named or rated or figures
    if not shown or len(table["rows"]) < 2:
        return None
    kind = about["chart"]
    label = label_column(table, figures, kind)
    if kind == "scatter" and len(set(shown + figures)) > 1:
        return kind, label, list(dict.fromkeys(shown + figures))[:2]
    if kind == "histogram":
        return kind, None, shown[:1]
    shown = [c for c in shown if is_comparable(table, shown[0], c, about)][:MOST_SERIES]
    if kind == "pie" and min(values_of(table, shown[0])) >= 0:
        return kind, label, shown[:1]
    over_time = label and (is_time(table, label) or is_numeric(table, label))
    chosen = "line" if kind == "line" or (kind == "fitting" and over_time) else "bar"
    return chosen, label, shown


def label_column(table, figures, kind):
    """The column that names the rows, best one that is different in each: a text, or
    a date where there is none or a line is wanted."""
    others = [c for c in table["columns"] if c not in figures and values_of(table, c)]
    times = [c for c in others if is_time(table, c)]
    texts = [c for c in others if isinstance(values_of(table, c)[0], str)]
    wanted = [*times, *texts] if kind == "line" else [*texts, *times]
    apart = [c for c in (*wanted, *others) if is_apart(table, c)]
    return next(iter([*apart, *times, *texts, *others]), None)


def is_apart(table, column):
    """Whether a column tells all rows from each other."""
    return len(set(map(str, values_of(table, column)))) == len(table["rows"])


def is_comparable(table, first, other, about):
    """Whether two columns can share an axis: the same unit, and no other size."""
    sizes = [max(map(abs, values_of(table, c))) for c in (first, other)]
    same_unit = unit_of(table, first, about) == unit_of(table, other, about)
    return same_unit and max(sizes) <= COMPARABLE * (min(sizes) or 1)


def chart_file(table, about, drawings, file_format):
    """A chart of a table as a PNG or SVG file; a ValueError where it has no figures."""
    figure = chart_figure(table, about, drawings)
    if figure is None:
        raise ValueError(f"{table['title']}: there are no figures to draw")
    buffer = io.BytesIO()
    figure.savefig(buffer, format=file_format, dpi=160)
    return buffer.getvalue()


def chart_figure(table, about, drawings):
    """A chart of a table, or None where it has no figures or only one row.

    ``drawings``: a function for each kind of chart that may be wanted.
    """
    chosen = chart_of(table, about)
    if chosen is None:
        return None
    # A $ is money here, no formula.
    matplotlib.rcParams["text.parse_math"] = False
    kind = chosen[0]
    figure = Figure(figsize=(9, 5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.15)
    axes = figure.add_subplot()
    note = drawings.get(kind, drawings["bar"])(axes, table, chosen, about)
    title = "\n".join(textwrap.wrap(table["title"], 80)[:3])
    axes.set_title(f"{title}\n{note}" if note else title, fontsize=12, pad=12)
    if kind != "pie":
        axes.spines[["top", "right"]].set_visible(False)
    if len(axes.get_legend_handles_labels()[0]) > 1 and kind != "pie":
        figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def draw_bars(axes, table, chosen, about):
    """A bar for each row; they lie where there are many or their names are long."""
    _, label, shown = chosen
    rows = [row for row in table["rows"] if any(is_figure(row[c]) for c in shown)]
    shown_rows = rows[:MOST_BARS]
    part = {"columns": table["columns"], "rows": shown_rows}
    names = row_names(part, label, about)
    lying = len(names) > 8 or max(map(len, names)) > 12
    height, start = 0.8 / len(shown), -0.4 + 0.4 / len(shown)
    for number, column in enumerate(shown):
        places = [place + start + number * height for place in range(len(names))]
        values = [
            float(row[column]) if is_figure(row[column]) else 0 for row in shown_rows
        ]
        colours = bar_colours(part, column, number, about)
        if lying:
            bars = axes.barh(places, values, height, color=colours)
        else:
            bars = axes.bar(places, values, height, color=colours)
        bars.set_label(heading(column, about))
        if len(shown) == 1:
            axes.bar_label(
                bars, labels=cell_texts(part, column, about), padding=3, fontsize=8
            )
    ticks, value_axis = (axes.yaxis, axes.xaxis) if lying else (axes.xaxis, axes.yaxis)
    ticks.set_ticks(range(len(names)), names, fontsize=9)
    ticks.set_tick_params(length=0)
    name_axis(value_axis, table, shown, about)
    if lying:
        axes.invert_yaxis()
        per_bar = 0.26 * max(1, 0.6 * len(shown))
        axes.figure.set_size_inches(9, max(4, 1.6 + per_bar * len(names)))
    axes.margins(**{"x" if lying else "y": 0.12, "y" if lying else "x": 0.02})
    hidden = len(rows) - len(shown_rows)
    return f"the first {MOST_BARS} of {len(rows):,}" if hidden else ""


def bar_colours(table, column, number, about):
    """One colour, or those of the ratings."""
    usual = LINES[number % len(LINES)]
    if base_name(column) not in about["thresholds"]:
        return usual
    colours = (colour_of(row[column], column, about) for row in table["rows"])
    return [RATED.get(colour, usual) for colour in colours]


def row_names(table, label, about):
    """What stands beside each row; its number where nothing names it."""
    if label is None:
        return [str(number) for number in range(1, len(table["rows"]) + 1)]
    return [short(text) for text in cell_texts(table, label, about)]


def short(text):
    """A text that fits beside a chart."""
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def name_axis(axis, table, columns, about):
    """The name of what an axis measures, with its unit and separated thousands."""
    unit = unit_of(table, columns[0], about)
    name = heading(columns[0], about) if len(columns) == 1 else ""
    if unit and not name:
        axis.set_label_text("%" if unit == "%" else unit)
    else:
        axis.set_label_text(f"{name} ({unit})" if unit else name)
    before, after = SIGNS.get(unit, ("", ""))
    axis.set_major_formatter(
        FuncFormatter(
            lambda value, _: f"{before}{value:,.10g}{after}".replace("$-", "-$")
        )
    )
    axis.set_major_locator(MaxNLocator(nbins=7))


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
    drawings = {"bar": draw_bars}
    return {
        "data/noi.csv": lambda: csv_file(result["tables"][0]),
        "reports/noi.svg": lambda: chart_file(
            result["tables"][0], ABOUT, drawings, "svg"
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
