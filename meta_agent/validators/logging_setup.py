"""What a logging configuration written as a dictionary would create.

``dictConfig`` imports and calls what its texts name: classes of handlers, ``"()"``
factories, ``ext://`` objects. So each such text is judged as the name it stands for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.files import judge_path
from meta_agent.validators.literals import plain_text
from meta_agent.validators.reach import judge_import
from meta_agent.validators.reading import Script

_CONFIGURING = {"logging.config.dictConfig"}
_NAMING = {"class", "()", "factory"}
_OUTER = ("ext://", "cfg://")
_ENVIRONMENTS = ("os.environ", "os.environb")
_MOST_ENTRIES = 2_000


def check_logging_setup(script: Script) -> Iterator[ValidationIssue]:
    """Findings on the names and files in logging configurations."""
    for call in script.program.calls:
        if script.evaluator.origins(call.func) & _CONFIGURING:
            given = [*call.args[:1], *(keyword.value for keyword in call.keywords)]
            for key, value in _entries(script, given):
                yield from (
                    issue for text in script.evaluator.texts(value) for issue in _judge(key, text, value)
                )


def _entries(script: Script, given: list[ast.expr]) -> Iterator[tuple[object, ast.expr]]:
    """All entries of the dictionaries in ``given``, however deep, lists among them."""
    open_values: list[ast.AST] = [*given]
    for _ in range(_MOST_ENTRIES):
        if not open_values:
            return
        for value in script.evaluator.values(open_values.pop()):
            if isinstance(value, ast.Dict):
                pairs = zip(value.keys, value.values, strict=True)
                named = [(plain_text(key), item) for key, item in pairs]
                yield from named
                open_values += [item for _, item in named]
            elif isinstance(value, ast.List | ast.Tuple):
                yield from ((None, item) for item in value.elts)
                open_values += value.elts


def _judge(key: object, text: str, value: ast.expr) -> Iterator[ValidationIssue]:
    line = value.lineno
    if key == "filename":
        yield from judge_path(line, text)
    if key in _NAMING and "." in text:
        yield from judge_import(text.removeprefix("ext://"), line)
    elif text.startswith(_OUTER) and "." in text:
        name = text.partition("://")[2]
        yield from judge_import(name, line)
        if name.startswith(_ENVIRONMENTS):
            yield rules.WHOLE_ENVIRONMENT.at(line, "The environment, secrets included, is handed to the log.")
