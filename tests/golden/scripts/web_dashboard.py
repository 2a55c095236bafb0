"""DSCR by property

Request: A web dashboard with the DSCR of every property, and a what-if form

Written 2026-01-02 03:04 by Meta-Agent Script Executor.
It needs neither that tool nor a model to run:

    pip install -r requirements.txt
    DATABASE_URL=... python script.py
"""

import csv
import io
import logging
import math
import os
import sys
import threading
import time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from urllib.parse import urlencode

import psycopg2
import simplejson
import waitress
import xlsxwriter
from flask import Flask, Response, render_template_string, request, url_for
from flask_bootstrap import Bootstrap5
from markupsafe import Markup
from psycopg2.extras import RealDictCursor
from werkzeug.exceptions import BadRequest, HTTPException

CONFIG = {
    "db_url": os.getenv("DATABASE_URL", ""),
    # Where the page is shown: on a Unix socket if one is named, else on this machine.
    "socket": os.getenv("PAGE_SOCKET", ""),
    "host": os.getenv("HOST", "127.0.0.1"),
    "port": os.getenv("PORT", "8080"),
    "log_level": os.getenv("LOG_LEVEL", "INFO"),
}
MAX_ROWS = 10_000
ROWS_PER_PAGE = 50
CHART_ROWS = 20
FRESH_SECONDS = 30
"""For so long rows are shown again before they are read anew."""

TITLE = "DSCR by property"
REQUEST = "A web dashboard with the DSCR of every property, and a what-if form"
REPORTS = [
    {
        "title": "DSCR by property",
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
        "ratings": {
            "dscr": [
                (1.25, "Strong", "green"),
                (1.0, "Acceptable", "yellow"),
                (None, "Risky", "red"),
            ],
        },
        "what_if": [
            {
                "column": "dscr",
                "numerator": "noi",
                "denominator": "annual_debt_service",
                "factor": 1.0,
            },
        ],
        "labels": {"noi": "NOI", "dscr": "DSCR"},
    },
]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src 'self' data:; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

