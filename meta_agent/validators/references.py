"""Which expressions a name, an attribute, an entry or an element refers to.

``values(node)`` follows bindings, unpacking, loops over literals, ``CONFIG["key"]`` and
``.get``/``.items`` of literal containers; a node that refers to nothing else is its own
value, and what is bound to something not visible here is ``UNKNOWN``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from meta_agent.validators.literals import HOLE, called_name, plain_text
from meta_agent.validators.program import Binding, Program

UNKNOWN = ast.Constant(HOLE)
_MOST_VALUES = 200
_MOST_STEPS = 200_000
_DEEPEST = 80
_SAME_ELEMENTS = {"list", "tuple", "set", "sorted", "reversed", "iter", "dict", "frozenset"}
_GROWING = ("append", "extend", "insert", "update", "add", "setdefault")


class References:
    """Answers are remembered per node, and bounded in number and depth."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.exhausted = False
        self._known: dict[ast.AST, tuple[ast.AST, ...]] = {}
        self._depth = 0
        self._steps = 0
        self._appended: dict[int, list[ast.expr]] = {}
        """What is appended to the list of a name, by its list of bindings."""
        self._growing: set[int] = set()
        self._before: dict[int, list[Binding]] = {}
        """The bindings of a name that are not made of itself, by its list of bindings."""
        for call in program.calls:
            self._note_growth(call)

    def values(self, node: ast.AST | None) -> tuple[ast.AST, ...]:
        """The expressions ``node`` may stand for; ``(node,)`` where it is no reference."""
        if node is None:
            return (UNKNOWN,)
        if node in self._known:
            return self._known[node]
        self._steps += 1
        if self._depth > _DEEPEST or self._steps > _MOST_STEPS:
            self.exhausted = True
            return (UNKNOWN,)
        self._known[node] = (UNKNOWN,)
        self._depth += 1
        try:
            self._known[node] = _few(self._follow(node))
        finally:
            self._depth -= 1
        return self._known[node]

    def values_before(self, name: ast.Name, bindings: list[Binding]) -> tuple[ast.AST, ...]:
        """What ``name`` may stand for before it is made of itself, as in ``query = query + more``."""
        if id(bindings) not in self._before:
            self._before[id(bindings)] = [
                binding
                for binding in bindings
                if binding.node is None
                or not any(_is_called(name.id, part) for part in ast.walk(binding.node))
            ]
        first = self._before[id(bindings)]
        return _few(self._bound(first, UNKNOWN)) if first else (UNKNOWN,)

    def grows(self, node: ast.AST) -> bool:
        """Whether the list of this name grows in ways that are not followed."""
        return isinstance(node, ast.Name) and id(self.program.lookup(node)) in self._growing

    def appended(self, node: ast.AST | None) -> list[ast.expr]:
        """What ``append`` adds to the list of this name, in source order."""
        return self._appended.get(id(self.program.lookup(node)), []) if isinstance(node, ast.Name) else []

    def _note_growth(self, call: ast.Call) -> None:
        func = call.func
        if (
            not isinstance(func, ast.Attribute)
            or func.attr not in _GROWING
            or not isinstance(func.value, ast.Name)
        ):
            return
        bindings = self.program.lookup(func.value)
        added = self._appended.setdefault(id(bindings), [])
        if func.attr == "append" and len(call.args) == 1 and len(added) < _MOST_VALUES:
            added.append(call.args[0])
        else:
            self._growing.add(id(bindings))

    def _follow(self, node: ast.AST) -> Iterable[ast.AST]:
        if isinstance(node, ast.Name):
            return self._bound(self.program.lookup(node), node)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript):
            return self._entry(node, node.value, node.slice)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.IfExp):
            return [*self.values(node.body), *self.values(node.orelse)]
        if isinstance(node, ast.BoolOp):
            return [value for operand in node.values for value in self.values(operand)]
        if isinstance(node, ast.NamedExpr | ast.Await):
            return self.values(node.value)
        return (node,)

    def _bound(self, bindings: list[Binding], node: ast.AST) -> list[ast.AST]:
        found: list[ast.AST] = []
        for binding in bindings:
            if len(found) > _MOST_VALUES:
                break
            if binding.kind == "value":
                found += self._parts(self.values(binding.node), binding.steps)
            elif binding.kind == "entered":
                found += self._parts(self._entered(binding.node), binding.steps)
            elif binding.kind == "element":
                elements = [e for value in self.values(binding.node) for e in self._items(value, None)]
                elements += self.appended(binding.node)
                deep = [value for element in elements for value in self.values(element)]
                found += self._parts(deep, binding.steps)
            elif binding.kind == "unknown":
                found.append(UNKNOWN)
            elif binding.kind != "augment":
                found.append(node)
        return found or [node]

    def _entered(self, node: ast.AST | None) -> list[ast.AST]:
        """What ``with`` binds: the object itself, or what the script's own context manager yields."""
        found: list[ast.AST] = []
        for value in self.values(node):
            is_yielded = isinstance(node, ast.Call) and isinstance(value, ast.List)
            inner = value.elts if is_yielded and isinstance(value, ast.List) else [value]
            found += [deep for part in inner for deep in (self.values(part) if is_yielded else (part,))]
        return found

    def _parts(self, values: Iterable[ast.AST], steps: tuple[int, ...]) -> list[ast.AST]:
        found = list(values)
        for step in steps:
            parts = [part for value in found for part in self._items(value, ast.Constant(step))]
            found = [value for part in parts for value in self.values(part)]
        return found

    def _attribute(self, node: ast.Attribute) -> list[ast.AST]:
        """``self.query``: whatever any object's attribute of this name was given, where the name is ours."""
        bindings = self.program.attributes.get(node.attr)
        if not bindings or not self._may_be_own(node.value):
            return [node]
        found = self._bound(bindings, node)
        return found if self.is_own(node.value) else [*found, UNKNOWN]

    def _may_be_own(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Name):
            return isinstance(node, ast.Attribute | ast.Call | ast.Subscript)
        return all(binding.kind != "import" for binding in self.program.lookup(node))

    def is_own(self, node: ast.expr) -> bool:
        """Whether this is certainly an object, or a class, of the script itself."""
        if isinstance(node, ast.Name) and (node.id in ("self", "cls") or node.id in self.program.classes):
            return True
        values = self.values(node)
        return bool(values) and all(
            isinstance(value, ast.Call) and called_name(value) in self.program.classes for value in values
        )

    def _entry(self, node: ast.AST, base: ast.expr, key: ast.AST) -> list[ast.AST]:
        found = [
            v for value in self.values(base) for item in self._items(value, key) for v in self.values(item)
        ]
        if isinstance(base, ast.Name) and plain_text(key) is not None:
            bindings = self.program.entries.get((base.id, str(plain_text(key))), [])
            found += self._bound(bindings, UNKNOWN) if bindings else []
        known = [value for value in found if value is not UNKNOWN]
        return known or ([UNKNOWN] if found and found != [UNKNOWN] else [node])

    def _call(self, node: ast.Call) -> Iterable[ast.AST]:
        func = node.func
        if isinstance(func, ast.Name) and len(node.args) >= 1 and not self.program.lookup(func):
            if func.id in _SAME_ELEMENTS:
                return self.values(node.args[0])
            if func.id == "enumerate":
                elements = [e for value in self.values(node.args[0]) for e in self._items(value, None)]
                return [
                    ast.List(
                        [ast.Tuple([ast.Constant(0), _expr(e)], ast.Load()) for e in elements], ast.Load()
                    )
                ]
        if (
            isinstance(func, ast.Attribute)
            and func.attr in ("items", "values", "keys", "copy")
            and not node.args
        ):
            return self._view(node, func)
        if isinstance(func, ast.Attribute) and func.attr == "get" and node.args:
            return self._entry(node, func.value, node.args[0])
        yielded = [
            value
            for function in self.program.own_functions(called_name(node))
            for value in self.program.yields.get(function, ())
        ]
        return (ast.List(yielded[:_MOST_VALUES], ast.Load()),) if yielded else (node,)

    def _view(self, node: ast.Call, func: ast.Attribute) -> list[ast.AST]:
        found: list[ast.AST] = []
        for value in self.values(func.value):
            if isinstance(value, ast.Dict):
                found.append(_view_of(value, func.attr))
        return found or [node]

    def _items(self, value: ast.AST, key: ast.AST | None) -> list[ast.AST]:
        """The elements of a literal container: the one at ``key``, or all (keys of a dictionary)."""
        place = plain_text(key)
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            if isinstance(place, int):
                in_range = -len(value.elts) <= place < len(value.elts)
                return [value.elts[place]] if in_range else [UNKNOWN]
            return list(value.elts[: _MOST_VALUES + 1])
        if isinstance(value, ast.Dict):
            return _entries(value, key, place)[: _MOST_VALUES + 1]
        if isinstance(value, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return [value.elt]
        return [UNKNOWN]


def _entries(value: ast.Dict, key: ast.AST | None, place: object) -> list[ast.AST]:
    if key is None:
        return [item for item in value.keys if item is not None]
    if place is None:
        return list(value.values)
    pairs = zip(value.keys, value.values, strict=True)
    return [item for name, item in pairs if name is not None and plain_text(name) == place] or [UNKNOWN]


def _view_of(value: ast.Dict, name: str) -> ast.AST:
    if name == "copy":
        return value
    pairs = [(k, v) for k, v in zip(value.keys, value.values, strict=True) if k is not None]
    if name == "items":
        return ast.List([ast.Tuple([k, v], ast.Load()) for k, v in pairs], ast.Load())
    return ast.List([k if name == "keys" else v for k, v in pairs], ast.Load())


def _is_called(name: str, node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _expr(node: ast.AST) -> ast.expr:
    return node if isinstance(node, ast.expr) else UNKNOWN


def _few(values: Iterable[ast.AST]) -> tuple[ast.AST, ...]:
    unique = tuple(dict.fromkeys(values))
    return unique if len(unique) <= _MOST_VALUES else (*unique[: _MOST_VALUES - 1], UNKNOWN)
