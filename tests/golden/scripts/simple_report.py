"""The report

Request: List the properties in Florida (FL).

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
        "title": "The report",
        "sql": """
SELECT
  property_name,
  city
FROM properties
WHERE
  state = 'FL'
""",
    },
]

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


def summarise(report, rows):
    """How many rows a report has, and what is known of all of them together."""
    if len(rows) < 2:
        return {}
    return {"Rows": len(rows)}


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