PAGE = """
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
{{ bootstrap.load_css() }}
<link rel="stylesheet" href="{{ url_for('style') }}">
<script src="{{ url_for('behaviour') }}" defer></script>
</head>
<body>
<a class="visually-hidden-focusable" href="#table">Skip to the table</a>
<main class="container-fluid py-3">
<h1 class="h4">{{ title }}</h1>
{% if problem %}
<div class="alert alert-warning" role="alert">{{ problem }}</div>
<p><a class="btn btn-outline-primary" href="{{ url_for('page') }}">Try again</a></p>
{% else %}
<p class="text-body-secondary small">{{ request_text }}</p>
{% if reports | length > 1 %}
<nav aria-label="Reports"><ul class="nav nav-tabs mb-3">
{% for report in reports %}
<li class="nav-item"><a class="nav-link {{ 'active' if loop.index0 == view.number }}"
 href="{{ url_for('page', report=loop.index0) }}">{{ report.title }}</a></li>
{% endfor %}
</ul></nav>
{% endif %}
<form id="wishes" method="get" action="{{ url_for('page') }}"
 class="row g-2 mb-3">
{% for name in ("report", "sort", "down") %}
<input type="hidden" name="{{ name }}"
 value="{{ request.args.get(name, '') }}">
{% endfor %}
<fieldset class="col-12 col-lg-5"><legend class="h6">Filter</legend>
<div class="row g-2">
<div class="col-7">
<label class="form-label small" for="text">Text in any column</label>
<input class="form-control form-control-sm" id="text" name="text" maxlength="100"
 value="{{ view.text }}"></div>
{% if view.ratings %}
<div class="col-5"><label class="form-label small" for="rating">Rating</label>
<select class="form-select form-select-sm" id="rating" name="rating">
<option value="">all</option>
{% for label in view.ratings %}
<option {{ "selected" if label == view.rating }}>{{ label }}</option>
{% endfor %}
</select></div>
{% endif %}
</div></fieldset>
{% if view.inputs %}
<fieldset class="col-12 col-lg-7"><legend class="h6">What if</legend>
<div class="row g-2">
{% for input in view.inputs %}
<div class="col-6 col-md-5">
<label class="form-label small"
 for="change_{{ input.column }}">{{ input.label }} changes by, %</label>
<input class="form-control form-control-sm" type="number" inputmode="decimal"
 min="-100" max="1000" step="any" id="change_{{ input.column }}"
 name="change_{{ input.column }}" value="{{ input.percent }}"></div>
{% endfor %}
</div></fieldset>
{% endif %}
<div class="col-12"><button class="btn btn-primary btn-sm">Calculate</button>
<a class="btn btn-outline-secondary btn-sm"
 href="{{ url_for('page', report=view.number) }}">Reset</a></div>
</form>
<div id="figures" aria-live="polite" aria-busy="false">
{% if view.warnings %}
<div class="alert alert-warning">{{ view.warnings | join(" ") }}</div>
{% endif %}
<section aria-label="Summary" class="row g-2 mb-3">
{% for figure in view.summary %}
<div class="col-6 col-md-4 col-xl-2"><div class="card h-100">
<div class="card-body p-2">
<div class="small text-body-secondary">{{ figure.label }}</div>
<div class="fs-5" data-figure="{{ figure.label }}">{{ figure.value }}</div>
{% if figure.what_if is not none %}
<div class="small">what if:
<strong data-what-if="{{ figure.label }}">{{ figure.what_if }}</strong></div>
{% endif %}
</div></div></div>
{% endfor %}
</section>
{% if chart %}
<section aria-label="Chart" class="card mb-3">
<div class="card-body p-2 chart" tabindex="0">{{ chart }}</div></section>
{% endif %}
<section aria-label="Table">
<div class="table-responsive" tabindex="0">
<table class="table table-sm table-hover align-middle" id="table">
<caption>{{ view.found }} of {{ view.total }} rows, read {{ view.read_at }}</caption>
<thead><tr>
{% for column in view.columns %}
<th scope="col" aria-sort="{{ column.order }}"
 class="{{ 'text-end' if column.numeric }}">
<a href="{{ column.link }}">{{ column.label }}{{ column.arrow }}</a></th>
{% endfor %}
</tr></thead>
<tbody>
{% for row in rows %}
<tr>
{% for cell in row %}
<td class="{{ 'text-end' if cell.numeric }}
 {{ 'rated rated-' ~ cell.colour if cell.colour }}">{{ cell.text }}</td>
{% endfor %}
</tr>
{% else %}
<tr><td colspan="{{ view.columns | length }}">No row fits the filter.</td></tr>
{% endfor %}
</tbody></table></div>
{% if view.pages | length > 1 %}
<nav aria-label="Pages"><ul class="pagination pagination-sm flex-wrap">
{% for page in view.pages %}
<li class="page-item {{ 'active' if page.number == view.page }}">
<a class="page-link" href="{{ page.link }}"
 {{ 'aria-current=page' if page.number == view.page }}>{{ page.number }}</a></li>
{% endfor %}
</ul></nav>
{% endif %}
<p><a class="btn btn-outline-secondary btn-sm" href="{{ view.csv }}">CSV</a>
<a class="btn btn-outline-secondary btn-sm" href="{{ view.excel }}">Excel</a></p>
</section>
</div>
{% endif %}
</main>
</body>
</html>
"""

STYLE = """
.rated { font-weight: 600; }
.rated-green { background-color: #d1e7dd !important; color: #0a3622 !important; }
.rated-yellow { background-color: #fff3cd !important; color: #664d03 !important; }
.rated-red { background-color: #f8d7da !important; color: #58151c !important; }
.rated-blue { background-color: #cfe2ff !important; color: #052c65 !important; }
th a { color: inherit; white-space: nowrap; }
td.text-end { font-variant-numeric: tabular-nums; white-space: nowrap; }
a:focus-visible, input:focus-visible, select:focus-visible,
button:focus-visible {
  outline: 3px solid #0d6efd; outline-offset: 2px;
}
.chart { overflow-x: auto; }
svg {
  display: block; width: 100%; height: auto; min-width: 600px; max-width: 900px;
}
svg text { fill: currentColor; font-size: 12px; }
svg .axis { stroke: currentColor; stroke-opacity: 0.35; }
svg .bound { stroke: currentColor; stroke-dasharray: 4 3; }
svg .bar { fill: #6c757d; }
svg .bar-green { fill: #198754; }
svg .bar-yellow { fill: #d39e00; }
svg .bar-red { fill: #dc3545; }
svg .bar-blue { fill: #0d6efd; }
svg .what-if { fill: none; stroke: currentColor; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  :root {
    --bs-body-bg: #212529; --bs-body-color: #dee2e6;
    --bs-secondary-color: rgba(222, 226, 230, 0.75);
    --bs-border-color: #495057;
    --bs-border-color-translucent: rgba(255, 255, 255, 0.15);
    --bs-link-color: #6ea8fe; --bs-link-color-rgb: 110, 168, 254;
    --bs-link-hover-color-rgb: 139, 185, 254;
    --bs-emphasis-color: #fff; --bs-emphasis-color-rgb: 255, 255, 255;
    --bs-tertiary-bg: #2b3035;
    --bs-heading-color: inherit; color-scheme: dark;
  }
  .btn-outline-secondary { --bs-btn-color: #adb5bd; --bs-btn-border-color: #adb5bd; }
  .rated-green { background-color: #0f5132 !important; color: #d1e7dd !important; }
  .rated-yellow { background-color: #664d03 !important; color: #fff3cd !important; }
  .rated-red { background-color: #842029 !important; color: #f8d7da !important; }
  .rated-blue { background-color: #084298 !important; color: #cfe2ff !important; }
}
@media print { form, nav, .btn { display: none !important; } }
"""

