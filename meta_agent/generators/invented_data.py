"""Tells a computation from an answer that the model made up.

A request without a table behind it is answered by a function. What that function returns must
follow from the request: a small model asked for what it cannot know writes sample data, or what it
remembers, and that would look like an answer.
"""

from __future__ import annotations

import ast
import re

from meta_agent.glossary import normalise

_FEWEST_FIGURES = 4
"""Figures in one list or dict that make it a table; a conversion needs one or two."""
_WORK = (
    *(ast.BinOp, ast.UnaryOp, ast.Compare, ast.AugAssign, ast.For, ast.While),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_DISPLAYS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


def invention_in(code: str, request: str) -> str | None:
    """Why the result of the code would not follow from the request; None if it does."""
    tree = ast.parse(code)
    if any(_is_invented_table(node, request) for node in ast.walk(tree)):
        return "It contains figures that are not in the request. Compute everything; invent no data."
    if not any(isinstance(node, (*_WORK, ast.Call)) for node in ast.walk(tree)):
        if not _figures(tree) - _given(request) and all(_is_in(text, request) for text in _texts(tree)):
            return None
        return "It computes nothing: the answer is written into it."
    return None


def _is_invented_table(node: ast.AST, request: str) -> bool:
    """Whether a list or dict is full of figures that the request does not give."""
    if not isinstance(node, _DISPLAYS):
        return False
    return len(_figures(node) - _given(request)) >= _FEWEST_FIGURES


def _figures(tree: ast.AST) -> set[float]:
    return {
        float(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    }


def _given(request: str) -> set[float]:
    return {float(figure.replace(",", "")) for figure in re.findall(r"\d[\d,]*(?:\.\d+)?", request)}


def _texts(tree: ast.AST) -> list[str]:
    """The texts a program holds, the keys of its rows and its docstrings left out."""
    keys = {id(key) for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys}
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys | prose
    ]


def _is_in(text: str, request: str) -> bool:
    return f" {normalise(text)} " in f" {normalise(request)} "
