"""Takes functions for a script out of the modules in ``templates/script``, with all that they use.

Those modules are ordinary Python, tested and used like any other; a script gets only what
it can reach from the functions it calls, word for word.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "templates" / "script"
_MODULES = ("values", "columns", "csv_files", "chart_choice", "excel", "charts", "pdf_report", "saving")
"""In the order in which their functions stand in a script."""
_OURS = "meta_agent."


@dataclass(frozen=True)
class ScriptParts:
    """Code that stands by itself."""

    imports: tuple[str, ...]
    """One statement each."""
    constants: str
    functions: str


@dataclass(frozen=True)
class _Piece:
    """One definition at the top of a module."""

    name: str
    source: str
    uses: frozenset[str]
    is_constant: bool


def script_parts(entries: Iterable[str], given: Iterable[str] = ()) -> ScriptParts:
    """The functions named ``entries`` and what they need, but for what the script has anyway (``given``).

    Raises KeyError for a name that no module defines.
    """
    pieces, imports = _library()
    wanted = set(given)
    queue = [name for name in entries if name not in wanted]
    chosen: set[str] = set()
    while queue:
        name = queue.pop()
        if name not in chosen:
            chosen.add(name)
            queue += [used for used in pieces[name].uses if used in pieces and used not in wanted]
    used = frozenset().union(*(pieces[name].uses for name in chosen))
    ordered = [piece for name, piece in pieces.items() if name in chosen]
    return ScriptParts(
        imports=tuple(statement for name, statement in imports.items() if name in used),
        constants="\n".join(piece.source for piece in ordered if piece.is_constant),
        functions="\n\n\n".join(piece.source for piece in ordered if not piece.is_constant),
    )


@cache
def _library() -> tuple[dict[str, _Piece], dict[str, str]]:
    """Every definition by its name, and every import by the name it binds."""
    pieces: dict[str, _Piece] = {}
    imports: dict[str, str] = {}
    for module in _MODULES:
        source = (FOLDER / f"{module}.py").read_text(encoding="utf-8")
        tree = ast.parse(source)
        for node in tree.body:
            imports.update(_imported(node))
        pieces.update({piece.name: piece for piece in _pieces(tree, source)})
    return pieces, imports


def _pieces(tree: ast.Module, source: str) -> Iterator[_Piece]:
    for node in tree.body:
        text = ast.get_source_segment(source, node) or ""
        uses = frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield _Piece(node.name, text, uses - {node.name}, is_constant=False)
        elif isinstance(node, ast.Assign):
            for name in (
                n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)
            ):
                yield _Piece(name, text, uses - {name}, is_constant=True)


def _imported(node: ast.stmt) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0], f"import {alias.name}"
    elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith(_OURS):
        for alias in node.names:
            yield alias.name, f"from {node.module} import {alias.name}"