BEHAVIOUR = """
"use strict";
// Without this file the form works as well: it is then sent by its button.
const form = document.getElementById("wishes");
let wait = 0;
let latest = 0;

async function show(address) {
  const number = ++latest;
  const place = document.getElementById("figures");
  place.setAttribute("aria-busy", "true");
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const figures = page.getElementById("figures");
  if (number !== latest) return;
  if (!answer.ok || !figures) {
    window.location.assign(address);
    return;
  }
  place.replaceWith(figures);
  window.history.replaceState(null, "", address);
}

function recalculate() {
  if (!form.checkValidity()) return;
  show("?" + new URLSearchParams(new FormData(form)).toString());
}

if (form) {
  form.addEventListener("input", () => {
    window.clearTimeout(wait);
    wait = window.setTimeout(recalculate, 150);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    recalculate();
  });
}
"""

logger = logging.getLogger("script")
app = Flask(__name__)
app.config.update(
    BOOTSTRAP_SERVE_LOCAL=True, TRUSTED_HOSTS=["127.0.0.1", "localhost", "[::1]"]
)
Bootstrap5(app)


# --- reading ----------------------------------------------------------------------


class Data:
    """The rows of every report, read anew when they are older than FRESH_SECONDS."""

    def __init__(self):
        self.lock = threading.Lock()
        self.kept = {}

    def of(self, number):
        """Columns, rows, warnings of a report and when they were read."""
        with self.lock:
            kept = self.kept.get(number)
            if kept is None or time.monotonic() - kept["clock"] > FRESH_SECONDS:
                kept = self.kept[number] = self.read(REPORTS[number])
            return kept

    def read(self, report):
        """One query over a read-only connection, at most MAX_ROWS rows."""
        connection = connect()
        try:
            # A named cursor leaves the rows on the server until they are fetched.
            with connection.cursor(name="report") as cursor:
                cursor.itersize = cursor.arraysize = MAX_ROWS + 1
                cursor.execute(report["sql"])
                rows = [dict(row) for row in cursor.fetchmany(MAX_ROWS + 1)]
                columns = list(
                    dict.fromkeys(column.name for column in cursor.description)
                )
        finally:
            connection.close()
        logger.info("%s: %d rows", report["title"], len(rows))
        warnings = []
        if len(rows) > MAX_ROWS:
            warnings = [
                f"Only the first {MAX_ROWS:,} rows are shown; totals cover these only."
            ]
        rows = rows[:MAX_ROWS]
        for name, thresholds in report["ratings"].items():
            columns, rows = rated(columns, rows, name, thresholds)
        return {
            "columns": columns,
            "rows": rows,
            "warnings": warnings,
            "clock": time.monotonic(),
            "read_at": time.strftime("%H:%M:%S"),
        }


def connect():
    """A read-only connection whose rows are dictionaries."""
    connection = psycopg2.connect(
        CONFIG["db_url"], cursor_factory=RealDictCursor, connect_timeout=10
    )
    connection.set_session("REPEATABLE READ", readonly=True)
    return connection


data = Data()


# --- reckoning --------------------------------------------------------------------


def rated(columns, rows, name, thresholds):
    """Put the rating beside the column that shows the figure ``name``."""
    if name not in columns:
        return columns, rows
    label = rating_column(name)
    rows = [{**row, label: rating(row.get(name), thresholds)[0]} for row in rows]
    columns = [known for known in columns if known != label]
    columns.insert(columns.index(name) + 1, label)
    return columns, rows


