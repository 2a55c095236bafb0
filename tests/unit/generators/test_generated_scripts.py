"""The generated scripts, word for word. ``META_AGENT_REGENERATE_GOLDEN=1 pytest ...`` writes them anew."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import lru_cache
from itertools import product
from pathlib import Path

import pytest
from script_examples import CREATED, analysis, generate, plan, python_block, sql_block

from meta_agent.contracts import GeneratedScript, Scenario, UserRequest, WebServerConfig
from meta_agent.generators.row_change_writer import WrittenChange
from meta_agent.generators.script_files import COMMON
from meta_agent.generators.script_generator import given_script, row_change_script
from meta_agent.generators.script_parts import script_parts
from meta_agent.rendering import render
from meta_agent.validators.row_changes import row_changes
from meta_agent.validators.script_validator import ScriptValidator

GOLDEN = Path(__file__).parents[2] / "golden" / "scripts"
WEB = WebServerConfig(host="127.0.0.1", port=8080)
FALL = Scenario(name="noi -10 %", quantity="noi", change_percent=-10.0)
DSCR = """SELECT p.property_name, f.noi, f.annual_debt_service,
       ROUND(f.noi / f.annual_debt_service, 2) AS DSCR
FROM properties p JOIN financial_metrics f ON p.property_id = f.property_id
ORDER BY dscr DESC"""
EXAMPLE_3 = """Export all property financial data to an Excel spreadsheet.
Include sheets for properties, financial metrics, and DSCR analysis.
Format the DSCR column with conditional formatting.
Save to the exports/reports directory."""
CHART = "Draw a bar chart of the NOI of each property and save it as SVG, and as noi.csv"
TRANSFORM = '''from statistics import median


def transform(rows):
    """Add the middle of all rents to every row."""
    middle = median(row["annual_rent"] for row in rows)
    return [{**row, "median_rent": middle} for row in rows]'''
COMPUTE = """import datetime
from math import sqrt


def compute():
    day = datetime.date(2025, 1, 31)
    return [{"number": n, "root": sqrt(n), "day": day} for n in range(1, 4)]


