"""A script read once: its nodes, their parents, its scopes, and what is bound to each name.

Bindings are collected without regard to the order of execution: a name stands for
everything that is ever bound to it in its scope. That errs on the side of seeing too
much, and makes the findings independent of the order of the statements.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from meta_agent.validators.literals import plain_text

Function = ast.FunctionDef | ast.AsyncFunctionDef
Kind = Literal["value", "element", "entered", "import", "augment", "function", "class", "unknown"]
_MOST_NAMESAKES = 20
_MOST_BINDINGS = 100
_CHANGING = {
    "append", "extend", "insert", "update", "add", "setdefault", "remove", "discard", "pop", "popitem",
    "clear", "sort", "reverse", "appendleft", "extendleft",
}  # fmt: skip


@dataclass(frozen=True)
class Binding:
    """One thing a name stands for: an expression, each element of one, or an import's dotted ``path``."""

    kind: Kind
    node: ast.AST | None = None
    path: str = ""
    steps: tuple[int, ...] = ()
    """Which part of the value, where it was unpacked: ``a, (b, c) = value`` gives c the steps 1, 1."""


@dataclass(eq=False)
class Scope:
    """The names of the module, of one function, one class body or one lambda."""

    parent: Scope | None = None
    is_class: bool = False
    names: dict[str, list[Binding]] = field(default_factory=lambda: defaultdict(list))
    elsewhere: dict[str, Scope] = field(default_factory=dict)
    """Names declared ``global`` or ``nonlocal``."""