def rating_column(name):
    """What the column is called that says how good the figure ``name`` is."""
    return f"{name}_rating"


def rating(value, thresholds):
    """Label and colour of the first threshold that a figure reaches; None and ""."""
    if is_figure(value):
        for at_least, label, colour in thresholds:
            if at_least is None or value >= Decimal(str(at_least)):
                return label, colour
    return None, ""


def changed(report, rows, changes):
    """The rows if each column of ``changes`` moved by its percentage."""
    result = []
    for row in rows:
        new = dict(row)
        for column, percent in changes.items():
            if is_figure(row.get(column)):
                new[column] = exact(row[column]) * (100 + percent) / 100
        for ratio in report["what_if"]:
            new[ratio["column"]] = ratio_of(ratio, new, row)
        for name, thresholds in report["ratings"].items():
            if name in row:
                new[rating_column(name)] = rating(new[name], thresholds)[0]
        result.append(new)
    return result


def ratio_of(ratio, new, old):
    """A ratio of the changed parts, with the query's decimals, at most four."""
    above, below = new.get(ratio["numerator"]), new.get(ratio["denominator"])
    if not is_figure(above) or not is_figure(below) or not below:
        return None
    before = old.get(ratio["column"])
    places = 4
    if isinstance(before, Decimal) and before.is_finite():
        places = max(0, min(-before.as_tuple().exponent, 4))
    value = Decimal(str(ratio["factor"])) * exact(above) / exact(below)
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def exact(value):
    """A figure as a decimal number."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def summarise(report, rows):
    """How many rows a report has, and what is known of all of them together."""
    summary = {"Rows": len(rows)}
    for column in report["totals"]:
        values = [row[column] for row in rows if row.get(column) is not None]
        if values and all(map(is_figure, values)):
            summary[f"Total {column}"] = sum(values)
    for ratio in report["ratios"]:
        pairs = [
            (row.get(ratio["numerator"]), row.get(ratio["denominator"])) for row in rows
        ]
        pairs = [
            (exact(a), exact(b)) for a, b in pairs if is_figure(a) and is_figure(b)
        ]
        divisor = sum(below for _, below in pairs)
        if divisor:
            overall = (
                Decimal(str(ratio["factor"]))
                * sum(above for above, _ in pairs)
                / divisor
            )
            summary[f"Overall {ratio['column']}"] = round(overall, 4)
    for name, thresholds in report["ratings"].items():
        labels = [row.get(rating_column(name)) for row in rows]
        for _, label, _ in thresholds:
            summary[f"{name} {label}"] = labels.count(label)
    return summary


# --- what is asked for ------------------------------------------------------------


def wanted_report():
    """The number of the report in the address. Raises BadRequest."""
    number = request.args.get("report", "") or "0"
    if not number.isdecimal() or len(number) > 4 or int(number) >= len(REPORTS):
        raise BadRequest("There is no such report.")
    return int(number)


def inputs_of(report, columns):
    """The columns that a what-if may change: those its ratios are made of."""
    parts = [
        r[name] for r in report["what_if"] for name in ("numerator", "denominator")
    ]
    return [name for name in dict.fromkeys(parts) if name in columns]


def wanted_changes(report, columns):
    """Column to percentage, for those that are not 0. Raises BadRequest."""
    changes = {}
    for column in inputs_of(report, columns):
        text = request.args.get(f"change_{column}", "").strip() or "0"
        try:
            percent = Decimal(text[:20])
        except InvalidOperation:
            raise BadRequest(f"The change of {column} must be a number.") from None
        if not percent.is_finite() or not -100 <= percent <= 1000:
            raise BadRequest(
                f"The change of {column} must lie between -100 and 1000 percent."
            )
        if percent:
            changes[column] = percent
    return changes


def wanted_rows():
    """All that the address asks for: the report with its what-if, filtered and sorted.

    Each row is a pair: as it is, and as it would be.
    """
    number = wanted_report()
    report, kept = REPORTS[number], data.of(number)
    changes = wanted_changes(report, kept["columns"])
    rows = kept["rows"]
    pairs = list(zip(rows, changed(report, rows, changes) if changes else rows))
    shown = shown_columns(report, kept["columns"], changes)
    found = {
        "number": number,
        "report": report,
        "kept": kept,
        "changes": changes,
        "shown": shown,
    }
    found["text"] = request.args.get("text", "").strip()[:100]
    found["rating"] = request.args.get("rating", "")
    return {**found, "pairs": in_order(filtered(pairs, found), shown)}


def filtered(pairs, found):
    """The pairs that have the wanted text and rating."""
    if found["text"]:
        pairs = [pair for pair in pairs if has_text(pair[0], found["text"])]
    if found["rating"]:
        names = [rating_column(name) for name in found["report"]["ratings"]]
        wanted = found["rating"]
        pairs = [
            pair for pair in pairs if wanted in [pair[1].get(name) for name in names]
        ]
    return pairs


def in_order(pairs, shown):
    """The pairs sorted by the column in the address, those without a value last."""
    column, down = wanted_order()
    place = next(((index, c) for name, index, c in shown if name == column), None)
    if place is None:
        return pairs
    index, name = place
    empty = [pair for pair in pairs if pair[index].get(name) is None]
    full = [pair for pair in pairs if pair[index].get(name) is not None]
    return (
        sorted(full, key=lambda pair: sort_key(pair[index][name]), reverse=down) + empty
    )


def wanted_order():
    """The column to sort by, and whether downwards."""
    return request.args.get("sort", ""), request.args.get("down", "") == "1"


def shown_columns(report, columns, changes):
    """Of each column shown: name, 0 (as it is) or 1 (what if), and its source."""
    shown = [(column, 0, column) for column in columns]
    if changes:
        names = [
            ratio["column"] for ratio in report["what_if"] if ratio["column"] in columns
        ]
        names += [rating_column(name) for name in names if name in report["ratings"]]
        shown += [(f"{name} (what if)", 1, name) for name in names]
    return shown


def has_text(row, text):
    """Whether a cell of the row contains the text, as people read it or as it is."""
    text = text.casefold()
    return any(
        text in as_text(column, value).casefold() or text in str(value).casefold()
        for column, value in row.items()
        if value is not None
    )


def sort_key(value):
    """Figures by size, before anything else by its text."""
    return (0, value, "") if is_figure(value) else (1, 0, str(value).casefold())


def address(endpoint, **changes):
    """The address of now with some parameters changed."""
    kept = {name: value for name, value in request.args.items() if value}
    kept.update({name: str(value) for name, value in changes.items()})
    query = urlencode({name: value for name, value in kept.items() if value})
    return url_for(endpoint) + (f"?{query}" if query else "")


# --- showing ----------------------------------------------------------------------


@app.get("/")
def page():
    """The dashboard."""
    found = wanted_rows()
    last = max(1, -(-len(found["pairs"]) // ROWS_PER_PAGE))
    here = page_number(last)
    pairs = found["pairs"][(here - 1) * ROWS_PER_PAGE : here * ROWS_PER_PAGE]
    return render_template_string(
        PAGE,
        title=TITLE,
        request_text=REQUEST,
        problem="",
        reports=REPORTS,
        view=view_of(found, here, last),
        rows=[cells_of(pair, found) for pair in pairs],
        chart=chart_of(found, pairs[:CHART_ROWS]),
    )


def page_number(last):
    """The page in the address, brought between 1 and the last one."""
    text = request.args.get("page", "")
    number = int(text) if text.isdecimal() and len(text) < 7 else 1
    return min(max(number, 1), last)


def view_of(found, here, last):
    """What stands around the rows of the table."""
    report, kept, changes = found["report"], found["kept"], found["changes"]
    near = sorted({1, last, *range(max(1, here - 3), min(last, here + 3) + 1)})
    thresholds = [t for all_of_one in report["ratings"].values() for t in all_of_one]
    return {
        "number": found["number"],
        "text": found["text"],
        "rating": found["rating"],
        "ratings": list(dict.fromkeys(label for _, label, _ in thresholds)),
        "inputs": [
            {"column": c, "label": heading(report, c), "percent": changes.get(c, 0)}
            for c in inputs_of(report, kept["columns"])
        ],
        "warnings": kept["warnings"],
        "summary": summary_cards(found),
        "found": f"{len(found['pairs']):,}",
        "total": f"{len(kept['rows']):,}",
        "read_at": kept["read_at"],
        "columns": [head_of(column, found) for column in found["shown"]],
        "page": here,
        "pages": [{"number": n, "link": address("page", page=n)} for n in near],
        "csv": address("as_csv", page=""),
        "excel": address("as_excel", page=""),
    }


def head_of(column, found):
    """The head of a column; its link sorts by it, or turns the order round."""
    name, index, source = column
    sort, down = wanted_order()
    is_sorted = sort == name
    order = ("descending" if down else "ascending") if is_sorted else "none"
    first = found["pairs"][:ROWS_PER_PAGE]
    return {
        "label": heading(found["report"], name),
        "numeric": any(is_figure(pair[index].get(source)) for pair in first),
        "order": order,
        "arrow": {"ascending": " ▲", "descending": " ▼"}.get(order, ""),
        "link": address(
            "page", sort=name, down=1 if order == "ascending" else "", page=""
        ),
    }


def heading(report, name):
    """A column's name for people, with what a metric is called in the glossary."""
    start, words_of_it = next(
        ((c, label) for c, label in report["labels"].items() if is_about(name, c)),
        ("", ""),
    )
    return words_of_it + name[len(start) :].replace("_", " ")


