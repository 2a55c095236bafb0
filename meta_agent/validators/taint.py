"""Where a value comes from: from outside (typed, sent, given on the command line), or a secret.

Both are followed through names, parameters, formats and containers. A conversion to a
number cleans an outside value; any function but text formatting cleans a secret, because
``bool(url)`` or ``len(token)`` shows nothing of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from meta_agent.validators.evaluation import Evaluator
from meta_agent.validators.literals import argument
from meta_agent.validators.program import Program

_OUTSIDE = (
    "builtins.input", "sys.argv", "sys.stdin", "flask.request", "argparse.ArgumentParser().parse_args()",
    "argparse.ArgumentParser().parse_known_args()", "fileinput.input", "getpass.getpass",
)  # fmt: skip
_CLEANING = {"int", "float", "bool", "len", "round", "abs", "complex", "Decimal", "ord", "sum", "UUID"}
_ENVIRONMENT = ("os.environ", "os.getenv", "os.environ.get")
_SECRET_NAME = re.compile(
    r"PASS(WORD|WD|PHRASE)?(_|$)|PWD$|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL|DSN|DATABASE_URL"
    r"|DB_URL|DB_URI|CONNECTION_STRING|READER_URL|(POSTGRES|REDIS|MONGO)\w*_UR[IL]",
    re.IGNORECASE,
)
_DEEPEST = 80


class Taint:
    """Answers two questions about expressions, each remembered per node."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._outside: dict[ast.AST, bool] = {}
        self._secret: dict[ast.AST, bool] = {}
        self._depth = 0

    def from_outside(self, node: ast.AST | None) -> bool:
        """Whether a value that somebody outside the script chose flows into ``node`` as text."""
        if node is None or self._depth > _DEEPEST:
            return False
        if node not in self._outside:
            self._outside[node] = False
            self._depth += 1
            self._outside[node] = self._is_source(node) or any(map(self.from_outside, self._inflow(node)))
            self._depth -= 1
        return self._outside[node]

    def is_secret(self, node: ast.AST | None) -> bool:
        """Whether the text of ``node`` shows a password, key or database URL of the environment."""
        if node is None or self._depth > _DEEPEST:
            return False
        if node not in self._secret:
            self._secret[node] = False
            self._depth += 1
            self._secret[node] = self._is_secret_source(node) or any(map(self.is_secret, self._shown(node)))
            self._depth -= 1
        return self._secret[node]

    def _is_source(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Name | ast.Attribute | ast.Call):
            return False
        return any(
            path == source or path.startswith((f"{source}.", f"{source}("))
            for path in self._evaluator.origins(node)
            for source in _OUTSIDE
        )

    def _inflow(self, node: ast.AST) -> Sequence[ast.AST]:
        """The expressions whose values end up in the value of ``node``."""
        if isinstance(node, ast.Call):
            return self._call_inflow(node)
        if isinstance(node, ast.Name):
            bound = [
                b.node
                for b in self._program.lookup(node)
                if b.kind in ("value", "element", "entered", "augment")
            ]
            return [item for item in bound if item is not None]
        if isinstance(node, ast.FormattedValue):
            return [] if self._evaluator.texts(node) == ("0",) else [node.value]
        if isinstance(node, ast.Attribute):
            return [node.value, *(value for value in self._evaluator.values(node) if value is not node)]
        if isinstance(node, ast.Compare | ast.Lambda):
            return []
        if isinstance(node, ast.Subscript):
            return [node.value, *(value for value in self._evaluator.values(node) if value is not node)]
        return list(ast.iter_child_nodes(node))

    def _call_inflow(self, node: ast.Call) -> Sequence[ast.AST]:
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        own = [
            value
            for function in self._program.own_functions(name)
            for value in self._program.returns[function]
        ]
        if name in _CLEANING:
            return []
        base = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return own or [*base, *node.args, *(keyword.value for keyword in node.keywords)]

    def _is_secret_source(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Subscript):
            keys: ast.expr | None = node.slice
            paths = self._evaluator.origins(node.value)
        elif isinstance(node, ast.Call):
            keys = argument(node, 0, "key")
            paths = self._evaluator.origins(node.func)
        else:
            return False
        if not any(path in _ENVIRONMENT for path in paths):
            return False
        return any(_SECRET_NAME.search(key) for key in self._evaluator.texts(keys))

    def _shown(self, node: ast.AST) -> list[ast.AST]:
        """The expressions whose text is part of the text of ``node``."""
        if isinstance(node, ast.Name | ast.Subscript | ast.Attribute):
            return [value for value in self._evaluator.values(node) if value is not node]
        if isinstance(node, ast.JoinedStr | ast.FormattedValue | ast.BinOp | ast.BoolOp | ast.IfExp):
            return [part for part in ast.iter_child_nodes(node) if part is not getattr(node, "test", None)]
        if isinstance(node, ast.Dict | ast.List | ast.Tuple):
            return list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call):
            return self._shown_by_call(node)
        return []

    def _shown_by_call(self, node: ast.Call) -> list[ast.AST]:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return [node.func.value, *node.args, *(keyword.value for keyword in node.keywords)]
        formatting = {"builtins.str", "builtins.repr", "json.dumps", "pprint.pformat"}
        followed = [value for value in self._evaluator.values(node) if value is not node]
        return [*node.args] if self._evaluator.origins(node.func) & formatting else followed
