"""The script of a page: what the template of the dashboard is filled with."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.function_code import import_block
from meta_agent.generators.query_mender import WrittenQuery
from meta_agent.generators.report_shape import shape_of, shown_ratios
from meta_agent.generators.script_files import COMMON
from meta_agent.generators.script_parts import script_parts
from meta_agent.glossary import Glossary
from meta_agent.rendering import render

_PARTS = Path(__file__).parent.parent / "templates" / "script" / "dashboard"
_IMPORTS = (
    "import logging",
    "import math",
    "import os",
    "import sys",
    "import simplejson",
    "from decimal import Decimal",
    "import csv",
    "import io",
    "import threading",
    "import time",
    "import psycopg2",
    "import waitress",
    "import xlsxwriter",
    "from decimal import InvalidOperation",
    "from decimal import ROUND_HALF_UP",
    "from flask import Flask, Response, render_template_string, request, url_for",
    "from flask_bootstrap import Bootstrap5",
    "from markupsafe import Markup",
    "from psycopg2.extras import RealDictCursor",
    "from urllib.parse import urlencode",
    "from werkzeug.exceptions import BadRequest, HTTPException",
)


def page_source(heading: dict[str, str], reports: list[dict[str, Any]], max_rows: str) -> str:
    """The whole script; ``reports`` as ``page_report`` makes them, ``max_rows`` as Python spells it."""
    return render(
        "templates/script/web_dashboard.py.j2",
        **heading,
        imports=import_block(_IMPORTS),
        reports=reports,
        max_rows=max_rows,
        functions=script_parts(COMMON).functions,
        page=_part("page.html"),
        style=_part("style.css"),
        behaviour=_part("behaviour.js"),
    )


def page_report(query: WrittenQuery, schema: DatabaseSchema, glossary: Glossary) -> dict[str, Any]:
    """An entry of REPORTS in the script of a page."""
    shape = shape_of(query.tree, schema, glossary)
    return {
        "title": query.title,
        "sql": f"\n{query.sql}\n",
        "totals": list(shape.totals),
        "ratios": [asdict(ratio) for ratio in shape.ratios],
        "ratings": {
            name: [(t.at_least, t.label, t.colour) for t in metric.thresholds] for name, metric in shape.rated
        },
        "what_if": [asdict(ratio) for ratio in shown_ratios(query.tree)],
        "labels": {
            name: metric.name
            for name in query.tree.named_selects
            if (metric := glossary.metric_of_column(name)) is not None
        },
    }


def _part(name: str) -> str:
    """A part of the dashboard: its page, style or behaviour."""
    return "\n" + (_PARTS / name).read_text(encoding="utf-8")