def is_about(name, column):
    """Whether a name is that of a column, of its rating or of its what-if."""
    return name == column or name.startswith((f"{column} ", rating_column(column)))


def summary_cards(found):
    """The summary of the rows that are shown, and what it would be."""
    before = summarise(found["report"], [pair[0] for pair in found["pairs"]])
    after = summarise(found["report"], [pair[1] for pair in found["pairs"]])
    return [
        {
            "label": card_heading(found["report"], label),
            "value": as_text(label, value),
            "what_if": None
            if after.get(label) == value
            else as_text(label, after.get(label)),
        }
        for label, value in before.items()
    ]


def card_heading(report, label):
    """The label of a figure in the summary, for people."""
    kind, _, column = label.partition(" ")
    if kind in ("Total", "Overall"):
        return f"{kind} {heading(report, column)}"
    return heading(report, label)


def cells_of(pair, found):
    """A row of the table: texts with the colours of their ratings."""
    ratings = found["report"]["ratings"]
    cells = []
    for _, index, column in found["shown"]:
        value = pair[index].get(column)
        rated_by = column.removesuffix("_rating") if column not in ratings else column
        colour = ""
        if rated_by in ratings and column in (rated_by, rating_column(rated_by)):
            colour = rating(pair[index].get(rated_by), ratings[rated_by])[1]
        text = "" if value is None else as_text(column, value)
        cells.append({"text": text, "numeric": is_figure(value), "colour": colour})
    return cells


