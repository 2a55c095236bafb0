"""A script as every check reads it: its program, its evaluated expressions, its values' sources."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from meta_agent.validators.evaluation import Evaluator
from meta_agent.validators.literals import argument, plain_text
from meta_agent.validators.program import Program
from meta_agent.validators.secrets_shown import ShownSecrets
from meta_agent.validators.taint import Taint

_TEXT_PARTS = (ast.JoinedStr, ast.FormattedValue, ast.BinOp)
_TEXT_CALLS = {"join", "format", "replace", "lower", "upper", "strip"}


class Script:
    """Built once per validation and handed to every check."""

    def __init__(self, tree: ast.Module) -> None:
        self.program = Program(tree)
        self.evaluator = Evaluator(self.program)
        self.taint = Taint(self.program, self.evaluator)
        self.secrets = ShownSecrets(self.program, self.evaluator)

    @cached_property
    def modules(self) -> frozenset[str]:
        """The top-level modules that the script imports."""
        found = set()
        for node in self.program.of_type(ast.Import, ast.ImportFrom):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
        return frozenset(found)

    def given(self, call: ast.Call, position: int, name: str) -> ast.expr | None:
        """The argument at ``position`` or of this name, also where it is spread: ``**OPTIONS``."""
        found = argument(call, position, name)
        return found if found is not None else next((v for k, v in self.spread(call) if k == name), None)

    def spread(self, call: ast.Call) -> Iterator[tuple[object, ast.expr]]:
        """Names and values of what ``**`` brings into the call, as far as it is known."""
        for keyword in call.keywords:
            if keyword.arg is not None:
                continue
            for value in self.evaluator.values(keyword.value):
                pairs = zip(value.keys, value.values, strict=True) if isinstance(value, ast.Dict) else ()
                yield from ((plain_text(key), item) for key, item in pairs)

    @cached_property
    def attribute_names(self) -> frozenset[str]:
        """What stands behind a dot, anywhere in the script."""
        return frozenset(node.attr for node in self.program.nodes if isinstance(node, ast.Attribute))

    @cached_property
    def looked_up(self) -> dict[ast.AST | None, set[str]]:
        """The names that are looked for among others (``name in NAMES``), by the function that does so."""
        found: dict[ast.AST | None, set[str]] = defaultdict(set)
        for node in self.program.nodes:
            if not isinstance(node, ast.Compare) or not isinstance(node.left, ast.Name):
                continue
            if isinstance(node.ops[0], ast.In | ast.NotIn):
                function = self.program.enclosing(node, ast.FunctionDef, ast.AsyncFunctionDef)
                found[function].add(node.left.id)
        return found

    @cached_property
    def imported_names(self) -> frozenset[str]:
        """The names that imports bind, anywhere in the script."""
        imports = self.program.of_type(ast.Import, ast.ImportFrom)
        aliases = [alias for node in imports for alias in getattr(node, "names", ())]
        return frozenset(alias.asname or alias.name.partition(".")[0] for alias in aliases)

    @cached_property
    def text_expressions(self) -> tuple[tuple[ast.expr, tuple[str, ...]], ...]:
        """Every outermost expression that makes a text, docstrings aside, with the texts it can be."""
        return tuple((node, self.evaluator.texts(node)) for node in self._outermost_texts())

    def _outermost_texts(self) -> Iterator[ast.expr]:
        for node in self.program.nodes:
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if not isinstance(node, ast.expr) or not (
                is_text or isinstance(node, _TEXT_PARTS) or _makes_text(node)
            ):
                continue
            parent = self.program.parents.get(node)
            if not isinstance(parent, (*_TEXT_PARTS, ast.Expr)) and not self._is_receiver(parent):
                yield node

    def _is_receiver(self, parent: ast.AST | None) -> bool:
        return isinstance(parent, ast.Attribute) and _makes_text(self.program.parents.get(parent))


def _makes_text(node: ast.AST | None) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_CALLS
    )
