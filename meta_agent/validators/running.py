"""How the script would behave while it runs: loops that never end, and web servers left open."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import plain_text
from meta_agent.validators.reading import Script

_ENDLESS = {"itertools.count", "itertools.cycle", "itertools.repeat"}
_EXITS = {"sys.exit", "os._exit", "builtins.exit", "builtins.quit"}
_OWN_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_OWN_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_MOST_NODES = 20_000
_DEBUG_VARIABLES = {"FLASK_DEBUG", "FLASK_ENV", "WERKZEUG_DEBUG_PIN"}


def check_running(script: Script) -> Iterator[ValidationIssue]:
    """Findings on endless loops, debug servers and templates made from outside values."""
    for node in script.program.nodes:
        if isinstance(node, ast.While | ast.For):
            if _is_endless(script, node) and not _leaves(script, node):
                yield rules.ENDLESS_LOOP.at(
                    node.lineno, "This loop has no way out; give it an end or a break."
                )
        elif isinstance(node, ast.Call):
            yield from _check_server(script, node)
        elif isinstance(node, ast.Assign):
            yield from _check_debug_switch(script, node)


def _is_endless(script: Script, loop: ast.While | ast.For) -> bool:
    if isinstance(loop, ast.While):
        return _is_always_true(script, loop.test)
    if not isinstance(loop.iter, ast.Call):
        return False
    origins = script.evaluator.origins(loop.iter.func)
    if "builtins.iter" in origins:
        return len(loop.iter.args) == 2 and "builtins.int" in script.evaluator.origins(loop.iter.args[0])
    return bool(origins & _ENDLESS) and not ("itertools.repeat" in origins and len(loop.iter.args) > 1)


def _is_always_true(script: Script, test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and not test.operand.value
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Constant):
        only = test.comparators[0]
        return (
            isinstance(only, ast.Constant)
            and only.value == test.left.value
            and isinstance(test.ops[0], ast.Eq)
        )
    if isinstance(test, ast.Name):
        values = script.evaluator.values(test)
        return all(isinstance(value, ast.Constant) and value.value is True for value in values)
    return False


def _leaves(script: Script, loop: ast.While | ast.For) -> bool:
    """Whether something in the loop's own body ends it: break, return, raise, yield or exit."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in loop.body]
    for _ in range(_MOST_NODES):
        if not stack:
            return False
        node, in_inner_loop = stack.pop()
        if isinstance(node, ast.Return | ast.Raise | ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Break) and not in_inner_loop:
            return True
        if isinstance(node, ast.Call) and script.evaluator.origins(node.func) & _EXITS:
            return True
        if not isinstance(node, _OWN_SCOPES):
            inner = in_inner_loop or isinstance(node, _OWN_LOOPS)
            stack += [(child, inner) for child in ast.iter_child_nodes(node)]
    return False


def _check_server(script: Script, call: ast.Call) -> Iterator[ValidationIssue]:
    origins = script.evaluator.origins(call.func)
    if any(path.endswith("Flask().run") or path.endswith(".run_simple") for path in origins):
        for keyword in call.keywords:
            if keyword.arg in ("debug", "use_debugger", "use_reloader"):
                yield from _judge_debug(script, call.lineno, keyword.value)
    if origins & {"flask.render_template_string"} and call.args and script.taint.from_outside(call.args[0]):
        yield rules.TEMPLATE_INJECTION.at(
            call.lineno,
            "The page's template contains text from the request; pass it to the template as a variable.",
        )


def _check_debug_switch(script: Script, node: ast.Assign) -> Iterator[ValidationIssue]:
    for target in node.targets:
        if isinstance(target, ast.Attribute) and target.attr == "debug":
            if any(path.endswith("Flask()") for path in script.evaluator.origins(target.value)):
                yield from _judge_debug(script, node.lineno, node.value)
        elif isinstance(target, ast.Subscript):
            is_config = isinstance(target.value, ast.Attribute) and target.value.attr in ("config", "environ")
            if is_config and plain_text(target.slice) in {"DEBUG", *_DEBUG_VARIABLES}:
                yield from _judge_debug(script, node.lineno, node.value)


def _judge_debug(script: Script, line: int, value: ast.expr) -> Iterator[ValidationIssue]:
    values = script.evaluator.values(value)
    constants = [item.value for item in values if isinstance(item, ast.Constant)]
    if any(constant in (True, 1, "1", "true", "True", "development") for constant in constants):
        yield rules.DEBUG_SERVER.at(
            line, "The debug server lets every visitor run code; leave debug, reloader and debugger off."
        )
    elif len(constants) < len(values):
        yield rules.DEBUG_SWITCH.at(line, "The debug server can be switched on from outside; leave it off.")