def chart_of(found, pairs):
    """Bars of the rated figure, else of the last one, as an SVG; None without any."""
    columns = found["kept"]["columns"]
    figures = [c for c in columns if any(is_figure(base.get(c)) for base, _ in pairs)]
    names = [
        c for c in columns if any(isinstance(base.get(c), str) for base, _ in pairs)
    ]
    names = [c for c in names if not c.endswith("_rating")]
    if not figures or not names:
        return None
    rated_ones = [c for c in figures if c in found["report"]["ratings"]]
    return Chart(found, pairs, names[0], (rated_ones or figures[::-1])[0]).drawn()


class Chart:
    """A bar for each row, an outline for its what-if, and a line for each threshold."""

    LEFT, WIDTH, LINE, TOP, BOTTOM = 210, 640, 22, 26, 40

    def __init__(self, found, pairs, name, figure):
        self.report, self.changes = found["report"], found["changes"]
        self.pairs, self.name, self.figure = pairs, name, figure
        self.thresholds = self.report["ratings"].get(figure, [])
        self.bounds = [float(t[0]) for t in self.thresholds if t[0] is not None]
        cells = [row.get(figure) for pair in pairs for row in pair]
        values = [float(value) for value in cells if is_figure(value)]
        self.low, self.high, self.step = scale(
            min(values + [0]), max(values + self.bounds + [0])
        )
        self.end = self.TOP + self.LINE * len(pairs) + 4

    def x(self, value):
        """Where a value lies on the axis."""
        share = (float(value) - self.low) / (self.high - self.low)
        return round(self.LEFT + share * self.WIDTH, 1)

    def drawn(self):
        """The whole picture."""
        figure, name = (
            heading(self.report, self.figure),
            heading(self.report, self.name),
        )
        axis = figure + (" (outline: what if)" if self.changes else "")
        size = f"0 0 {self.LEFT + self.WIDTH + 50} {self.end + self.BOTTOM}"
        middle = self.LEFT + self.WIDTH // 2
        return Markup("").join(
            [
                Markup('<svg viewBox="{}" role="img" aria-label="{}">').format(
                    size, figure
                ),
                words(self.LEFT, 14, "start", f"{figure} by {name}"),
                *self.axis(),
                *self.bars(),
                *(
                    upright("bound", self.x(bound), self.TOP - 6, self.end)
                    for bound in self.bounds
                ),
                words(middle, self.end + 34, "middle", axis),
                Markup("</svg>"),
            ]
        )

    def axis(self):
        """A line and a number at every step."""
        for step in range(round((self.high - self.low) / self.step) + 1):
            tick = self.low + self.step * step
            yield upright("axis", self.x(tick), self.TOP, self.end)
            yield words(self.x(tick), self.end + 16, "middle", f"{tick:,.6g}")

    def bars(self):
        """The bars of every row, with its name at the left."""
        for number, (base, what_if) in enumerate(self.pairs):
            y = self.TOP + self.LINE * number
            yield words(self.LEFT - 8, y + 15, "end", short(base.get(self.name)))
            colour = rating(base.get(self.figure), self.thresholds)[1]
            yield self.bar(f"bar bar-{colour}", y, base)
            if self.changes:
                yield self.bar("what-if", y, what_if)

    def bar(self, kind, y, row):
        """One bar; nothing where there is no figure."""
        value = row.get(self.figure)
        if not is_figure(value):
            return Markup("")
        start, end = sorted([self.x(0), self.x(value)])
        title = f"{short(row.get(self.name))}: {as_text(self.figure, value)}"
        return Markup(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}">'
            "<title>{}</title></rect>"
        ).format(kind, start, y + 3, round(end - start, 1), self.LINE - 7, title)


