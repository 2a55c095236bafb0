"""Move Maple Court

Request: Set the city of Maple Court to Tampa

Written 2026-01-02 03:04 by Meta-Agent Script Executor.
It needs neither that tool nor a model to run:

    pip install -r requirements.txt
    DATABASE_URL=... python script.py
"""

import logging
import math
import os
import sys
from decimal import Decimal
from pathlib import Path

import psycopg2
import simplejson

CONFIG = {
    "db_url": os.getenv("DATABASE_URL", ""),
    "output_dir": os.getenv("OUTPUT_DIR", "results"),
    "log_dir": os.getenv("LOG_DIR", "logs"),
    "log_level": os.getenv("LOG_LEVEL", "INFO"),
}

TITLE = "Move Maple Court"

STATEMENT = """
UPDATE properties
SET city = 'Tampa'
WHERE property_name = 'Maple Court'
"""

logger = logging.getLogger("script")


def change_rows(connection):
    """How many rows the statement changed, in one transaction: all of them or none."""
    with connection, connection.cursor() as cursor:
        cursor.execute(STATEMENT)
        return cursor.rowcount


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
    """Change the rows. Exit status: 0 changed, 1 not changed, 2 no database."""
    configure_logging()
    if not CONFIG["db_url"]:
        logger.error("DATABASE_URL is not set; see README.md for its form")
        return 2
    try:
        connection = psycopg2.connect(CONFIG["db_url"], connect_timeout=10)
    except psycopg2.Error as error:
        logger.error("The database cannot be reached: %s", str(error).strip())
        return 2
    try:
        rows = [{"rows_changed": change_rows(connection)}]
        table = {"title": TITLE, "columns": ["rows_changed"], "rows": rows}
        result = {"tables": [table], "summary": {}, "files": [], "warnings": []}
        save_result(result)
        print_result(result)
    except psycopg2.Error as error:
        logger.error("The statement failed: %s", str(error).strip())
        return 1
    except OSError as error:
        logger.error("The rows are changed; the results cannot be written: %s", error)
        return 1
    finally:
        connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
