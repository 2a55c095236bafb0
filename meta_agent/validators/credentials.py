"""Secrets written into the script: by name and literal, inside URLs, or by a key's own shape.

A script is stored, shown, recorded and sent back to the model, so whatever secret is in
it has left its place. No message repeats the value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE, argument, called_name, plain_text
from meta_agent.validators.reading import Script

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_ENDS = {
    ("password",), ("passwd",), ("passphrase",), ("pwd",), ("secret",), ("token",), ("apikey",), ("api",
    "key"), ("secret", "key"), ("access", "key"), ("private", "key"), ("auth", "key"), ("encryption",
    "key"), ("pgpassword",),
}  # fmt: skip
_ENVIRONMENT = {"os.getenv", "os.environ.get", "os.environ.setdefault"}
_PLACEHOLDER = re.compile(r"[{}<>]|%s|\$\w|^[*.x•]+$|\s|^(none|null|required|optional)$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"\b[a-zA-Z][\w+.-]{1,30}://[^\s/:@'\"]{1,200}:([^\s/@'\"]{1,200})@")
_DSN_PASSWORD = re.compile(r"\b(?:password|passwd)\s*=\s*'?([^\s'\"]{1,200})")
_DSN_OTHER = re.compile(r"\b(?:host|dbname|user|hostaddr)\s*=")
_KEY_SHAPES = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{30,}|\bglpat-[\w-]{20}|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\b[sr]k_live_[A-Za-z0-9]{16,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}|\bhf_[A-Za-z0-9]{30,}|\bnpm_[A-Za-z0-9]{36}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"
)


def check_credentials(script: Script) -> Iterator[ValidationIssue]:
    """Findings on secrets in the text of the script."""
    for node in script.program.nodes:
        for name, value in _named_values(script, node):
            if is_secret_name(name) and _is_literal_secret(script, name, value):
                yield rules.HARDCODED_CREDENTIAL.at(
                    value.lineno,
                    f"{rules.quoted(name)} is written into the script; read it from an environment variable.",
                )
    for node, texts in script.text_expressions:
        for text in texts:
            yield from _check_text(node.lineno, text)


def is_secret_name(name: str) -> bool:
    """Whether the name ends in a word for a secret: ``db_password``, not ``password_reset_count``."""
    words = [word.lower() for word in _WORDS.findall(name[:200]) if not word.isdecimal()]
    if tuple(words) == ("pass",) or tuple(words[-2:]) in {
        ("db", "pass"),
        ("user", "pass"),
        ("database", "pass"),
    }:
        return True
    return tuple(words[-1:]) in _SECRET_ENDS or tuple(words[-2:]) in _SECRET_ENDS


def _named_values(script: Script, node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Every pair of a name and the expression given to it."""
    if isinstance(node, ast.Assign):
        yield from (pair for target in node.targets for pair in _assigned(target, node.value))
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr | ast.AugAssign) and node.value is not None:
        yield _name_of(node.target), node.value
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg, node.value
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from ((str(plain_text(k)), v) for k, v in pairs if plain_text(k) is not None)
    elif isinstance(node, ast.arguments):
        positional = [*node.posonlyargs, *node.args]
        yield from ((a.arg, d) for a, d in zip(reversed(positional), reversed(node.defaults), strict=False))
        yield from (
            (a.arg, d) for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True) if d is not None
        )
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
        yield _name_of(node.left), node.comparators[0]
    elif isinstance(node, ast.Call) and called_name(node) == "setattr" and len(node.args) == 3:
        yield from ((name, node.args[2]) for name in script.evaluator.texts(node.args[1]))
    elif isinstance(node, ast.Call) and called_name(node) == "add_argument":
        defaults = [keyword.value for keyword in node.keywords if keyword.arg == "default"]
        names = [name for item in node.args for name in script.evaluator.texts(item)]
        yield from ((name, default) for name in names for default in defaults)
    elif isinstance(node, ast.Call) and script.evaluator.origins(node.func) & _ENVIRONMENT:
        default = argument(node, 1, "default")
        if default is not None:
            yield from ((name, default) for name in script.evaluator.texts(argument(node, 0, "key")))


def _assigned(target: ast.expr, value: ast.expr) -> list[tuple[str, ast.expr]]:
    """``user, password = "me", "secret"`` part by part."""
    if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        return [(_name_of(part), item) for part, item in zip(target.elts, value.elts, strict=False)]
    return [(_name_of(target), value)]


def _name_of(target: ast.expr) -> str:
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript):
        return str(plain_text(target.slice))
    return ""


def _is_literal_secret(script: Script, name: str, value: ast.expr) -> bool:
    """A known text that is neither empty, a placeholder, nor the name over again; or a choice of one."""
    if isinstance(value, ast.BoolOp):
        return any(_is_literal_secret(script, name, part) for part in value.values)
    if isinstance(value, ast.IfExp):
        return any(_is_literal_secret(script, name, part) for part in (value.body, value.orelse))
    if not isinstance(value, ast.Constant | ast.BinOp | ast.JoinedStr | ast.Call):
        return False
    if isinstance(value, ast.Constant) and not isinstance(value.value, str | bytes):
        return False
    if isinstance(value, ast.Call) and not isinstance(value.func, ast.Attribute):
        return False
    known = script.evaluator.constant(value)
    if known is None or (name.lower().endswith("token") and not any(map(_looks_random, known))):
        return False
    is_argument = isinstance(script.program.parents.get(value), ast.keyword)
    return any(
        len(text) >= 3 and not _PLACEHOLDER.search(text) and (is_argument or text.lower() != name.lower())
        for text in known
    )


def _looks_random(text: str) -> bool:
    """A key's look; ``token = "SELECT"`` is a word of some language."""
    return len(text) >= 16 or (len(text) >= 8 and any(char.isdigit() for char in text))


def _check_text(line: int, text: str) -> Iterator[ValidationIssue]:
    match = _URL_PASSWORD.search(text) if "://" in text else None
    if match and _is_written_out(match.group(1)):
        yield rules.EMBEDDED_SECRET.at(
            line, "A URL with its password is written into the script; read it from DATABASE_URL."
        )
    dsn = _DSN_PASSWORD.search(text) if "=" in text and _DSN_OTHER.search(text) else None
    if dsn and _is_written_out(dsn.group(1)):
        yield rules.EMBEDDED_SECRET.at(
            line,
            "A connection string with its password is written into the script; read it from DATABASE_URL.",
        )
    if _KEY_SHAPES.search(text):
        yield rules.EMBEDDED_SECRET.at(
            line,
            "A text with the shape of a real key is written into the script; read it from the environment.",
        )


def _is_written_out(password: str) -> bool:
    return HOLE not in password and not _PLACEHOLDER.search(password)
