"""What a chart of a table shows."""

from meta_agent.templates.script.columns import (
    base_name,
    is_label,
    is_numeric,
    is_time,
    unit_of,
    values_of,
)

MOST_SERIES = 6
COMPARABLE = 50


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
