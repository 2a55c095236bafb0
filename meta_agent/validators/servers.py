"""Web pages: debug servers left open, and templates made of what a visitor sends."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import called_name, plain_text
from meta_agent.validators.reading import Script

_DEBUG_OPTIONS = {"debug", "use_debugger", "use_reloader", "use_evalex"}
_DEBUG_VARIABLES = {"DEBUG", "FLASK_DEBUG", "FLASK_ENV", "WERKZEUG_DEBUG_PIN"}
_OFF = {"0", "false", "no", "off", "none", "production"}
_CONFIGURING = {"update", "from_mapping"}
_RUN_DEBUG_POSITION = 2
"""``Flask.run(host, port, debug)``."""
_TEMPLATES = {
    "flask.render_template_string", "flask.stream_template_string", "jinja2.Template",
    "jinja2.environment.Template",
}  # fmt: skip
_REACHING_FILTER = re.compile(r"\|\s*attr\s*\(")


def check_servers(script: Script) -> Iterator[ValidationIssue]:
    """Findings on debug servers and on templates."""
    for node in script.program.nodes:
        if isinstance(node, ast.Call):
            yield from _check_call(script, node)
        elif isinstance(node, ast.Assign):
            yield from _check_debug_switch(script, node)


def _check_call(script: Script, call: ast.Call) -> Iterator[ValidationIssue]:
    origins = script.evaluator.origins(call.func)
    name = called_name(call)
    is_flask = "flask" in script.modules or "werkzeug" in script.modules
    if is_flask and name in ("run", "run_simple"):
        for value in _debug_options(script, call, by_position=name == "run"):
            yield from _judge_debug(script, call.lineno, value)
    if is_flask and name in _CONFIGURING:
        for keyword in call.keywords:
            if keyword.arg in _DEBUG_VARIABLES:
                yield from _judge_debug(script, call.lineno, keyword.value)
    if call.args and (origins & _TEMPLATES or name == "from_string"):
        yield from _check_template(script, call.lineno, call.args[0])


def _debug_options(script: Script, call: ast.Call, *, by_position: bool) -> Iterator[ast.expr]:
    if by_position and "flask" in script.modules and len(call.args) > _RUN_DEBUG_POSITION:
        yield call.args[_RUN_DEBUG_POSITION]
    named = [(keyword.arg, keyword.value) for keyword in call.keywords]
    yield from (value for name, value in (*named, *script.spread(call)) if name in _DEBUG_OPTIONS)


def _check_debug_switch(script: Script, node: ast.Assign) -> Iterator[ValidationIssue]:
    for target in node.targets:
        if isinstance(target, ast.Attribute) and target.attr == "debug":
            if any(path.endswith("Flask()") for path in script.evaluator.origins(target.value)):
                yield from _judge_debug(script, node.lineno, node.value)
        elif isinstance(target, ast.Subscript):
            is_config = isinstance(target.value, ast.Attribute) and target.value.attr in ("config", "environ")
            if is_config and plain_text(target.slice) in _DEBUG_VARIABLES:
                yield from _judge_debug(script, node.lineno, node.value)


def _judge_debug(script: Script, line: int, value: ast.expr) -> Iterator[ValidationIssue]:
    values = script.evaluator.values(value)
    constants = [item.value for item in values if isinstance(item, ast.Constant)]
    if any(constant and str(constant).lower() not in _OFF for constant in constants):
        yield rules.DEBUG_SERVER.at(
            line, "The debug server lets every visitor run code; leave debug, reloader and debugger off."
        )
    elif len(constants) < len(values):
        yield rules.DEBUG_SWITCH.at(line, "The debug server can be switched on from outside; leave it off.")


def _check_template(script: Script, line: int, template: ast.expr) -> Iterator[ValidationIssue]:
    if script.taint.from_outside(template):
        yield rules.TEMPLATE_INJECTION.at(
            line, "The page's template contains text from outside; pass it to the template as a variable."
        )
    if any(_REACHING_FILTER.search(text) for text in script.evaluator.texts(template)):
        yield rules.INTROSPECTION.at(
            line, "The template's filter attr reaches into objects; write the attribute out."
        )