print(compute())"""

CHANGE = "UPDATE properties\nSET city = 'Tampa'\nWHERE property_name = 'Maple Court'"


@lru_cache(maxsize=1)
def scripts() -> dict[str, GeneratedScript]:
    needs_transform = analysis(complexity="COMPLEX")
    return {
        "simple_report": generate(
            [sql_block("SELECT property_name, city FROM properties WHERE state = 'FL'")],
            "List the properties in Florida (FL).",
        )[0],
        "dscr_report": generate(
            [sql_block(DSCR)], "What is the DSCR of every property?", made_plan=plan(name="DSCR by property")
        )[0],
        "what_if": generate(
            [sql_block(DSCR)], "What would the DSCR be if NOI fell by 10 %?", made_plan=plan(FALL)
        )[0],
        "web_dashboard": generate(
            [sql_block(DSCR)],
            "A web dashboard with the DSCR of every property, and a what-if form",
            made_plan=plan(name="DSCR by property").model_copy(update={"web_server_config": WEB}),
        )[0],
        "with_transform": generate(
            [f"{sql_block('SELECT tenant_name, annual_rent FROM leases')}\n\n{python_block(TRANSFORM)}"],
            "Rents beside the median rent",
            made_analysis=needs_transform,
        )[0],
        "free_form": generate(
            [python_block(COMPUTE)],
            'The roots of 1, 2 and 3, as "numbers"?',
            made_plan=plan(name="Square roots", database=False),
            made_analysis=analysis(tables=()),
        )[0],
        "row_change": row_change_script(
            UserRequest(text="Set the city of Maple Court to Tampa", source="argument"),
            plan(name="Move Maple Court"),
            WrittenChange(CHANGE, ()),
            created=CREATED,
        ),
        "workbook": generate(
            [sql_block(DSCR)], EXAMPLE_3, made_plan=plan(name="All property financial data", asked=EXAMPLE_3)
        )[0],
        "report_document": generate(
            [sql_block(DSCR)],
            "The DSCR of every property, as a PDF",
            made_plan=plan(name="DSCR by property", asked="The DSCR of every property, as a PDF"),
        )[0],
        "picture_and_table": generate(
            [sql_block(DSCR)],
            CHART,
            made_plan=plan(name="NOI of each property", asked=CHART),
        )[0],
        "free_form_csv": generate(
            [python_block(COMPUTE)],
            "The roots of 1, 2 and 3 as CSV",
            made_plan=plan(name="Square roots", database=False, asked="The roots of 1, 2 and 3 as CSV"),
            made_analysis=analysis(tables=()),
        )[0],
    }  # fmt: skip


WITH_FILES = ["workbook", "report_document", "picture_and_table", "free_form_csv"]
FILE_REQUESTS = [
    f"Show the DSCR of each property {wish}"
    for wish in (
        *("as CSV", "in Excel", "in Excel with a chart", "as a PDF", "as a PNG image", "as a pie chart"),
        *("as a line chart", "as a histogram", "as a scatter plot in SVG format", "as a bar chart"),
        "as a pie chart, as PDF and CSV, to a_very_long_name_that_goes_on_and_on_and_on_and_on.pdf",
    )
]
NAMES = [
    "simple_report",
    "dscr_report",
    "what_if",
    "web_dashboard",
    "with_transform",
    "free_form",
    "row_change",
    *WITH_FILES,
]


@pytest.mark.parametrize("name", NAMES)
def test_the_script_is_the_golden_one(name: str) -> None:
    golden = GOLDEN / f"{name}.py"
    if os.environ.get("META_AGENT_REGENERATE_GOLDEN") == "1":
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(scripts()[name].source, encoding="utf-8")
    assert scripts()[name].source == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_our_own_validator_has_nothing_to_say(name: str) -> None:
    script = scripts()[name]
    permitted = tuple(change.sql for change in row_changes(script.source).statements)
    assert [sql.strip() for sql in permitted] == ([CHANGE] if name == "row_change" else [])
    verdict = ScriptValidator().validate(script.source, requirements=script.requirements, permitted=permitted)
    assert (verdict.issues, verdict.security_score) == ((), 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_script_is_formatted_and_lints(name: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(scripts()[name].source, encoding="utf-8")
    assert complaints_of_ruff(path, quotes=name in WITH_FILES) == ""


def complaints_of_ruff(path: Path, *, quotes: bool = False) -> str:
    """What its formatter and its linter have to say of a script, or of all below a folder.

    ``quotes``: it repeats texts for people, which may be longer than a line of code.
    """
    checks = ("E", "W", "F", "I", "B", "UP", "SIM", "C4", "D1", "RET", "PTH")
    ignored = "D103,D107,B905,SIM105,UP017" + (",E501" if quotes else "")
    said = ""
    for arguments in (
        ["format", "--isolated", "--quiet", "--diff"],
        ["check", "--isolated", "--quiet", "--ignore", ignored, "--select", ",".join(checks)],
    ):
        command = [sys.executable, "-m", "ruff", *arguments, str(path)]
        said += subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return said


def test_every_choice_of_parts_is_a_whole_script(tmp_path: Path) -> None:
    """Formatted, and without a name that is missing or of no use."""
    examples = {
        "scenarios": [{"name": "noi -10 %", "changes": ["noi"], "sql": "SELECT 1"}],
        "totals": ["noi"],
        "ratios": [{"column": "dscr", "numerator": "noi", "denominator": "debt", "factor": 1.0}],
        "ratings": {"dscr": [(None, "Risky")]},
    }
    written = scripts()["simple_report"].source
    imports = written[written.index("import logging") : written.index("CONFIG =")].rstrip()
    for number, (*chosen, transform, count) in enumerate(product(*[[False, True]] * 5, [1, 2])):
        parts = {name: examples[name] for name, wanted in zip(examples, chosen, strict=True) if wanted}
        if "ratios" in parts and "totals" not in parts:
            continue  # a ratio of sums needs the sums
        keys = {"keys": ["name"]} if "scenarios" in parts else {}
        source = render(
            "templates/script/console_report.py.j2",
            **{"title": "T", "request": "R", "created": "2026", "imports": imports, "max_rows": "10_000"},
            **{"parts": script_parts(COMMON), "files": None},
            reports=[{"title": f"T{i}", "sql": "\nSELECT 1\n", **keys, **parts} for i in range(count)],
            transform='def transform(rows):\n    """As they are."""\n    return rows' if transform else "",
        )
        (tmp_path / f"script_{number}.py").write_text(source, encoding="utf-8")
        defined = re.findall(r"^def (\w+)", source, re.MULTILINE)
        assert [name for name in defined if source.count(f"{name}(") < 2] == []
    assert complaints_of_ruff(tmp_path) == ""


@pytest.mark.parametrize("request_text", FILE_REQUESTS)
def test_a_script_has_only_the_code_for_its_own_files(request_text: str, tmp_path: Path) -> None:
    """Formatted, accepted, and without a name that is missing or of no use."""
    made = generate([sql_block(DSCR)], request_text, made_plan=plan(asked=request_text))[0]
    (tmp_path / "script.py").write_text(made.source, encoding="utf-8")
    names = re.findall(r"^(?:def |class )?([A-Za-z_]+)(?= =|\(|:$)", made.source, re.MULTILINE)
    assert [name for name in names if len(re.findall(rf"\b{name}\b", made.source)) < 2] == []
    assert complaints_of_ruff(tmp_path, quotes=True) == ""
    verdict = ScriptValidator().validate(made.source, requirements=made.requirements)
    assert (verdict.issues, verdict.security_score) == ((), 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_script_is_python_3_10(name: str) -> None:
    tree = ast.parse(scripts()[name].source, feature_version=(3, 10))
    assert ast.get_docstring(tree)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    undocumented = [n.name for n in functions if not ast.get_docstring(n)]
    assert set(undocumented) <= {"__init__", "compute"}


@pytest.mark.parametrize("name", ["simple_report", "dscr_report", "what_if", "with_transform"])
def test_the_enforced_patterns_are_there(name: str) -> None:
    source = scripts()[name].source
    assert "cursor_factory=RealDictCursor" in source
    assert 'os.getenv("DATABASE_URL", "")' in source
    assert re.search(r"^import logging$", source, re.MULTILINE)
    calls = [line for line in source.splitlines() if "psycopg2.connect(" in line]
    assert len(calls) == 1
    assert calls[0].startswith("    ")


def test_what_surrounds_the_script_is_recorded() -> None:
    script = scripts()["what_if"]
    assert script.needs_database
    assert [r.split("==")[0] for r in script.requirements] == ["psycopg2-binary", "simplejson"]
    assert "what-if: noi changed by -10 %" in script.assumptions
    assert scripts()["free_form"].needs_database is False


HOSTILE = 'x"""\nimport os; os.system("id")\n"""\\ \u202e %s {{ 7 * 7 }} \x1b[31m'


def test_no_text_of_the_request_gets_out_of_the_docstring() -> None:
    script, _ = generate(
        [sql_block("SELECT 'it''s \"\"\" \\ 100 % {x}' AS note, property_name FROM properties")],
        HOSTILE,
        made_plan=plan(name=HOSTILE),
    )
    tree = ast.parse(script.source)
    assert "os.system" not in [
        ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    ]
    reports = next(ast.literal_eval(n.value) for n in tree.body if "REPORTS" in ast.unparse(n)[:8])
    assert "'it''s \"\"\" \\ 100 % {x}'" in reports[0]["sql"]
    assert "\x1b" not in script.source
    assert "\u202e" not in script.source


def test_a_given_script_is_described_by_its_text() -> None:
    script = given_script("import pandas, json\nimport psycopg2\nurl = 'DATABASE_URL'\nimport nonsense_xyz")
    assert script.needs_database
    assert [r.split("==")[0] for r in script.requirements] == ["pandas", "psycopg2-binary"]
    assert "nonsense-xyz" in script.warnings[0]
    assert given_script("def (").requirements == ()
