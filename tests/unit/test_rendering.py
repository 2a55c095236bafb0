# ruff: noqa: E501 - examples stay on one line
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meta_agent
from meta_agent.generators.script_parts import script_parts
from meta_agent.python_literals import python_literal, python_text
from meta_agent.rendering import render

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_a_literal_means_its_value(value: object) -> None:
    assert ast.literal_eval(python_literal(value)) == value


@given(st.text(alphabet=st.sampled_from("ab'\"\\\n\r\t {}%\x00\x1b\u202eé"), max_size=30))
@settings(max_examples=300)
def test_a_text_means_itself_whatever_is_in_it(text: str) -> None:
    assert ast.literal_eval(python_text(text)) == text


def test_literals_are_laid_out_as_a_formatter_would(tmp_path: Path) -> None:
    value = [{"title": "It's", "sql": "\nSELECT 1\n", "totals": ["a" * 30, "b" * 30, "c" * 30], "t": ('say "x"',),
              "mixed": "'\"", "r": {"dscr": [(1.25, "Strong"), (None, "Risky")]}}]  # fmt: skip
    path = tmp_path / "values.py"
    path.write_text(f"VALUE = {python_literal(value)}\n")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(path)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""


def test_a_name_that_nobody_gave_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("prompts/write_query.md.j2", request="x")


@given(st.text(max_size=80))
def test_a_comment_stays_inside_its_docstring(text: str) -> None:
    source = render(
        "templates/script/free_form.py.j2",
        title=text, request=text, created="now", imports="", code="def compute():\n    return 1",
        parts=script_parts((), ()), files=None,
    )  # fmt: skip
    tree = ast.parse(source)
    assert next(node.name for node in tree.body if isinstance(node, ast.FunctionDef)) == "compute"
    assert len([node for node in tree.body if isinstance(node, ast.Expr)]) <= 2


def test_untrusted_text_cannot_end_its_quotes() -> None:
    template = 'a "quoted" \\ text\n'
    assert render("prompts/repair_function.md.j2", problem=template, context="").count(template.strip()) == 1


def test_every_template_of_ours_parses() -> None:
    root = Path(meta_agent.__file__).parent
    environment = jinja2.Environment(autoescape=True)
    found = [*root.glob("prompts/*.j2"), *root.glob("templates/**/*.j2")]
    assert len(found) > 8
    for path in found:
        assert environment.parse(path.read_text(encoding="utf-8")) is not None
