"""Looks at the one function a model wrote, before it becomes part of a script.

What would break the script around it is found here, without running anything: a
missing function, parameters nobody gives, names that the script itself uses.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meta_agent.python_literals import LINE_LENGTH


@dataclass(frozen=True)
class Entry:
    """The function that the script calls."""

    name: str
    parameters: int
    """How many arguments it is called with."""


@dataclass(frozen=True)
class Fault:
    """Why code cannot be used, and the lines around the place."""

    problem: str
    context: str = ""


def fault_in(code: str, entry: Entry, taken: frozenset[str]) -> Fault | None:
    """What keeps the code from being used, if anything. ``taken``: names of the script around it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
            compile(tree, "<script>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", None) or str(error)
        return Fault(f"SyntaxError at line {line}: {reason}.", lines_around(code, line))
    function = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == entry.name), None)
    if function is None:
        return Fault(f"There is no function `{entry.name}` at the top level.")
    if not _takes(function, entry.parameters):
        count = "no arguments" if not entry.parameters else f"{entry.parameters} argument"
        return Fault(f"`{entry.name}` must take {count}.")
    clashing = sorted(_defined(tree) & (taken - {entry.name}))
    if clashing:
        return Fault(f"These names are taken by the script, choose others: {', '.join(clashing)}.")
    return None


def _takes(function: ast.FunctionDef, count: int) -> bool:
    arguments = function.args
    places = len(arguments.posonlyargs) + len(arguments.args)
    required = places - len(arguments.defaults)
    keywords_required = sum(default is None for default in arguments.kw_defaults)
    return required <= count and (places >= count or arguments.vararg is not None) and not keywords_required


def lines_around(code: str, line: int) -> str:
    """The line and two on either side, numbered."""
    lines = code.split("\n")
    first = max(0, line - 3)
    return "\n".join(f"{number}: {text}" for number, text in enumerate(lines[first : line + 2], first + 1))


def defined_names(source: str) -> frozenset[str]:
    """Every name that a program defines at its top level, imports left out."""
    return frozenset(_defined(ast.parse(source)))


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            names |= _assigned(node)
    return names


def _assigned(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


# --- what is left out ---------------------------------------------------------------


def without_trials(code: str, entry: str) -> str:
    """The code without statements that try it out (``print(compute())``, a main guard)."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return code
    gone: set[str] = set()
    trials = [node for node in tree.body if _is_trial(node, entry, gone)]
    return _without(code, tree, trials)


def _without(code: str, tree: ast.Module, unwanted: Sequence[ast.stmt]) -> str:
    """The code without these statements; a line they share with others stays as it is."""
    lines = code.split("\n")
    shared = {number for node in tree.body if node not in unwanted for number in _span(node)}
    for node in unwanted:
        if not _span(node) & shared:
            for number in _span(node):
                lines[number - 1] = ""
    return _tidy(lines)


def _span(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def _is_trial(node: ast.stmt, entry: str, gone: set[str]) -> bool:
    """A statement that calls the entry or uses what such a one gave; what it assigns goes to ``gone``."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return False
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    prints = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    trial = prints or bool(used & {entry, "__name__", *gone})
    if trial:
        gone |= _assigned(node)
    return trial


def _tidy(lines: list[str]) -> str:
    """Without blank lines at the ends and after what was taken away."""
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    return "\n".join(lines)


# --- imports ------------------------------------------------------------------------


def split_imports(code: str) -> tuple[list[str], str]:
    """The plain imports at the top level, one statement each, and the code without them."""
    tree = ast.parse(code)
    found = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [single for node in found for single in _single_imports(node)], _without(code, tree, found)


def _single_imports(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        return
    for alias in node.names:
        named = alias.name + (f" as {alias.asname}" if alias.asname else "")
        if isinstance(node, ast.Import):
            yield f"import {named}"
        else:
            yield f"from {'.' * node.level}{node.module or ''} import {named}"


def import_block(statements: Iterable[str]) -> str:
    """Import statements as they are usually sorted: the standard library, then packages; plain ones first."""
    standard: list[str] = []
    packages: list[str] = []
    for statement in _joined(dict.fromkeys(statements)):
        module = statement.split()[1].split(".")[0]
        (standard if module in sys.stdlib_module_names else packages).append(statement)
    return "\n\n".join("\n".join(group) for group in (standard, packages) if group)


def _joined(statements: Iterable[str]) -> list[str]:
    """Names from one module in one statement."""
    plain: list[str] = []
    named: dict[str, list[str]] = {}
    for statement in statements:
        if statement.startswith("import "):
            plain.append(statement)
        else:
            _, module, _, names = statement.split(" ", 3)
            named.setdefault(module, []).append(names)
    ordered = ((module, sorted(names, key=_name_order)) for module, names in sorted(named.items()))
    return [*sorted(plain), *(_from(module, names) for module, names in ordered)]


def _from(module: str, names: list[str]) -> str:
    """One statement, over several lines where one would be too long."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE_LENGTH:
        return line
    return f"from {module} import (\n    " + ",\n    ".join(names) + ",\n)"


def _name_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then the rest."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)
