"""Square roots

Request: The roots of 1, 2 and 3 as CSV

Written 2026-01-02 03:04 by Meta-Agent Script Executor.
It needs neither that tool nor a model to run:

    pip install -r requirements.txt
    python script.py
"""

import csv
import datetime
import io
import logging
import math
import os
import sys
from decimal import Decimal
from math import sqrt
from pathlib import Path

import simplejson

CONFIG = {
    "output_dir": os.getenv("OUTPUT_DIR", "results"),
    "log_dir": os.getenv("LOG_DIR", "logs"),
    "log_level": os.getenv("LOG_LEVEL", "INFO"),
}

TITLE = "Square roots"

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")

logger = logging.getLogger("script")


# --- what the request asks for --------------------------------------------------------


def compute():
    day = datetime.date(2025, 1, 31)
    return [{"number": n, "root": sqrt(n), "day": day} for n in range(1, 4)]


# --- output ---------------------------------------------------------------------------


def as_rows(answer):
    """Whatever compute() gave, as a list of dictionaries."""
    if answer is None:
        raise ValueError("compute() gave no answer")
    if isinstance(answer, (dict, str, bytes)) or not hasattr(answer, "__iter__"):
        answer = [answer]
    rows = [row if isinstance(row, dict) else {"result": row} for row in answer]
    return [{str(name): value for name, value in row.items()} for row in rows]


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
        "data/square_roots.csv": lambda: csv_file(result["tables"][0]),
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
    """Answer the request. Exit status: 0 answered, 1 not answered."""
    configure_logging()
    try:
        rows = as_rows(compute())
        columns = list(dict.fromkeys(column for row in rows for column in row))
        table = {"title": TITLE, "columns": columns, "rows": rows}
        result = {"tables": [table], "summary": {}, "files": [], "warnings": []}
        save_result(result)
        write_files(result, files_of(result))
        save_result(result)
        print_result(result)
    except Exception:
        logger.exception("The answer cannot be computed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
