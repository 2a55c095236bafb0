"""Where a value comes from: from outside, out of a store, or out of a decoder.

*Outside* is what somebody types, sends or gives on the command line; *a visitor* is the
part of it that others than the user choose; *a store* is a file, the environment or the
database; *a decoder* makes readable what nobody could read. All are followed through
names, parameters, formats and containers; a conversion to a number cleans.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal

from meta_agent.validators.evaluation import Evaluator
from meta_agent.validators.literals import called_name, plain_text
from meta_agent.validators.program import Program
from meta_agent.validators.text_functions import SAME_TEXT

Source = Literal["outside", "visitor", "store", "decoder"]
_VISITOR = ("builtins.input", "flask.request", "sys.stdin", "fileinput.input")
_SOURCES: dict[Source, tuple[str, ...]] = {
    "visitor": _VISITOR,
    "outside": (
        *_VISITOR, "sys.argv", "argparse.ArgumentParser().parse_args()", "getpass.getpass",
        "argparse.ArgumentParser().parse_known_args()", "optparse.OptionParser().parse_args()",
        "getopt.getopt",
    ),
    "store": (
        "os.environ", "os.getenv", "builtins.open", "io.open", "codecs.open", "pathlib.Path", "json.load",
        "configparser.ConfigParser", "psycopg2.connect().cursor",
    ),
    "decoder": (
        "base64.b64decode", "base64.b32decode", "base64.b16decode", "base64.a85decode", "base64.b85decode",
        "base64.urlsafe_b64decode", "base64.decodebytes", "binascii.unhexlify", "binascii.a2b_hex",
        "binascii.a2b_base64", "codecs.decode", "builtins.bytes.fromhex", "builtins.bytearray.fromhex",
        "builtins.chr", "zlib.decompress", "gzip.decompress", "bz2.decompress", "lzma.decompress",
    ),
}  # fmt: skip
_FETCHING = {"fetchone", "fetchall", "fetchmany", "read_text"}
_KEEPING = {
    "read", "readline", "readlines", "strip", "format", "join", "get", "decode", "replace", "splitlines",
    "split",
    "items", "values", "load", "loads", "next", "list", "tuple", "pop", "copy", "open", "SQL", "text",
}  # fmt: skip
_CLEANING = {
    "int", "float", "bool", "len", "round", "abs", "complex", "Decimal", "ord", "sum", "UUID",
    "secure_filename",
}  # fmt: skip
_ROUTES = {"route", "get", "post", "put", "delete", "patch"}
_DEEPEST = 80


class Taint:
    """Answers are remembered per kind of source and node."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._known: dict[tuple[Source, ast.AST], bool] = {}
        self._depth = 0
        self._visitors_names = {
            id(program.parameters[node][argument.arg])
            for node in program.parameters
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _answers_a_route(node)
            for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        }

    def from_outside(self, node: ast.AST | None) -> bool:
        """Whether a value that somebody outside the script chose flows into ``node`` as text."""
        return self.comes_from("outside", node)

    def comes_from(self, source: Source, node: ast.AST | None) -> bool:
        """Whether the text of ``node`` holds something of this source."""
        if node is None or self._depth > _DEEPEST:
            return False
        if (source, node) not in self._known:
            self._known[source, node] = False
            self._depth += 1
            self._known[source, node] = self._is_source(source, node) or any(
                self.comes_from(source, part) for part in self._inflow(source, node)
            )
            self._depth -= 1
        return self._known[source, node]

    def _is_source(self, source: Source, node: ast.AST) -> bool:
        if not isinstance(node, ast.Name | ast.Attribute | ast.Call):
            return False
        if isinstance(node, ast.Name) and id(self._program.lookup(node)) in self._visitors_names:
            return source in ("outside", "visitor")
        if source == "store" and isinstance(node, ast.Call) and called_name(node) in _FETCHING:
            return True
        return any(
            path == name or path.startswith((f"{name}.", f"{name}("))
            for path in self._evaluator.origins(node)
            for name in _SOURCES[source]
        )

    def _inflow(self, source: Source, node: ast.AST) -> Sequence[ast.AST]:
        """The expressions whose values end up in the value of ``node``.

        Of a store only the text as it was: a query object made with an engine is no stored text.
        """
        if isinstance(node, ast.Call):
            return self._call_inflow(node) if source != "store" or self._keeps_text(node) else ()
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

    def _keeps_text(self, node: ast.Call) -> bool:
        is_own = bool(self._program.own_functions(called_name(node)))
        return is_own or called_name(node) in _KEEPING or bool(self._evaluator.origins(node.func) & SAME_TEXT)

    def _call_inflow(self, node: ast.Call) -> Sequence[ast.AST]:
        name = called_name(node)
        own = [
            value
            for function in self._program.own_functions(name)
            for value in self._program.returns.get(function, ())
        ]
        if name in _CLEANING:
            return []
        base = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return own or [*base, *node.args, *(keyword.value for keyword in node.keywords)]


def _answers_a_route(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """``@app.route("/city/<name>")``: a visitor chooses the arguments, unless all of them are numbers."""
    for decorator in function.decorator_list:
        if not isinstance(decorator, ast.Call) or called_name(decorator) not in _ROUTES or not decorator.args:
            continue
        path = plain_text(decorator.args[0])
        if isinstance(path, str) and "<" in path.replace("<int:", "").replace("<float:", ""):
            return True
    return False
