"""The dotted names an expression can reach, whatever it is called in the script.

After ``import os as o`` the expression ``o.system`` reaches ``os.system``, and so do
``getattr(o, "sys" + "tem")``, ``[o][0].system`` and ``__import__("os").system``. An
unbound name reaches ``builtins``; a call's result is ``path()``.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

from meta_agent.validators.literals import called_name
from meta_agent.validators.program import Program
from meta_agent.validators.references import References

_BUILTINS = frozenset(dir(builtins)) | {"__builtins__", "__loader__", "__spec__"}
_ALWAYS_BUILTIN = frozenset(
    {
        "eval",
        "exec",
        "__import__",
        "__builtins__",
        "open",
        "getattr",
        "setattr",
        "globals",
        "breakpoint",
        "input",
    }
)
"""Shadowing does not hide these: a definition further down leaves the real one callable before it."""
_IMPORTERS = {"builtins.__import__", "importlib.import_module", "importlib.__import__"}
_LONGEST_PATH = 200
_MOST_PATHS = 12
_DEEPEST = 80
_NOTHING: frozenset[str] = frozenset()


class Origins:
    """Dotted names per expression, remembered and bounded."""

    def __init__(
        self,
        program: Program,
        references: References,
        constant: Callable[[ast.AST | None], tuple[str, ...] | None],
    ) -> None:
        self._program = program
        self._references = references
        self._constant = constant
        self._known: dict[ast.AST, frozenset[str]] = {}
        self._depth = 0

    def of(self, node: ast.AST | None) -> frozenset[str]:
        """The dotted names ``node`` can reach; empty where nothing is known of it."""
        if node is None or self._depth > _DEEPEST:
            return _NOTHING
        if node in self._known:
            return self._known[node]
        self._known[node] = _NOTHING
        self._depth += 1
        try:
            found = frozenset(path for path in self._follow(node) if len(path) <= _LONGEST_PATH)
        finally:
            self._depth -= 1
        self._known[node] = found if len(found) <= _MOST_PATHS else frozenset(sorted(found)[:_MOST_PATHS])
        return self._known[node]

    def _follow(self, node: ast.AST) -> set[str]:
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Attribute):
            return {f"{base}.{node.attr}" for base in self.of(node.value)} | self._values(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Lambda):
            return {f"{path}\0" for path in self.of(node.body)}
        return self._values(node)

    def _values(self, node: ast.AST) -> set[str]:
        return {
            path for value in self._references.values(node) if value is not node for path in self.of(value)
        }

    def _name(self, node: ast.Name) -> set[str]:
        bindings = self._program.lookup(node)
        found = {binding.path for binding in bindings if binding.kind == "import"}
        found |= self._values(node)
        if not bindings or node.id in _ALWAYS_BUILTIN:
            if node.id in _BUILTINS:
                found.add(f"builtins.{node.id}")
            else:
                found |= {f"{module}.{node.id}" for module in self._program.star_imports}
        return found

    def _call(self, node: ast.Call) -> set[str]:
        found = self._values(node)
        for path in self.of(node.func):
            if path == "builtins.getattr" and len(node.args) >= 2:
                names = self._constant(node.args[1]) or ()
                found |= {f"{base}.{name}" for base in self.of(node.args[0]) for name in names}
            elif path in _IMPORTERS and node.args:
                found |= set(self._constant(node.args[0]) or ())
            elif path.endswith("\0"):
                found.add(path[:-1])
            else:
                found.add(f"{path}()")
        return found | self._own_results(node)

    def _own_results(self, node: ast.Call) -> set[str]:
        """What the script's own function of this name gives back, or yields to a ``with``."""
        return {
            path
            for function in self._program.own_functions(called_name(node))
            for value in (*self._program.returns.get(function, ()), *self._program.yields.get(function, ()))
            for path in self.of(value)
        }
