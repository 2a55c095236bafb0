"""The exact value of an expression that depends on nothing but literals.

``"".join(map(chr, [111, 115]))`` is ``"os"``, ``10 ** 8`` a number, ``base64.b64decode("…")``
some bytes. Only functions that compute are called, on values that were computed here, and
number, size and depth are bounded; whatever else an expression holds, it has no constant value.
"""

from __future__ import annotations

import ast
import contextlib
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from meta_agent.validators.program import Program
from meta_agent.validators.pure_functions import (
    BINARY,
    FUNCTIONS,
    MAPPED,
    METHODS,
    NotConstant,
    formatted,
    weight,
)

MOST_STEPS = 400_000
MOST_STEPS_EACH = 20_000
MOST_ROUNDS = 5_000
MOST_CHOICES = 16
DEEPEST = 60
Locals = Mapping[str, Any]
Names = Callable[[ast.AST | None], frozenset[str]]
_NO_LOCALS: Locals = {}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda item, items: item in items, ast.NotIn: lambda item, items: item not in items,
}  # fmt: skip
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_, ast.Invert: operator.invert,
}  # fmt: skip
_CONVERSIONS: dict[int, Callable[[object], str]] = {ord("s"): str, ord("r"): repr, ord("a"): ascii}
_FAILURES = (
    NotConstant, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError,
    SyntaxError, MemoryError,
)  # fmt: skip