def words(x, y, anchor, text):
    """A text in a picture."""
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
        x, y, anchor, text
    )


def upright(kind, x, top, end):
    """A line from top to bottom in a picture."""
    return Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        kind, x, x, top, end
    )


def scale(low, high):
    """The ends of an axis around two figures, and a round step (1, 2, 5, 10 …)."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 5))
    step = next(power * n for n in (1, 2, 5, 10) if span / (power * n) <= 6)
    return math.floor(low / step) * step, math.ceil((high or step) / step) * step, step


def short(value):
    """A name as it fits beside a bar."""
    text = " ".join(str(value).split()) if value is not None else ""
    return text if len(text) <= 30 else text[:29] + "…"


# --- for programs -----------------------------------------------------------------


@app.get("/api/data")
def api_data():
    """The rows: ``report``, ``text``, ``rating``, ``sort``, ``down=1``, ``page``."""
    found = wanted_rows()
    last = max(1, -(-len(found["pairs"]) // ROWS_PER_PAGE))
    here = page_number(last)
    pairs = found["pairs"][(here - 1) * ROWS_PER_PAGE : here * ROWS_PER_PAGE]
    return answer(
        {
            "title": found["report"]["title"],
            "columns": [name for name, _, _ in found["shown"]],
            "rows": [row_of(pair, found) for pair in pairs],
            "total_rows": len(found["pairs"]),
            "page": here,
            "pages": last,
        }
    )


@app.get("/api/summary")
def api_summary():
    """The figures over all rows that fit the filter."""
    found = wanted_rows()
    return answer(summarise(found["report"], [pair[0] for pair in found["pairs"]]))


@app.get("/api/what-if")
def api_what_if():
    """Summary and rows, as they are and with ``change_COLUMN=PERCENT``."""
    found = wanted_rows()
    return answer(
        {
            "changes": found["changes"],
            "base": summarise(found["report"], [pair[0] for pair in found["pairs"]]),
            "what_if": summarise(found["report"], [pair[1] for pair in found["pairs"]]),
            "rows": [row_of(pair, found) for pair in found["pairs"]],
        }
    )


@app.get("/api/result")
def api_result():
    """All reports as one typed result, the same that a report in the terminal has."""
    tables, summary, warnings = [], {}, []
    for number, report in enumerate(REPORTS):
        kept = data.of(number)
        rows = [as_json(row) for row in kept["rows"]]
        tables.append(
            {"title": report["title"], "columns": kept["columns"], "rows": rows}
        )
        for label, value in summarise(report, kept["rows"]).items():
            summary[label if len(REPORTS) == 1 else f"{report['title']}: {label}"] = (
                value
            )
        warnings += kept["warnings"]
    return answer(
        {"tables": tables, "summary": summary, "files": [], "warnings": warnings}
    )


@app.get("/health")
def health():
    """Whether the page and its database answer."""
    connect().close()
    return answer({"status": "ok"})


def answer(content, status=200):
    """A JSON response with exact numbers."""
    text = simplejson.dumps(as_json(content), use_decimal=True, ensure_ascii=False)
    return Response(text, status=status, mimetype="application/json")


def row_of(pair, found):
    """A row of the table by its columns' names."""
    return {name: pair[index].get(column) for name, index, column in found["shown"]}


