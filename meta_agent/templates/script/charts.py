"""Charts of tables as pictures."""

import io
import textwrap

import matplotlib
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from meta_agent.templates.script.chart_choice import chart_of, is_apart
from meta_agent.templates.script.columns import (
    SIGNS,
    base_name,
    cell_texts,
    colour_of,
    heading,
    is_time,
    unit_of,
    values_of,
)
from meta_agent.templates.script.values import is_figure

LINES = ["#1F5FA8", "#E08214", "#3A923A", "#B03060", "#7B5BA6", "#6B6B6B"]
RATED = {"green": "#4C9F50", "yellow": "#E3B505", "red": "#C8443C", "blue": "#1F5FA8"}
MOST_BARS = 60
MOST_SLICES = 8
LONGEST_LABEL = 40


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


def draw_lines(axes, table, chosen, about):
    """A line for each column, or for each thing that the rows are about."""
    _, label, shown = chosen
    rows = table["rows"]
    if label is None:
        points = list(range(1, len(rows) + 1))
    elif is_time(table, label) or all(is_figure(row[label]) for row in rows):
        points = [row[label] for row in rows]
    else:
        points = row_names(table, label, about)
    lines, note = series_of(table, label, shown, about)
    for number, (name, column, chosen) in enumerate(lines):
        pairs = [
            (points[i], float(rows[i][column]))
            for i in chosen
            if points[i] is not None and is_figure(rows[i][column])
        ]
        if label is not None and not isinstance(points[0], str):
            pairs.sort(key=lambda pair: pair[0])
        marker = "o" if len(pairs) <= 40 else None
        axes.plot(
            [point for point, _ in pairs],
            [value for _, value in pairs],
            marker=marker,
            markersize=4,
            color=LINES[number % len(LINES)],
            label=name,
        )
    name_points(axes, table, label, points, about)
    name_axis(axes.yaxis, table, shown, about)
    axes.grid(axis="y", alpha=0.3)
    return note


def series_of(table, label, shown, about):
    """Name, column and rows of each line; where a date stands in several rows, one
    line for each text beside it."""
    everywhere = range(len(table["rows"]))
    lines = [(heading(column, about), column, everywhere) for column in shown]
    if label is None or is_apart(table, label):
        return lines, ""
    for column in table["columns"]:
        values = values_of(table, column)
        if column == label or not values or not isinstance(values[0], str):
            continue
        names = list(dict.fromkeys(values))
        if len(names) > 1:
            of_name = {name: [] for name in names}
            for number, row in enumerate(table["rows"]):
                if row.get(column) is not None:
                    of_name[row[column]].append(number)
            kept = names[: len(LINES)]
            note = (
                f"the first {len(kept)} of {len(names)}"
                if len(names) > len(kept)
                else ""
            )
            return [(short(name), shown[0], of_name[name]) for name in kept], note
    return lines, ""


def name_points(axes, table, label, points, about):
    """The ticks of the axis along which the lines go."""
    if label is None:
        return
    axes.set_xlabel(heading(label, about))
    if is_time(table, label):
        locator = AutoDateLocator(maxticks=10)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    elif isinstance(points[0], str):
        step = -(-len(points) // 25)
        axes.set_xticks(range(0, len(points), step), points[::step])
        axes.tick_params(axis="x", labelrotation=60 if max(map(len, points)) > 6 else 0)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_points(axes, table, chosen, about):
    """A point for each row with both figures."""
    across, up = chosen[2]
    rows = [r for r in table["rows"] if is_figure(r[across]) and is_figure(r[up])]
    axes.scatter(
        [float(row[across]) for row in rows],
        [float(row[up]) for row in rows],
        color=LINES[0],
        alpha=0.7,
    )
    name_axis(axes.xaxis, table, [across], about)
    name_axis(axes.yaxis, table, [up], about)
    axes.grid(alpha=0.3)
    return ""


def draw_histogram(axes, table, chosen, about):
    """How many rows have a figure of which size."""
    column = chosen[2][0]
    values = [float(v) for v in values_of(table, column) if is_figure(v)]
    bins = min(max(len(set(values)) // 2, 5), 30)
    axes.hist(values, bins=bins, color=LINES[0], edgecolor="white")
    name_axis(axes.xaxis, table, [column], about)
    axes.set_ylabel("Rows")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return ""


def draw_pie(axes, table, chosen, about):
    """The shares of a whole; small ones together."""
    _, label, shown = chosen
    names = row_names(table, label, about)
    sizes = [float(r[shown[0]]) if is_figure(r[shown[0]]) else 0 for r in table["rows"]]
    slices = sorted(zip(sizes, names, strict=True), reverse=True)
    if len(slices) > MOST_SLICES:
        rest = slices[MOST_SLICES - 1 :]
        slices = [
            *slices[: MOST_SLICES - 1],
            (sum(size for size, _ in rest), f"{len(rest)} others"),
        ]
    axes.pie(
        [size for size, _ in slices],
        labels=[name for _, name in slices],
        autopct="%.1f %%",
        pctdistance=0.75,
        startangle=90,
        counterclock=False,
        textprops={"fontsize": 9},
        wedgeprops={"edgecolor": "white"},
    )
    return heading(shown[0], about)


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