class Constants:
    """Answers are remembered per node; ``origins`` tells which function a call reaches."""

    def __init__(self, program: Program, origins: Names) -> None:
        self._program = program
        self._origins = origins
        self._known: dict[ast.AST, Any] = {}
        self._open: set[ast.AST] = set()
        self._choices: dict[int, list[int]] = {}
        """Which of its bindings each name takes in this round, and how many it has; in the order met."""
        self._chosen = 0
        self._steps = 0
        self._limit = 0
        self._depth = 0

    @property
    def exhausted(self) -> bool:
        """Whether so much had to be computed that the rest was given up."""
        return self._steps > MOST_STEPS

    def value(self, node: ast.AST | None) -> Any:
        """The value of ``node``, or ``NotConstant`` itself where it has none, or several."""
        values = self.values(node)
        return values[0] if len(values) == 1 else NotConstant

    def values(self, node: ast.AST | None) -> list[Any]:
        """Every value that ``node`` has with one or another of what its names are bound to.

        ``NotConstant`` is among them where one of these cannot be told.
        """
        if node is None:
            return [NotConstant]
        found: list[Any] = []
        with self._afresh():
            for _ in range(MOST_CHOICES):
                value = self._attempt(node, _NO_LOCALS)
                found += [] if any(value is other for other in found) else [value]
                if not self._choose_next():
                    return found
        return [*found, NotConstant]

    def value_with(self, node: ast.AST, names: Locals) -> Any:
        """The value of ``node`` where its names have these values, or ``NotConstant``."""
        with self._afresh():
            return self._attempt(node, names)

    def _attempt(self, node: ast.AST, names: Locals) -> Any:
        with contextlib.suppress(*_FAILURES):
            return self._compute(node, names)
        return NotConstant

    @contextlib.contextmanager
    def _afresh(self) -> Iterator[None]:
        """Choices, depth and steps of one question; a question may be asked in the midst of another."""
        before = (self._choices, self._depth, self._limit)
        self._choices, self._depth = {}, 0
        self._limit = min(self._steps + MOST_STEPS_EACH, MOST_STEPS)
        try:
            yield
        finally:
            self._choices, self._depth, self._limit = before

    def numbers(self, node: ast.AST | None) -> list[int | float]:
        """Those values of ``node`` that are real numbers."""
        values = self.values(node)
        return [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]

    def texts(self, node: ast.AST) -> list[str | None]:
        """The values of ``node`` as texts, bytes too; None for each that is none."""
        return [_as_text(value) for value in self.values(node)]

    def _choose_next(self) -> bool:
        """Another combination of bindings, as a counter goes on; False after the last."""
        while self._choices:
            last = next(reversed(self._choices))
            self._choices[last][0] += 1
            if self._choices[last][0] < self._choices[last][1]:
                return True
            del self._choices[last]
        return False

    def _compute(self, node: ast.AST, names: Locals) -> Any:
        """The value of ``node``, remembered where no name in it could stand for something else."""
        if names is not _NO_LOCALS:
            return self._work_out(node, names)
        if node in self._known:
            if self._known[node] is NotConstant:
                raise NotConstant
            return self._known[node]
        if node in self._open:
            self._chosen += 1
            raise NotConstant
        before, value = self._chosen, NotConstant
        self._open.add(node)
        try:
            value = self._work_out(node, names)
        finally:
            self._open.discard(node)
            if self._chosen == before:
                self._known[node] = value
        return value

    def _work_out(self, node: ast.AST, names: Locals) -> Any:
        rule = self._RULES.get(type(node))
        if rule is None or self._steps > self._limit or self._depth > DEEPEST:
            raise NotConstant
        self._depth += 1
        try:
            value = rule(self, node, names)
        finally:
            self._depth -= 1
        self._steps += weight(value)
        return value

    def _constant(self, node: ast.Constant, _: Locals) -> Any:
        return node.value

    def _name(self, node: ast.Name, names: Locals) -> Any:
        if node.id in names:
            return names[node.id]
        bindings = self._program.lookup(node)
        ways = len(bindings) + (node.id in self._program.changed_in_place)
        way = self._way(id(bindings), ways) if ways > 1 else 0
        bound = bindings[way].node if way < len(bindings) and bindings[way].kind == "value" else None
        if bound is None:
            raise NotConstant
        value = self._compute(bound, _NO_LOCALS)
        for step in bindings[way].steps:
            value = value[step]
        return value

    def _way(self, key: int, ways: int) -> int:
        """Which of so many bindings the name takes in this round: the same wherever it stands."""
        self._chosen += 1
        return self._choices.setdefault(key, [0, ways])[0]

    def _joined(self, node: ast.JoinedStr, names: Locals) -> str:
        return "".join(str(self._compute(part, names)) for part in node.values)

    def _formatted(self, node: ast.FormattedValue, names: Locals) -> str:
        value = self._compute(node.value, names)
        how = self._compute(node.format_spec, names) if node.format_spec else ""
        convert = _CONVERSIONS.get(node.conversion)
        return formatted(value if convert is None else convert(value), how)

    def _binary(self, node: ast.BinOp, names: Locals) -> Any:
        compute = BINARY.get(type(node.op))
        if compute is None:
            raise NotConstant
        return compute(self._compute(node.left, names), self._compute(node.right, names))

    def _unary(self, node: ast.UnaryOp, names: Locals) -> Any:
        return _UNARY[type(node.op)](self._compute(node.operand, names))

    def _compare(self, node: ast.Compare, names: Locals) -> bool:
        left = self._compute(node.left, names)
        for comparison, item in zip(node.ops, node.comparators, strict=True):
            right = self._compute(item, names)
            if not _COMPARISONS[type(comparison)](left, right):
                return False
            left = right
        return True

    def _either(self, node: ast.BoolOp, names: Locals) -> Any:
        value = None
        for operand in node.values:
            value = self._compute(operand, names)
            if bool(value) is isinstance(node.op, ast.Or):
                break
        return value

    def _choice(self, node: ast.IfExp, names: Locals) -> Any:
        return self._compute(node.body if self._compute(node.test, names) else node.orelse, names)

    def _walrus(self, node: ast.NamedExpr, names: Locals) -> Any:
        return self._compute(node.value, names)

    def _elements(self, node: ast.List | ast.Tuple | ast.Set, names: Locals) -> Any:
        found: list[Any] = []
        for item in node.elts:
            inner = item.value if isinstance(item, ast.Starred) else item
            value = self._compute(inner, names)
            found += value if isinstance(item, ast.Starred) else [value]
        return {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)](found)

    def _dictionary(self, node: ast.Dict, names: Locals) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            value = self._compute(item, names)
            found.update(value if key is None else {self._compute(key, names): value})
        return found

    def _subscript(self, node: ast.Subscript, names: Locals) -> Any:
        return self._compute(node.value, names)[self._compute(node.slice, names)]

    def _slice(self, node: ast.Slice, names: Locals) -> slice:
        parts = (node.lower, node.upper, node.step)
        return slice(*(None if part is None else self._compute(part, names) for part in parts))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, names: Locals) -> Any:
        found = [self._compute(node.elt, inner) for inner in self._rounds(node.generators, names)]
        return set(found) if isinstance(node, ast.SetComp) else found

    def _dictionary_comprehension(self, node: ast.DictComp, names: Locals) -> dict[Any, Any]:
        rounds = self._rounds(node.generators, names)
        return {self._compute(node.key, inner): self._compute(node.value, inner) for inner in rounds}

    def _rounds(self, generators: list[ast.comprehension], names: Locals) -> Iterable[Locals]:
        """The names of every round of a comprehension, the outermost loop first."""
        if not generators:
            return [names]
        found: list[Locals] = []
        for item in self._compute(generators[0].iter, names):
            inner = {**names, **_unpacked(generators[0].target, item)}
            if all(self._compute(test, inner) for test in generators[0].ifs):
                found += self._rounds(generators[1:], inner)
            if len(found) > MOST_ROUNDS:
                raise NotConstant
        return found

    def _call(self, node: ast.Call, names: Locals) -> Any:
        paths = sorted(self._origins(node.func))
        function = next((FUNCTIONS[path] for path in paths if path in FUNCTIONS), None)
        if paths and paths[0] in ("builtins.map", "builtins.filter"):
            return self._mapped(paths[0], node, names)
        arguments = self._elements(ast.Tuple(node.args, ast.Load()), names)
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self._compute(keyword.value, names)
            keywords.update(value if keyword.arg is None else {keyword.arg: value})
        if function is not None:
            return function(*arguments, **keywords)
        if not isinstance(node.func, ast.Attribute):
            raise NotConstant
        owner = self._compute(node.func.value, names)
        method = METHODS.get((type(owner), node.func.attr))
        if method is None:
            raise NotConstant
        return method(owner, *arguments, **keywords)

    def _mapped(self, path: str, node: ast.Call, names: Locals) -> Any:
        """``map`` and ``filter`` of a function that computes, over constant values."""
        if len(node.args) < 2:
            raise NotConstant
        function = self._function(node.args[0])
        columns = [list(self._compute(part, names)) for part in node.args[1:]]
        if path == "builtins.filter":
            return [item for item in columns[0] if function(item)]
        return [function(*items) for items in zip(*columns, strict=False)]

    def _function(self, node: ast.expr) -> Callable[..., Any]:
        if isinstance(node, ast.Lambda):
            parameters = [argument.arg for argument in node.args.args]
            body = node.body
            return lambda *given: self._compute(body, dict(zip(parameters, given, strict=True)))
        for path in sorted(self._origins(node)):
            if path in FUNCTIONS or path in MAPPED:
                return FUNCTIONS.get(path) or MAPPED[path]
        raise NotConstant

    _RULES: ClassVar[dict[type[ast.AST], Callable[..., Any]]] = {
        ast.Constant: _constant, ast.Name: _name, ast.JoinedStr: _joined, ast.FormattedValue: _formatted,
        ast.BinOp: _binary, ast.UnaryOp: _unary, ast.Compare: _compare, ast.BoolOp: _either,
        ast.IfExp: _choice, ast.NamedExpr: _walrus, ast.List: _elements, ast.Tuple: _elements,
        ast.Set: _elements, ast.Dict: _dictionary, ast.Subscript: _subscript, ast.Slice: _slice,
        ast.ListComp: _comprehension, ast.SetComp: _comprehension, ast.GeneratorExp: _comprehension,
        ast.DictComp: _dictionary_comprehension, ast.Call: _call,
    }  # fmt: skip


def _as_text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else None


def _unpacked(target: ast.expr, item: Any) -> dict[str, Any]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    if not isinstance(target, ast.Tuple | ast.List):
        raise NotConstant
    found: dict[str, Any] = {}
    for part, value in zip(target.elts, item, strict=True):
        found.update(_unpacked(part, value))
    return found