# --- files ------------------------------------------------------------------------


@app.get("/data.csv")
def as_csv():
    """All rows that fit the filter, without anything that is taken for a formula."""
    found = wanted_rows()
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([harmless(name) for name, _, _ in found["shown"]])
    for pair in found["pairs"]:
        writer.writerow([harmless(value) for value in row_of(pair, found).values()])
    return download(stream.getvalue().encode("utf-8-sig"), "text/csv", "data.csv")


def harmless(value):
    """A cell of a CSV file."""
    if value is None or is_figure(value):
        return value
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@app.get("/data.xlsx")
def as_excel():
    """All rows that fit the filter, as a sheet of numbers and plain text."""
    found = wanted_rows()
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    sheet = book.add_worksheet("Data")
    bold, number = (
        book.add_format({"bold": True}),
        book.add_format({"num_format": "#,##0.00"}),
    )
    for at, (name, _, _) in enumerate(found["shown"]):
        sheet.write_string(0, at, name, bold)
        sheet.set_column(at, at, max(12, min(40, len(name) + 4)))
    for line, pair in enumerate(found["pairs"], 1):
        for at, value in enumerate(row_of(pair, found).values()):
            if is_figure(value):
                whole = value == int(value)
                sheet.write_number(line, at, float(value), None if whole else number)
            elif value is not None:
                sheet.write_string(line, at, str(value))  # never a formula
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(1, len(found["pairs"])), max(0, len(found["shown"]) - 1))
    book.close()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return download(stream.getvalue(), kind, "data.xlsx")


def download(content, mimetype, name):
    """A file for the browser to save."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, mimetype=mimetype, headers=headers)


# --- the web server ---------------------------------------------------------------


@app.get("/dashboard.css")
def style():
    """The page's own style, on top of Bootstrap's."""
    return Response(STYLE, mimetype="text/css")


@app.get("/dashboard.js")
def behaviour():
    """The page's only script: it recalculates while somebody types."""
    return Response(BEHAVIOUR, mimetype="text/javascript")


@app.after_request
def with_headers(response):
    """A page that loads nothing from elsewhere, and that no other page can use."""
    response.headers.update(HEADERS)
    if request.endpoint not in ("bootstrap.static", "static"):
        response.headers["Cache-Control"] = "no-store"
    return response


@app.errorhandler(psycopg2.Error)
def database_failed(error):
    """A sentence in place of a traceback; the log has the reason."""
    logger.error("The database did not answer: %s", str(error).strip())
    if isinstance(error, psycopg2.OperationalError):
        return sorry("The database cannot be reached at the moment.", 503)
    return sorry("The database could not answer the query; the log says why.", 500)


@app.errorhandler(HTTPException)
def refused(error):
    """What was asked for cannot be given."""
    return sorry(error.description or "This cannot be shown.", error.code or 500)


@app.errorhandler(Exception)
def failed(error):
    """Anything nobody thought of."""
    logger.exception("The page could not be made: %s", error)
    return sorry("The page could not be made; the log says why.", 500)


def sorry(sentence, status):
    """The sentence as a page, or as JSON for a program."""
    if request.path.startswith("/api/") or request.path == "/health":
        return answer({"error": sentence}, status)
    return render_template_string(PAGE, title=TITLE, problem=sentence), status


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


def configure_logging():
    """Log to stderr: the container keeps it."""
    known = CONFIG["log_level"].upper() in ("DEBUG", "INFO", "WARNING", "ERROR")
    logging.basicConfig(
        level=CONFIG["log_level"].upper() if known else "INFO",
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[logging.StreamHandler(sys.stderr)],
    )


def main():
    """Show the page until the process is ended. Exit status: 2 without a database."""
    configure_logging()
    if not CONFIG["db_url"]:
        logger.error("DATABASE_URL is not set; see README.md for its form")
        return 2
    if CONFIG["socket"]:
        waitress.serve(
            app, unix_socket=CONFIG["socket"], unix_socket_perms="666", threads=4
        )
    else:
        logger.info("http://%s:%s", CONFIG["host"], CONFIG["port"])
        waitress.serve(app, host=CONFIG["host"], port=int(CONFIG["port"]), threads=4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