class Program:
    """The syntax tree with everything the checks look up in it."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.nodes: list[ast.AST] = []
        self.parents: dict[ast.AST, ast.AST] = {}
        self.calls: list[ast.Call] = []
        self.functions: dict[str, list[Function]] = defaultdict(list)
        self.classes: dict[str, list[ast.ClassDef]] = defaultdict(list)
        self.returns: dict[ast.AST, list[ast.expr]] = defaultdict(list)
        self.yields: dict[ast.AST, list[ast.expr]] = defaultdict(list)
        self.changed_in_place: set[str] = set()
        """Names of lists and dictionaries that do not stay what was assigned."""
        self.attributes: dict[str, list[Binding]] = defaultdict(list)
        self.entries: dict[tuple[str, str], list[Binding]] = defaultdict(list)
        """``CONFIG["key"] = value`` by name and key."""
        self.star_imports: list[str] = []
        self.overflowing = False
        """Whether some name is bound more often than is kept."""
        self.parameters: dict[ast.AST, dict[str, list[Binding]]] = {}
        """The parameters of each of the script's functions, bound to what its calls hand over."""
        self.module = Scope()
        self.scopes: dict[ast.AST, Scope] = {}
        self._walk()
        self._bind_parameters()

    def lookup(self, name: ast.Name) -> list[Binding]:
        """What ``name`` is bound to where it stands; empty for builtins and unknown names."""
        scope: Scope | None = self.scopes.get(name, self.module)
        while scope is not None:
            if name.id in scope.names:
                return scope.names[name.id]
            scope = scope.parent
        return []

    def is_inside(self, name: ast.Name, bindings: list[Binding]) -> bool:
        """Whether ``name`` stands in a value bound to it: the second one in ``query = query + more``."""
        bound = {binding.node for binding in bindings if binding.kind == "value"}
        parent: ast.AST | None = name
        while parent is not None and parent not in bound and not isinstance(parent, ast.stmt):
            parent = self.parents.get(parent)
        return parent in bound

    def own_functions(self, name: str) -> list[Function]:
        """The script's functions of this name; none where there are too many to follow."""
        found = self.functions.get(name, [])
        return found if len(found) <= _MOST_NAMESAKES else []

    def of_type(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """All nodes of these types, in source order."""
        return (node for node in self.nodes if isinstance(node, kinds))

    def enclosing(self, node: ast.AST, *kinds: type[ast.AST]) -> ast.AST | None:
        """The nearest node of these types around ``node``."""
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, kinds):
            parent = self.parents.get(parent)
        return parent

    def is_docstring(self, node: ast.AST) -> bool:
        """Whether this is a string standing alone as a statement: text for readers only."""
        return isinstance(self.parents.get(node), ast.Expr)

    # --- one pass over the tree, without recursion -----------------------------------

    def _walk(self) -> None:
        stack: list[tuple[ast.AST, Scope]] = [(self.tree, self.module)]
        while stack:
            node, scope = stack.pop()
            self.nodes.append(node)
            self.scopes[node] = scope
            self._bind(node, scope)
            inner = self._inner_scope(node, scope)
            children = list(ast.iter_child_nodes(node))
            for child in reversed(children):
                self.parents[child] = node
                stack.append((child, inner if self._is_inside(node, child) else scope))

    @staticmethod
    def _is_inside(node: ast.AST, child: ast.AST) -> bool:
        """Whether ``child`` is evaluated in the scope that ``node`` opens."""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return isinstance(child, ast.stmt)
        return isinstance(node, ast.Lambda) and child is node.body

    def _inner_scope(self, node: ast.AST, scope: Scope) -> Scope:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            return scope
        inner = Scope(scope, is_class=isinstance(node, ast.ClassDef))
        if isinstance(node, ast.Lambda):
            for argument in _arguments(node.args):
                inner.names[argument.arg].append(Binding("unknown"))
        elif not isinstance(node, ast.ClassDef):
            self.parameters[node] = inner.names
            for argument in _arguments(node.args):
                inner.names[argument.arg] = []
        return inner

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.Call):
            self.calls.append(node)
            self._note_change(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, Binding("value", node.value), scope)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            self._assign(node.target, Binding("value", node.value), scope)
        elif isinstance(node, ast.AugAssign):
            self._assign(node.target, Binding("augment", node), scope)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
            self._assign(node.target, Binding("element", node.iter), scope)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            self._assign(node.optional_vars, Binding("entered", node.context_expr), scope)
        elif isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            self._note_result(node.value, node)
        elif isinstance(node, ast.Match):
            for case in node.cases:
                self._capture(case.pattern, Binding("value", node.subject), scope)
        else:
            self._bind_definition(node, scope)

    def _bind_definition(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self.functions[node.name].append(node)
            self._name(node.name, Binding("function", node), scope)
        elif isinstance(node, ast.ClassDef):
            self.classes[node.name].append(node)
            self._name(node.name, Binding("class", node), scope)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self._bind_import(node, scope)
        elif isinstance(node, ast.Global):
            scope.elsewhere.update(dict.fromkeys(node.names, self.module))
        elif isinstance(node, ast.Nonlocal) and scope.parent is not None:
            scope.elsewhere.update(dict.fromkeys(node.names, scope.parent))
        elif isinstance(node, ast.ExceptHandler) and node.name:
            self._name(node.name, Binding("unknown"), scope)

    def _bind_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                bound = alias.asname or alias.name.partition(".")[0]
                path = alias.name if alias.asname else bound
                self._name(bound, Binding("import", path=path), scope)
            elif alias.name == "*":
                self.star_imports.append(node.module or ".")
            else:
                path = f"{node.module or '.'}.{alias.name}"
                self._name(alias.asname or alias.name, Binding("import", path=path), scope)

    def _note_result(self, value: ast.expr, node: ast.Return | ast.Yield) -> None:
        function = self.enclosing(node, ast.FunctionDef, ast.AsyncFunctionDef)
        results = self.returns if isinstance(node, ast.Return) else self.yields
        if function is not None and len(results[function]) < _MOST_BINDINGS:
            results[function].append(value)

    def _note_change(self, call: ast.Call) -> None:
        """``rows.append(x)`` changes rows; ``setattr(x, "name", value)`` binds an attribute."""
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr in _CHANGING and isinstance(func.value, ast.Name):
            self.changed_in_place.add(func.value.id)
        elif isinstance(func, ast.Name) and func.id == "setattr" and len(call.args) == 3:
            self._add(self.attributes[str(plain_text(call.args[1]))], Binding("value", call.args[2]))

    def _capture(self, pattern: ast.pattern, binding: Binding, scope: Scope) -> None:
        """The names that a ``case`` binds, to the parts of the subject that they stand for."""
        if isinstance(pattern, ast.MatchAs):
            if pattern.pattern is not None:
                self._capture(pattern.pattern, binding, scope)
            if pattern.name is not None:
                self._name(pattern.name, binding, scope)
        elif isinstance(pattern, ast.MatchStar | ast.MatchMapping | ast.MatchClass):
            self._capture_parts(pattern, binding, scope)
        elif isinstance(pattern, ast.MatchOr):
            for choice in pattern.patterns:
                self._capture(choice, binding, scope)
        elif isinstance(pattern, ast.MatchSequence):
            for index, part in enumerate(pattern.patterns):
                self._capture(part, replace(binding, steps=(*binding.steps, index)), scope)

    def _capture_parts(
        self, pattern: ast.MatchStar | ast.MatchMapping | ast.MatchClass, binding: Binding, scope: Scope
    ) -> None:
        subject = binding.node if isinstance(binding.node, ast.expr) and not binding.steps else None
        unknown = Binding("unknown")
        if isinstance(pattern, ast.MatchClass):
            for part in pattern.patterns:
                self._capture(part, binding, scope)
            for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
                attribute = Binding("value", ast.Attribute(subject, name, ast.Load())) if subject else unknown
                self._capture(part, attribute, scope)
        elif isinstance(pattern, ast.MatchMapping):
            for key, part in zip(pattern.keys, pattern.patterns, strict=True):
                entry = Binding("value", ast.Subscript(subject, key, ast.Load())) if subject else unknown
                self._capture(part, entry, scope)
            if pattern.rest is not None:
                self._name(pattern.rest, unknown, scope)
        elif pattern.name is not None:
            self._name(pattern.name, unknown, scope)

    def _add(self, bindings: list[Binding], binding: Binding) -> None:
        self.overflowing = self.overflowing or len(bindings) >= _MOST_BINDINGS
        if len(bindings) < _MOST_BINDINGS:
            bindings.append(binding)

    def _name(self, name: str, binding: Binding, scope: Scope) -> None:
        self._add(scope.elsewhere.get(name, scope).names[name], binding)

    def _assign(self, target: ast.AST, binding: Binding, scope: Scope) -> None:
        if isinstance(target, ast.Name):
            self._name(target.id, binding, scope)
            if scope.is_class:
                self._add(self.attributes[target.id], binding)
        elif isinstance(target, ast.Attribute):
            self._add(self.attributes[target.attr], binding)
        elif isinstance(target, ast.Subscript):
            self._assign_entry(target, binding)
        elif isinstance(target, ast.Starred):
            self._assign(target.value, Binding("unknown"), scope)
        elif isinstance(target, ast.Tuple | ast.List):
            self._unpack(target, binding, scope)

    def _assign_entry(self, target: ast.Subscript, binding: Binding) -> None:
        key = plain_text(target.slice)
        if isinstance(target.value, ast.Name):
            self.changed_in_place.add(target.value.id)
        if isinstance(target.value, ast.Name) and key is not None:
            self._add(self.entries[target.value.id, str(key)], binding)

    def _unpack(self, target: ast.Tuple | ast.List, binding: Binding, scope: Scope) -> None:
        for index, part in enumerate(target.elts):
            self._assign(part, replace(binding, steps=(*binding.steps, index)), scope)

    # --- arguments of the script's own functions --------------------------------------

    def _bind_parameters(self) -> None:
        handed_over = self._names_handed_over()
        called: set[ast.AST] = set()
        for call in self.calls:
            for function, skip in self._callees(call):
                called.add(function)
                self._bind_call(call, function, skip)
        for name, functions in self.functions.items():
            for function in functions:
                if function not in called or name in handed_over:
                    self._mark_unknown(function)
                self._bind_defaults(function)

    def _names_handed_over(self) -> set[str]:
        """Names of functions that are used without being called: somebody else will call them."""
        names = set()
        for node in self.nodes:
            name = (
                node.id
                if isinstance(node, ast.Name)
                else node.attr
                if isinstance(node, ast.Attribute)
                else ""
            )
            if name not in self.functions:
                continue
            parent = self.parents.get(node)
            if not (isinstance(parent, ast.Call) and parent.func is node):
                names.add(name)
        return names

    def _callees(self, call: ast.Call) -> list[tuple[Function, int]]:
        """The script's own functions this call may reach, each with its number of implied parameters."""
        func = call.func
        name = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
        found = [(function, self._leading(function)) for function in self.own_functions(name)]
        for definition in self.classes.get(name, ())[:_MOST_NAMESAKES]:
            found += [
                (item, 1)
                for item in definition.body
                if isinstance(item, Function) and item.name == "__init__"
            ]
        return found

    def _leading(self, function: Function) -> int:
        decorators = {item.id for item in function.decorator_list if isinstance(item, ast.Name)}
        in_class = isinstance(self.parents.get(function), ast.ClassDef)
        return 1 if in_class and "staticmethod" not in decorators else 0

    def _bind_call(self, call: ast.Call, function: Function, skip: int) -> None:
        if any(isinstance(item, ast.Starred) for item in call.args) or any(
            k.arg is None for k in call.keywords
        ):
            self._mark_unknown(function)
            return
        names = self.parameters[function]
        positional = [*function.args.posonlyargs, *function.args.args][skip:]
        for parameter, argument in zip(positional, call.args, strict=False):
            _hand_over(names[parameter.arg], Binding("value", argument))
        for keyword in call.keywords:
            if keyword.arg in names:
                _hand_over(names[keyword.arg], Binding("value", keyword.value))

    def _mark_unknown(self, function: Function) -> None:
        for argument in _arguments(function.args):
            _hand_over(self.parameters[function][argument.arg], Binding("unknown"))

    def _bind_defaults(self, function: Function) -> None:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
        pairs += [
            (a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None
        ]
        for argument, default in pairs:
            self.parameters[function][argument.arg].append(Binding("value", default))
        for bindings in self.parameters[function].values():
            if not bindings:
                bindings.append(Binding("unknown"))


def _hand_over(bindings: list[Binding], binding: Binding) -> None:
    """A parameter of a function called very often is simply not known."""
    if len(bindings) < _MOST_BINDINGS:
        bindings.append(binding if len(bindings) < _MOST_BINDINGS - 1 else Binding("unknown"))


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (extra for extra in (arguments.vararg, arguments.kwarg) if extra is not None)
