"""What a script gets of the parts: all it needs, nothing else, nothing twice."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from meta_agent.generators.function_code import defined_names
from meta_agent.generators.script_parts import FOLDER, script_parts


def test_no_name_is_defined_in_two_modules() -> None:
    """They would stand in one script together."""
    sources = [file.read_text(encoding="utf-8") for file in FOLDER.glob("*.py")]
    names = Counter(name for source in sources for name in defined_names(source))
    assert len(names) > 50
    assert [name for name, count in names.items() if count > 1 and name != "logger"] == []


def test_what_is_used_comes_along_and_nothing_else() -> None:
    parts = script_parts(["csv_file"])
    tree = ast.parse("\n".join([*parts.imports, parts.constants, parts.functions]))
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert defined == {"csv_file", "csv_text", "csv_cell", "as_json", "is_figure"}
    assert parts.constants.startswith("FORMULA_SIGNS = ")
    assert set(parts.imports) == {
        "import csv",
        "import io",
        "import math",
        "import simplejson",
        "from decimal import Decimal",
    }


def test_what_a_script_has_already_is_not_given_again() -> None:
    assert "is_figure" in script_parts(["as_json"]).functions
    assert "def is_figure" not in script_parts(["as_json"], given=["is_figure"]).functions


def test_an_unknown_function_is_an_error() -> None:
    with pytest.raises(KeyError):
        script_parts(["no_such_function"])
