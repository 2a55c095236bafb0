"""Values and loops so large that they use up the memory or the time of any machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import islice, product
from math import log2, prod
from typing import Any

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.reading import Script

LARGEST_ITEMS = 200_000_000
"""Characters, bytes, list entries or array elements."""
MOST_ROUNDS = 10_000_000_000
MOST_BITS = 100_000_000
_MOST_COMBINATIONS = 64
_MATERIALISING = {
    "builtins.list", "builtins.tuple", "builtins.set", "builtins.sorted", "builtins.bytes",
    "builtins.bytearray", "numpy.array",
}  # fmt: skip
_ALLOCATING = {
    "builtins.bytes", "builtins.bytearray", "numpy.zeros", "numpy.ones", "numpy.empty", "numpy.full",
    "numpy.arange", "numpy.random.rand", "numpy.random.randn", "numpy.eye", "numpy.identity",
}  # fmt: skip
_PADDING = {"ljust", "rjust", "center", "zfill"}
_WIDTH = re.compile(r"\d{9,}")
_ENTITY = re.compile(r"<!ENTITY\s", re.IGNORECASE)


def check_sizes(script: Script) -> Iterator[ValidationIssue]:
    """Findings on huge values, huge loops and XML that unfolds itself."""
    for node in script.program.nodes:
        too_large = (
            (isinstance(node, ast.BinOp) and _is_large_result(script, node))
            or (isinstance(node, ast.Call) and _is_large_call(script, node))
            or (isinstance(node, ast.For | ast.GeneratorExp) and _rounds_of(script, node) > MOST_ROUNDS)
            or (
                isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp)
                and _rounds_of(script, node) > LARGEST_ITEMS
            )
            or (isinstance(node, ast.FormattedValue) and _is_wide(script, node))
        )
        if too_large:
            yield rules.RESOURCE_EXHAUSTION.at(
                getattr(node, "lineno", None),
                "This takes more memory or time than there is; work in batches.",
            )
    for node, texts in script.text_expressions:
        if any(_ENTITY.search(text) for text in texts):
            yield rules.XML_BOMB.at(
                node.lineno, "XML that defines entities can unfold without end; write it without them."
            )


def _is_large_result(script: Script, node: ast.BinOp) -> bool:
    constants = script.evaluator.constants
    left, right = constants.values(node.left), constants.values(node.right)
    if isinstance(node.op, ast.Mult):
        items = max(_length(node.left, left), _length(node.right, right))
        return items * max(map(_whole, (*left, *right))) > LARGEST_ITEMS
    if isinstance(node.op, ast.Pow):
        bits = max(map(_bits, left))
        return bits * min(max(map(_whole, right)), MOST_BITS * 2) > MOST_BITS
    return isinstance(node.op, ast.LShift) and max(map(_whole, right)) > MOST_BITS


def _length(node: ast.expr, values: list[Any]) -> int:
    """How many items a text or list has; of a list whose items are not known, how many are written."""
    known = [len(value) for value in values if isinstance(value, str | bytes | list | tuple)]
    written = len(node.elts) if isinstance(node, ast.List | ast.Tuple) else isinstance(node, ast.JoinedStr)
    return max(known, default=int(written))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _bits(value: Any) -> float:
    return log2(abs(value)) if isinstance(value, int) and abs(value) > 1 else 0.0


def _is_large_call(script: Script, call: ast.Call) -> bool:
    origins = script.evaluator.origins(call.func)
    constants = script.evaluator.constants
    if isinstance(call.func, ast.Attribute) and call.func.attr in _PADDING and call.args:
        return max(constants.numbers(call.args[0]), default=0) > LARGEST_ITEMS
    if isinstance(call.func, ast.Attribute) and call.func.attr == "format":
        return any(
            _WIDTH.search(field)
            for text in script.evaluator.texts(call.func.value)
            for field in _fields(text)
        )
    if origins & _MATERIALISING and call.args and _rounds(script, call.args[0]) > LARGEST_ITEMS:
        return True
    return bool(origins & _ALLOCATING) and _elements(script, call) > LARGEST_ITEMS


def _elements(script: Script, call: ast.Call) -> int:
    """How many elements an array of these sizes has: one number, a shape, or several numbers."""
    if not call.args:
        return 0
    shapes = script.evaluator.constants.values(call.args[0])
    return max(_product(list(shape) if isinstance(shape, tuple | list) else [shape]) for shape in shapes)


def _product(sizes: list[Any]) -> int:
    return prod(sizes) if all(isinstance(size, int) for size in sizes) else 0


def _rounds_of(
    script: Script, node: ast.For | ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
) -> int:
    if isinstance(node, ast.For):
        return _rounds(script, node.iter)
    return prod(max(_rounds(script, part.iter), 1) for part in node.generators)


def _rounds(script: Script, node: ast.expr) -> int:
    """How often a loop over ``range(...)`` runs; 0 where that is not known."""
    values = (value for value in script.evaluator.values(node) if isinstance(value, ast.Call))
    ranges = [value for value in values if "builtins.range" in script.evaluator.origins(value.func)]
    limits = [[script.evaluator.constants.values(part) for part in value.args] for value in ranges]
    combinations = (numbers for parts in limits for numbers in islice(product(*parts), _MOST_COMBINATIONS))
    return max(map(_steps_of, combinations), default=0)


def _steps_of(limits: tuple[Any, ...]) -> int:
    if not limits or not all(isinstance(limit, int) for limit in limits):
        return 0
    start, stop, step = (0, limits[0], 1) if len(limits) == 1 else (*limits, 1)[:3]
    return int(abs(stop - start) // max(abs(step), 1))


def _is_wide(script: Script, node: ast.FormattedValue) -> bool:
    return node.format_spec is not None and any(
        _WIDTH.search(text) for text in script.evaluator.texts(node.format_spec)
    )


def _fields(text: str) -> list[str]:
    return re.findall(r"\{[^{}]{0,80}\}", text)
