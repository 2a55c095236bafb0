"""Tables as CSV files that Excel and programs read alike."""

import csv
import io
from decimal import Decimal

import simplejson

from meta_agent.templates.script.values import as_json, is_figure

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


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
