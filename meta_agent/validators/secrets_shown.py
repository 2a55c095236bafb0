"""Whether the text of an expression shows a secret: a password, key or database URL of the environment.

Followed through names, formats, containers and whatever turns a text into a readable form
of itself. Anything else cleans: ``bool(url)``, ``len(token)`` and the host of a URL show nothing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from meta_agent.validators.evaluation import Evaluator
from meta_agent.validators.literals import argument, called_name, plain_text
from meta_agent.validators.program import Program

_ENVIRONMENT = ("os.environ", "os.getenv", "os.environ.get")
_SECRET_NAME = re.compile(
    r"PASS(WORD|WD|PHRASE)?(_|$)|PWD$|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIAL|DSN|DATABASE_URL"
    r"|DB_URL|DB_URI|CONNECTION_STRING|READER_URL|(POSTGRES|REDIS|MONGO)\w*_UR[IL]",
    re.IGNORECASE,
)
_REFORMATTING = {
    "builtins.str", "builtins.repr", "builtins.ascii", "builtins.list", "builtins.tuple", "builtins.reversed",
    "builtins.sorted", "builtins.bytes", "builtins.dict", "json.dumps", "pprint.pformat", "binascii.hexlify",
    "base64.b64encode", "base64.b32encode", "base64.b16encode", "base64.b85encode", "base64.a85encode",
    "base64.urlsafe_b64encode", "base64.standard_b64encode", "zlib.compress", "urllib.parse.quote",
    "urllib.parse.quote_plus", "urllib.parse.urlparse", "urllib.parse.urlsplit", "types.SimpleNamespace",
    "dataclasses.asdict", "dataclasses.astuple", "builtins.vars", "pandas.DataFrame", "pandas.Series",
    "codecs.encode", "textwrap.wrap", "textwrap.fill",
}  # fmt: skip
_REFORMATTING_METHODS = {
    "upper", "lower", "title", "swapcase", "casefold", "capitalize", "encode", "decode", "hex", "strip",
    "lstrip", "rstrip", "ljust", "rjust", "center", "zfill", "split", "rsplit", "partition", "rpartition",
    "splitlines", "removeprefix", "removesuffix", "translate", "geturl", "__str__", "expandtabs",
    "get_secret_value",
}  # fmt: skip
_URL_PARSERS = {
    "urllib.parse.urlparse()", "urllib.parse.urlsplit()", "sqlalchemy.make_url()",
    "sqlalchemy.engine.make_url()",
    "sqlalchemy.engine.url.make_url()",
}  # fmt: skip
_SECRET_PARTS = {"password", "netloc"}
_LAST_PARTS = {"split": (-1, 1), "rsplit": (-1, 1), "partition": (-1, 2), "rpartition": (-1, 2)}
_DEEPEST = 80


class ShownSecrets:
    """Answers are remembered per node."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._known: dict[ast.AST, bool] = {}
        self._depth = 0

    def is_secret(self, node: ast.AST | None) -> bool:
        """Whether the text of ``node`` shows a password, key or database URL."""
        if node is None or self._depth > _DEEPEST:
            return False
        if node not in self._known:
            self._known[node] = False
            self._depth += 1
            self._known[node] = self._is_source(node) or any(map(self.is_secret, self._shown(node)))
            self._depth -= 1
        return self._known[node]

    def _is_source(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Subscript):
            keys: ast.expr | None = node.slice
            paths = self._evaluator.origins(node.value)
        elif isinstance(node, ast.Call):
            keys = argument(node, 0, "key")
            paths = self._evaluator.origins(node.func)
        else:
            return False
        if "getpass.getpass" in paths:
            return True
        if not any(path in _ENVIRONMENT for path in paths):
            return False
        return any(_SECRET_NAME.search(key) for key in self._evaluator.texts(keys))

    def _shown(self, node: ast.AST) -> Sequence[ast.AST]:
        """The expressions whose text is part of the text of ``node``."""
        if isinstance(node, ast.Name):
            return [*self._other_values(node), *self._letters_of(node)]
        if isinstance(node, ast.Subscript):
            return self._shown_by_part(node)
        if isinstance(node, ast.Attribute):
            is_part = node.attr in _SECRET_PARTS and self._evaluator.origins(node.value) & _URL_PARSERS
            parsed = [part for value in self._evaluator.values(node.value) for part in _arguments(value)]
            return [*self._other_values(node), *(parsed if is_part else ())]
        if isinstance(node, ast.JoinedStr | ast.FormattedValue | ast.BinOp | ast.BoolOp | ast.IfExp):
            return [part for part in ast.iter_child_nodes(node) if part is not getattr(node, "test", None)]
        if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set | ast.Starred):
            return list(ast.iter_child_nodes(node))
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            return [node.elt]
        return self._shown_by_call(node) if isinstance(node, ast.Call) else []

    def _other_values(self, node: ast.AST) -> list[ast.AST]:
        return [value for value in self._evaluator.values(node) if value is not node]

    def _letters_of(self, node: ast.Name) -> list[ast.AST]:
        """``for letter in url``: the text itself, piece by piece; the keys of a dictionary are not."""
        looped = [b.node for b in self._program.lookup(node) if b.kind == "element" and b.node is not None]
        return [
            item
            for item in looped
            if not any(isinstance(value, ast.Dict) for value in self._evaluator.values(item))
        ]

    def _shown_by_part(self, node: ast.Subscript) -> list[ast.AST]:
        """A piece of a text shows the text, but what stands behind the ``@`` of a URL does not."""
        base = node.value
        is_cut_at_host = isinstance(base, ast.Call) and base.args and plain_text(base.args[0]) == "@"
        if is_cut_at_host and self._is_last_part(node):
            return []
        values = self._other_values(node)
        is_container = any(
            isinstance(v, ast.Dict | ast.List | ast.Tuple) for v in self._evaluator.values(base)
        )
        return values if is_container else [*values, base]

    def _is_last_part(self, node: ast.Subscript) -> bool:
        last = _LAST_PARTS.get(called_name(node.value), ()) if isinstance(node.value, ast.Call) else ()
        return self._evaluator.constants.value(node.slice) in last

    def _shown_by_call(self, node: ast.Call) -> list[ast.AST]:
        func = node.func
        given = _arguments(node)
        if isinstance(func, ast.Attribute):
            if func.attr in ("format", "join"):
                return [func.value, *given]
            if func.attr in _REFORMATTING_METHODS:
                return [func.value]
            if func.attr == "render_as_string" and not self._hides_password(node):
                parsed = [part for value in self._evaluator.values(func.value) for part in _arguments(value)]
                return [func.value, *parsed]
        is_record = any(map(_shows_its_fields, self._program.classes.get(called_name(node), ())))
        if is_record or self._evaluator.origins(func) & _REFORMATTING:
            return given
        returned = [
            value
            for function in self._program.own_functions(called_name(node))
            for value in self._program.returns.get(function, ())
        ]
        return [*self._other_values(node), *returned]

    def _hides_password(self, node: ast.Call) -> bool:
        hides = argument(node, 0, "hide_password")
        return hides is None or False not in self._evaluator.constants.values(hides)


def _arguments(node: ast.AST) -> list[ast.AST]:
    return [*node.args, *(keyword.value for keyword in node.keywords)] if isinstance(node, ast.Call) else []


def _shows_its_fields(definition: ast.ClassDef) -> bool:
    """Whether printing an object of this class prints its fields: dataclasses and named tuples."""
    marks = [*definition.decorator_list, *definition.bases]
    names = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in marks}
    called = {called_name(mark) for mark in marks if isinstance(mark, ast.Call)}
    return bool((names | called) & {"dataclass", "NamedTuple", "BaseModel"})
