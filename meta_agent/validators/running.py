"""How long the script would run: loops without a way out, waits for nobody, signals that are ignored."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import argument, called_name
from meta_agent.validators.program import Binding, Function
from meta_agent.validators.pure_functions import NotConstant
from meta_agent.validators.reading import Script

LONGEST_SLEEP_S = 600
_ENDLESS = {"itertools.count", "itertools.cycle", "itertools.repeat"}
_CONSUMING = {
    "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.sum",
    "builtins.sorted",
    "builtins.max", "builtins.min", "builtins.dict", "statistics.mean", "collections.Counter", "math.fsum",
}  # fmt: skip
_EXITS = {"sys.exit", "os._exit", "builtins.exit", "builtins.quit"}
_OWN_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_OWN_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_MOST_NODES = 20_000
_MOST_COMBINATIONS = 64
_WAITING = {
    "threading.Event().wait": {"set"},
    "asyncio.Event().wait": {"set"},
    "queue.Queue().get": {"put", "put_nowait"},
}
"""What waits without end, and the methods that would end it."""
_ENDING_SIGNALS = {"signal.SIGTERM", "signal.SIGINT", "signal.SIGHUP", "signal.SIGALRM"}


def check_running(script: Script) -> Iterator[ValidationIssue]:
    """Findings on endless loops, long waits and ignored signals."""
    for node in script.program.nodes:
        if isinstance(node, ast.While | ast.For):
            if (_is_endless(script, node) or _feeds_itself(node)) and not _leaves(script, node):
                yield _endless(node.lineno)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
            if any(_is_endless_call(script, part.iter) for part in node.generators):
                yield _endless(node.lineno)
        elif isinstance(node, ast.Call):
            yield from _check_call(script, node)


def _endless(line: int) -> ValidationIssue:
    return rules.ENDLESS_LOOP.at(line, "This loop has no way out; give it an end or a break.")


def _is_endless(script: Script, loop: ast.While | ast.For) -> bool:
    if isinstance(loop, ast.While):
        return _is_always_true(script, loop)
    return _is_endless_call(script, loop.iter)


def _is_endless_call(script: Script, node: ast.expr) -> bool:
    """``count()``, ``cycle(...)``, ``iter(int, 1)``, or a generator expression over one."""
    if isinstance(node, ast.GeneratorExp):
        return _is_endless_call(script, node.generators[0].iter)
    for call in (node, *script.evaluator.values(node)):
        if not isinstance(call, ast.Call):
            continue
        origins = script.evaluator.origins(call.func)
        if "builtins.iter" in origins:
            return len(call.args) == 2 and "builtins.int" in script.evaluator.origins(call.args[0])
        if origins & _ENDLESS and not ("itertools.repeat" in origins and len(call.args) > 1):
            return True
        if any(
            _yields_forever(script, function) for function in script.program.own_functions(called_name(call))
        ):
            return True
    return False


def _yields_forever(script: Script, function: Function) -> bool:
    """Whether this is a generator that never ends by itself."""
    if function not in script.program.yields:
        return False
    return any(
        isinstance(item, ast.While)
        and _is_always_true(script, item)
        and not _leaves(script, item, by_yield=False)
        for item in function.body
    )


def _is_always_true(script: Script, loop: ast.While) -> bool:
    """A test that is true, and stays so: nothing in the loop, nor another function, binds its names anew."""
    candidates: dict[str, list[Any]] = {}
    for name in (node for node in ast.walk(loop.test) if isinstance(node, ast.Name)):
        bindings = script.program.lookup(name)
        if any(_may_change(script, binding, loop) for binding in bindings):
            return False
        values = [v for b in bindings if b.kind == "value" and not b.steps for v in _scalars(script, b.node)]
        if values:
            candidates[name.id] = values
    combinations = islice(product(*candidates.values()), _MOST_COMBINATIONS)
    return any(
        _is_true(script.evaluator.constants.value_with(loop.test, dict(zip(candidates, values, strict=True))))
        for values in combinations
    )


def _may_change(script: Script, binding: Binding, loop: ast.While) -> bool:
    """Whether the name gets this value in the loop, or in another function while the loop runs."""
    if binding.node is None:
        return False
    program = script.program
    if _function_of(script, binding.node) is not _function_of(script, loop):
        return not isinstance(program.parents.get(binding.node), ast.arguments | ast.Call)
    node: ast.AST | None = binding.node
    while node is not None and node is not loop:
        node = program.parents.get(node)
    return node is loop


def _function_of(script: Script, node: ast.AST) -> ast.AST | None:
    return script.program.enclosing(node, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _scalars(script: Script, node: ast.AST | None) -> list[Any]:
    """The values of ``node`` that cannot change of themselves, as a list may run empty."""
    values = script.evaluator.constants.values(node)
    return [value for value in values if isinstance(value, str | bytes | bool | int | float)]


def _is_true(value: Any) -> bool:
    return value is not NotConstant and isinstance(value, str | bytes | bool | int | float) and bool(value)


def _feeds_itself(loop: ast.While | ast.For) -> bool:
    """``for item in items: items.append(item)``: each round brings the next."""
    if not isinstance(loop, ast.For) or not isinstance(loop.iter, ast.Name):
        return False
    return any(
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Call)
        and isinstance(item.value.func, ast.Attribute)
        and item.value.func.attr in ("append", "insert")
        and isinstance(item.value.func.value, ast.Name)
        and item.value.func.value.id == loop.iter.id
        for item in loop.body
    )


def _leaves(script: Script, loop: ast.While | ast.For, *, by_yield: bool = True) -> bool:
    """Whether something in the loop's own body ends it: break, return, raise, yield or exit."""
    stack: list[tuple[ast.AST, bool]] = [(statement, False) for statement in loop.body]
    for _ in range(_MOST_NODES):
        if not stack:
            return False
        node, in_inner_loop = stack.pop()
        if isinstance(node, ast.Return | ast.Raise):
            return True
        if by_yield and isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Break) and not in_inner_loop:
            return True
        if isinstance(node, ast.Call) and script.evaluator.origins(node.func) & _EXITS:
            return True
        if not isinstance(node, _OWN_SCOPES):
            inner = in_inner_loop or isinstance(node, _OWN_LOOPS)
            stack += [(child, inner) for child in ast.iter_child_nodes(node)]
    return False


