"""Values and loops so large that they use up the memory or the time of any machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from math import log2, prod

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.reading import Script

LARGEST_ITEMS = 200_000_000
"""Characters, bytes, list entries or array elements."""
MOST_ROUNDS = 10_000_000_000
MOST_BITS = 100_000_000
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
    left, right = constants.value(node.left), constants.value(node.right)
    if isinstance(node.op, ast.Mult):
        for items, times in ((left, right), (right, left)):
            if (
                isinstance(times, int)
                and times > LARGEST_ITEMS
                and isinstance(items, str | bytes | list | tuple)
            ):
                return len(items) > 0
            if isinstance(items, str | bytes | list | tuple) and isinstance(times, int):
                return len(items) * times > LARGEST_ITEMS
        sides = ((node.left, right), (node.right, left))
        return any(
            isinstance(items, ast.List | ast.Tuple | ast.JoinedStr)
            and isinstance(times, int)
            and times > LARGEST_ITEMS
            for items, times in sides
        )
    if isinstance(node.op, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        return abs(left) > 1 and right > 0 and log2(abs(left)) * min(right, MOST_BITS * 2) > MOST_BITS
    return isinstance(node.op, ast.LShift) and isinstance(right, int) and right > MOST_BITS


def _is_large_call(script: Script, call: ast.Call) -> bool:
    origins = script.evaluator.origins(call.func)
    constants = script.evaluator.constants
    if isinstance(call.func, ast.Attribute) and call.func.attr in _PADDING and call.args:
        return (constants.number(call.args[0]) or 0) > LARGEST_ITEMS
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
    shape = script.evaluator.constants.value(call.args[0])
    sizes = list(shape) if isinstance(shape, tuple | list) else [shape]
    whole = [size for size in sizes if isinstance(size, int)]
    return prod(whole) if len(whole) == len(sizes) else 0


def _rounds_of(
    script: Script, node: ast.For | ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
) -> int:
    if isinstance(node, ast.For):
        return _rounds(script, node.iter)
    return prod(max(_rounds(script, part.iter), 1) for part in node.generators)


def _rounds(script: Script, node: ast.expr) -> int:
    """How often a loop over ``range(...)`` runs; 0 where that is not known."""
    for value in script.evaluator.values(node):
        if isinstance(value, ast.Call) and "builtins.range" in script.evaluator.origins(value.func):
            known = [script.evaluator.constants.value(part) for part in value.args]
            limits = [limit for limit in known if isinstance(limit, int)]
            if limits and len(limits) == len(value.args):
                start, stop, step = (0, limits[0], 1) if len(limits) == 1 else [*limits, 1][:3]
                return abs(stop - start) // max(abs(step), 1)
    return 0


def _is_wide(script: Script, node: ast.FormattedValue) -> bool:
    return node.format_spec is not None and any(
        _WIDTH.search(text) for text in script.evaluator.texts(node.format_spec)
    )


def _fields(text: str) -> list[str]:
    return re.findall(r"\{[^{}]{0,80}\}", text)
