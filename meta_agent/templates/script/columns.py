"""What a column of a table means and how its cells are shown in files."""

import datetime
import re

import simplejson

from meta_agent.templates.script.values import as_json, is_figure

SIGNS = {"USD": ("$", ""), "EUR": ("€", ""), "GBP": ("£", ""), "%": ("", " %")}
LABEL_WORDS = {"id", "year", "zip", "code", "number", "no"}


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