def _check_call(script: Script, call: ast.Call) -> Iterator[ValidationIssue]:
    origins = script.evaluator.origins(call.func)
    if origins & _CONSUMING and any(_is_endless_call(script, item) for item in call.args[:1]):
        yield _endless(call.lineno)
    if origins & {"time.sleep", "asyncio.sleep"}:
        waits = script.evaluator.constants.numbers(argument(call, 0, "secs"))
        if any(seconds > LONGEST_SLEEP_S for seconds in waits):
            yield rules.LONG_WAIT.at(
                call.lineno, "The script would sleep for a very long time; wait seconds."
            )
    for name in sorted(origins & _WAITING.keys()):
        is_ended = bool(_WAITING[name] & script.attribute_names)
        if not (call.args or call.keywords or is_ended):
            yield rules.ENDLESS_LOOP.at(call.lineno, "Nothing ends this wait; give it a timeout.")
    if "signal.signal" in origins and len(call.args) == 2:
        yield from _check_signal(script, call)


def _check_signal(script: Script, call: ast.Call) -> Iterator[ValidationIssue]:
    number, handler = call.args
    is_deaf = "signal.SIG_IGN" in script.evaluator.origins(handler) or (
        isinstance(handler, ast.Lambda) and isinstance(handler.body, ast.Constant)
    )
    if is_deaf and script.evaluator.origins(number) & _ENDING_SIGNALS:
        yield rules.OPERATING_SYSTEM.at(call.lineno, "The signal to end is ignored; end when it comes.")
