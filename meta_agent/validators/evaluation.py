"""What an expression can stand for: the texts it can be, and the dotted names it can reach.

``texts`` folds constants through joins, f-strings, formats, paths, names, parameters and
the script's own functions; a part that is not known is the character ``HOLE``, and what
can only be a number is ``NUMBER``. ``origins`` and ``values`` come from the two modules
beside. All are bounded; where a bound is reached, the value is a hole and ``exhausted`` is set.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import ClassVar

from meta_agent.validators import text_functions as functions
from meta_agent.validators.constants import Constants
from meta_agent.validators.literals import (
    HOLE,
    NUMBER,
    argument,
    called_name,
    constant_text,
    is_number,
    literal_entries,
    small_number,
)
from meta_agent.validators.origins import Origins
from meta_agent.validators.program import Binding, Program
from meta_agent.validators.references import References

MOST_CANDIDATES = 12
LONGEST_TEXT = 100_000
MOST_STEPS = 200_000
MOST_CHARACTERS = 4_000_000
DEEPEST = 60
_COMPUTED = (ast.Call, ast.BinOp, ast.JoinedStr, ast.FormattedValue, ast.Subscript)
_UNKNOWN = (HOLE,)


class Evaluator:
    """Evaluates expressions of one program; results are remembered per node."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._gave_up = False
        self._steps = 0
        self._characters = 0
        self._depth = 0
        self._texts: dict[ast.AST, tuple[str, ...]] = {}
        self.references = References(program)
        self._origins = Origins(program, self.references, self.constant)
        self.constants = Constants(program, self.origins)

    @property
    def exhausted(self) -> bool:
        """Whether some value was given up because it takes too long to work out."""
        given_up = self._gave_up or self.references.exhausted or self.constants.exhausted
        return given_up or self.program.overflowing

    def origins(self, node: ast.AST | None) -> frozenset[str]:
        """The dotted names ``node`` can reach: see ``origins.py``."""
        return self._origins.of(node)

    def values(self, node: ast.AST | None) -> tuple[ast.AST, ...]:
        """The expressions ``node`` can stand for: see ``references.py``."""
        return self.references.values(node)

    # --- texts ------------------------------------------------------------------------

    def texts(self, node: ast.AST | None) -> tuple[str, ...]:
        """The texts ``node`` can be, at most a dozen, sorted; unknown parts are ``HOLE``."""
        if node is None:
            return _UNKNOWN
        if node in self._texts:
            return self._texts[node]
        if self._stop():
            return _UNKNOWN
        self._texts[node] = _UNKNOWN
        self._depth += 1
        try:
            found = self._fold(node)
        finally:
            self._depth -= 1
        self._texts[node] = found
        return found

    def constant(self, node: ast.AST | None) -> tuple[str, ...] | None:
        """The texts of ``node`` where all of them are fully known, else None."""
        found = self.texts(node)
        return None if any(HOLE in text for text in found) else found

    def _stop(self) -> bool:
        self._steps += 1
        if self._steps > MOST_STEPS or self._depth > DEEPEST:
            self._gave_up = True
            return True
        return False

    def _fold(self, node: ast.AST) -> tuple[str, ...]:
        if isinstance(node, ast.Constant):
            return constant_text(node.value)
        exact = self.constants.texts(node) if isinstance(node, _COMPUTED) else [None]
        known = tuple(text for text in exact if text is not None)
        if len(known) == len(exact):
            return self._all([known])
        fold = self._FOLDS.get(type(node))
        rest: tuple[str, ...] = _UNKNOWN if fold is None else fold(self, node)
        return self._all([known, rest]) if known else rest

    def _fold_joined(self, node: ast.JoinedStr) -> tuple[str, ...]:
        return self._product([self.texts(part) for part in node.values])

    def _fold_formatted(self, node: ast.FormattedValue) -> tuple[str, ...]:
        spec = self.texts(node.format_spec) if node.format_spec else ("",)
        if all(functions.NUMERIC_FORMAT.match(text) for text in spec):
            return (NUMBER,)
        return self.texts(node.value)

    def _fold_binary(self, node: ast.BinOp) -> tuple[str, ...]:
        if isinstance(node.op, ast.Add):
            return self._fold_sum(node)
        if isinstance(node.op, ast.Mod):
            return self._percent(node)
        if is_number(node.left) or is_number(node.right):
            text = node.left if is_number(node.right) else node.right
            is_text = (
                isinstance(node.op, ast.Mult) and not is_number(text) and self.constant(text) is not None
            )
            return _UNKNOWN if is_text else (NUMBER,)
        if isinstance(node.op, ast.Div):
            return self._joined_path([self.texts(node.left), self.texts(node.right)])
        return self._placeholders(node) if isinstance(node.op, ast.Mult) else _UNKNOWN

    def _placeholders(self, node: ast.BinOp) -> tuple[str, ...]:
        """``"%s, " * len(ids)`` stands for parameters, however many."""
        for text in (*self.texts(node.left), *self.texts(node.right)):
            if functions.PLACEHOLDERS.fullmatch(text):
                return (text,)
        return _UNKNOWN

    def _fold_sum(self, node: ast.BinOp) -> tuple[str, ...]:
        operands: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            operands.append(left.right)
            left = left.left
        operands.append(left)
        if any(is_number(operand) for operand in operands):
            return (NUMBER,)
        return self._product([self.texts(operand) for operand in reversed(operands)])

    def _percent(self, node: ast.BinOp) -> tuple[str, ...]:
        values: dict[str, ast.expr] = {}
        listed: list[ast.expr] = [node.right]
        if isinstance(node.right, ast.Tuple):
            listed = list(node.right.elts)
        elif isinstance(node.right, ast.Dict):
            values = literal_entries(node.right)
        if is_number(node.left) or is_number(node.right):
            listed = [node.right]
        return self._all(
            self._fill(text, functions.PERCENT, values, listed) for text in self.texts(node.left)
        )

    def _fill(
        self, text: str, pattern: re.Pattern[str], named: dict[str, ast.expr], listed: list[ast.expr]
    ) -> tuple[str, ...]:
        """``text`` with the slots of a %- or {}-format replaced by the texts of their values."""
        pieces: list[tuple[str, ...]] = []
        position = slot = 0
        for match in pattern.finditer(text):
            pieces.append((text[position : match.start()],))
            position = match.end()
            if match.group() in ("%%", "{{", "}}"):
                pieces.append((match.group()[0],))
                continue
            key = match.group(1) or ""
            if not key and pattern is functions.PERCENT and match.group(2) in "diouxXeEfFgG":
                pieces.append((NUMBER,))
            else:
                pieces.append(self._slot(key, slot, named, listed))
            slot += 0 if key else 1
        pieces.append((text[position:],))
        return self._product(pieces)

    def _slot(
        self, key: str, slot: int, named: dict[str, ast.expr], listed: list[ast.expr]
    ) -> tuple[str, ...]:
        index = int(key) if key.isdecimal() and len(key) < 4 else slot if not key else -1
        if key in named:
            return self.texts(named[key])
        return self.texts(listed[index]) if 0 <= index < len(listed) else _UNKNOWN

    def _fold_subscript(self, node: ast.Subscript) -> tuple[str, ...]:
        return (
            self._sliced(node, node.slice)
            if isinstance(node.slice, ast.Slice)
            else self._fold_reference(node)
        )

    def _sliced(self, node: ast.Subscript, cut: ast.Slice) -> tuple[str, ...]:
        known = self.constant(node.value)
        parts = [small_number(part) for part in (cut.lower, cut.upper, cut.step)]
        if known is None or any(isinstance(part, str) for part in parts) or parts[2] == 0:
            return _UNKNOWN
        start, stop, step = (part for part in parts if not isinstance(part, str))
        return tuple(text[start:stop:step] for text in known)

    def _fold_call(self, node: ast.Call) -> tuple[str, ...]:
        names = self.origins(node.func)
        for name in sorted(names):
            found = self._known_call(name, node)
            if found is not None:
                return found
        if isinstance(node.func, ast.Attribute):
            found = self._method(node, node.func)
            if found is not None:
                return found
        return self._own_call(node)

    def _known_call(self, name: str, node: ast.Call) -> tuple[str, ...] | None:
        first = node.args[0] if node.args else None
        if name in functions.COMPOSABLE:
            return (functions.COMPOSABLE[name],)
        if name in functions.SAME_TEXT:
            return self.texts(first)
        if name in functions.PATHS:
            return self._joined_path([self.texts(part) for part in node.args])
        if name in functions.ENVIRONMENT:
            return self._all([_UNKNOWN, self.texts(argument(node, 1, "default"))])
        if name in functions.PATH_FUNCTIONS:
            return tuple(functions.PATH_FUNCTIONS[name](text) for text in self.texts(first))
        if name == "pathlib.Path.home":
            return ("~",)
        if name == "builtins.map":
            return _UNKNOWN
        if name.removeprefix("builtins.") in functions.NUMERIC_CALLS:
            return (NUMBER,)
        return None

    def _method(self, node: ast.Call, func: ast.Attribute) -> tuple[str, ...] | None:
        name = func.attr
        if name in functions.TEXT_METHODS and not node.args:
            return tuple(functions.TEXT_METHODS[name](text) for text in self.texts(func.value))
        if name in functions.STRIPPING_METHODS and len(node.args) == 1:
            cut = self.constant(node.args[0]) or ("",)
            return tuple(functions.STRIPPING_METHODS[name](text, cut[0]) for text in self.texts(func.value))
        if name in functions.UNCHANGED_METHODS:
            return self.texts(func.value)
        if name == "join" and len(node.args) == 1:
            return self._joined(func.value, node.args[0])
        if name == "joinpath":
            return self._joined_path([self.texts(func.value), *(self.texts(part) for part in node.args)])
        if name in ("format", "format_map"):
            named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
            listed = list(node.args) if name == "format" else []
            return self._all(
                self._fill(text, functions.BRACES, named, listed) for text in self.texts(func.value)
            )
        if name == "replace" and len(node.args) == 2:
            return self._replaced(func.value, node.args)
        if name == "get" and node.args:
            return self._all([self._fold_reference(node), *(self.texts(d) for d in node.args[1:])])
        return None

    def _replaced(self, base: ast.expr, arguments: list[ast.expr]) -> tuple[str, ...]:
        old, new = (self.constant(argument) for argument in arguments)
        if old is None or len(old) > 1 or not old[0] or len(new or ()) > 1:
            return _UNKNOWN
        results = [text.replace(old[0], new[0] if new else HOLE) for text in self.texts(base)]
        return tuple(text if len(text) <= LONGEST_TEXT else HOLE for text in results)

    def _joined(self, separator: ast.expr, items: ast.expr) -> tuple[str, ...]:
        glue = self.texts(separator)
        listed = self._list_of(items)
        if listed is None:
            return _UNKNOWN
        pieces: list[tuple[str, ...]] = []
        for item in listed:
            pieces += [glue, self.texts(item)]
        return self._product(pieces[1:])

    def _list_of(self, node: ast.expr) -> list[ast.expr] | None:
        """The elements of a list, or one standing for all of a repeated or computed list."""
        if isinstance(node, ast.GeneratorExp | ast.ListComp | ast.SetComp):
            return [node.elt]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            only = self.texts(node.left) if isinstance(node.left, ast.Call) else ()
            return (
                [node.left]
                if only and functions.PLACEHOLDERS.fullmatch(only[0])
                else self._list_of(node.left)
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= 200:
            return [ast.Constant(char) for char in node.value]
        if isinstance(node, ast.Call) and len(node.args) == 2 and "builtins.map" in self.origins(node.func):
            return [ast.Call(node.args[0], [ast.Constant(HOLE)], [])]
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return None if any(isinstance(item, ast.Starred) for item in node.elts) else list(node.elts)
        return self._known_list(node)

    def _known_list(self, node: ast.expr) -> list[ast.expr] | None:
        values = self.references.values(node)
        only = values[0] if len(values) == 1 else None
        if only is node or not isinstance(only, ast.expr) or self.references.grows(node) or self._stop():
            return None
        listed = self._list_of(only)
        return None if listed is None else [*listed, *self.references.appended(node)]

    def _own_call(self, node: ast.Call) -> tuple[str, ...]:
        name = called_name(node)
        found: list[tuple[str, ...]] = []
        for function in self.program.own_functions(name):
            found += [self.texts(value) for value in self.program.returns.get(function, ())]
        return self._all(found) if found else _UNKNOWN

    def _fold_name(self, node: ast.Name) -> tuple[str, ...]:
        bindings = self.program.lookup(node)
        if self.program.is_inside(node, bindings):
            return self._all(self.texts(value) for value in self.references.values_before(node, bindings))
        base = self._all([self._fold_reference(node), *self._in_folders(bindings)])
        added = [
            self.texts(binding.node.value)
            for binding in bindings
            if binding.kind == "augment" and isinstance(binding.node, ast.AugAssign)
        ]
        return self._all([base, self._product([base, *added])]) if added else base

    def _in_folders(self, bindings: list[Binding]) -> list[tuple[str, ...]]:
        """``for path in folder.iterdir()``: something below that folder."""
        looped = [value for b in bindings if b.kind == "element" for value in self.values(b.node)]
        listed = [c.func for c in looped if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute)]
        folders = [func.value for func in listed if func.attr in functions.LISTING_METHODS]
        return [self._product([self.texts(f), ("/",), _UNKNOWN]) for f in folders if self.is_path(f)]

    def _fold_attribute(self, node: ast.Attribute) -> tuple[str, ...]:
        if node.attr in functions.PATH_PARTS and self.is_path(node.value):
            return tuple(functions.PATH_PARTS[node.attr](text) for text in self.texts(node.value))
        return self._fold_reference(node)

    def is_path(self, node: ast.expr) -> bool:
        """Whether this is a ``pathlib`` path, one divided into, or a part of one."""
        if any(path.startswith("pathlib.P") for path in self.origins(node)):
            return True
        for value in self.values(node):
            if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
                return True
            if value is not node and isinstance(value, ast.expr) and self.is_path(value):
                return True
        return False

    def _fold_reference(self, node: ast.AST) -> tuple[str, ...]:
        values = self.references.values(node)
        return _UNKNOWN if node in values else self._all(self.texts(value) for value in values)

    def _product(self, parts: list[tuple[str, ...]]) -> tuple[str, ...]:
        results = [""]
        if any(len(part) > 1 for part in parts):
            for part in parts:
                results = [left + right for left in results for right in part if len(left) <= LONGEST_TEXT]
                results = list(self._all([tuple(results)]))
                self._characters += sum(map(len, results))
                if self._characters > MOST_CHARACTERS:
                    return self._give_up()
            return tuple(results)
        whole = "".join(part[0] for part in parts if part)
        self._characters += len(whole)
        if len(whole) > LONGEST_TEXT * 6 or self._characters > MOST_CHARACTERS:
            return self._give_up()
        return (whole,)

    def _give_up(self) -> tuple[str, ...]:
        self._gave_up = True
        return _UNKNOWN

    def _all(self, candidates: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        found = sorted({text for texts in candidates for text in texts})
        if len(found) <= MOST_CANDIDATES:
            return tuple(found) or _UNKNOWN
        return (*found[: MOST_CANDIDATES - 1], HOLE)

    def _joined_path(self, parts: list[tuple[str, ...]]) -> tuple[str, ...]:
        pieces: list[tuple[str, ...]] = []
        for part in parts:
            if all(text.startswith("/") for text in part):
                pieces = []
            pieces += [("/",), part] if pieces else [part]
        return self._product(pieces) if pieces else ("",)

    _FOLDS: ClassVar[dict[type[ast.AST], Callable[..., tuple[str, ...]]]] = {
        ast.JoinedStr: _fold_joined, ast.FormattedValue: _fold_formatted, ast.BinOp: _fold_binary,
        ast.Name: _fold_name, ast.Attribute: _fold_attribute, ast.Subscript: _fold_subscript,
        ast.Call: _fold_call,
        **dict.fromkeys((ast.IfExp, ast.BoolOp, ast.NamedExpr, ast.Await), _fold_reference),
    }  # fmt: skip
