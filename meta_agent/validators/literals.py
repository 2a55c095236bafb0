"""Small questions about single nodes of the syntax tree, answered the same way everywhere."""

from __future__ import annotations

import ast

HOLE = "\ue000"
"""Stands, inside a text, for a part that is not known."""
NUMBER = "0"
"""Stands for any number, which cannot carry code, SQL or a path."""


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """The argument at ``position`` or of this name, None where the call has none."""
    if position < len(call.args):
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def called_name(call: ast.Call) -> str:
    """The last part of what is called: ``execute`` for ``self.cursor.execute(...)``."""
    func = call.func
    return func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""


def constant_text(value: object) -> tuple[str, ...]:
    """A literal as it appears when formatted; ``HOLE`` for None and the like."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, bytes):
        return (value.decode("latin-1"),)
    if isinstance(value, bool | int | float):
        return (str(value),) if not isinstance(value, int) or value.bit_length() < 256 else (NUMBER,)
    return (HOLE,)


def plain_text(node: ast.AST | None) -> object:
    """The value of a literal, or of texts added up, as a key is written; None for anything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = plain_text(node.left), plain_text(node.right)
        return left + right if isinstance(left, str) and isinstance(right, str) else None
    return None


def is_number(node: ast.AST) -> bool:
    """Whether this is a number written down."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float | complex)


def small_number(node: ast.expr | None) -> int | str | None:
    """A constant whole number, None for an absent part, text where it is something else."""
    if node is None:
        return None
    negative = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
    inner = node.operand if isinstance(node, ast.UnaryOp) else node
    if not isinstance(inner, ast.Constant) or not isinstance(inner.value, int):
        return HOLE
    return -inner.value if negative else inner.value


def literal_entries(node: ast.Dict) -> dict[str, ast.expr]:
    """The entries of a dictionary whose keys are literals."""
    pairs = zip(node.keys, node.values, strict=True)
    return {str(plain_text(key)): value for key, value in pairs if plain_text(key) is not None}
