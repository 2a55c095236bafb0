"""Functions that call themselves, or each other in a circle, before anything could stop them."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import argument, called_name
from meta_agent.validators.program import Function
from meta_agent.validators.reading import Script

HIGHEST_RECURSION_LIMIT = 100_000
_BRANCHING = (
    *(ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match, ast.Raise, ast.With, ast.AsyncWith),
    *(ast.IfExp, ast.BoolOp, ast.Lambda, ast.Yield, ast.YieldFrom, ast.Await, ast.Assert),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.FunctionDef, ast.ClassDef),
)


def check_recursion(script: Script) -> Iterator[ValidationIssue]:
    """Findings on recursion without an end, and on a limit lifted to allow it."""
    for call in script.program.calls:
        if "sys.setrecursionlimit" in script.evaluator.origins(call.func):
            limits = script.evaluator.constants.numbers(argument(call, 0, "limit"))
            if any(limit > HIGHEST_RECURSION_LIMIT for limit in limits):
                yield rules.ENDLESS_RECURSION.at(
                    call.lineno, "So deep a recursion ends in a crash; use a loop."
                )
    always = {
        function: _always_called(script, function)
        for functions in script.program.functions.values()
        for function in functions
    }
    for function in _endless(always):
        yield rules.ENDLESS_RECURSION.at(
            function.lineno, f"{rules.quoted(function.name)} calls itself without end; give it an end."
        )


def _always_called(script: Script, function: Function) -> list[Function]:
    """The script's own functions that every call of ``function`` calls, whatever its arguments."""
    if isinstance(function, ast.AsyncFunctionDef):
        return []
    found: list[Function] = []
    for statement in function.body:
        nodes = list(ast.walk(statement))
        if any(isinstance(node, _BRANCHING) for node in nodes):
            break
        for node in nodes:
            if isinstance(node, ast.Call):
                found += [
                    f for f in script.program.own_functions(called_name(node)) if _reaches(script, node, f)
                ]
        if isinstance(statement, ast.Return):
            break
    return found


def _reaches(script: Script, call: ast.Call, function: Function) -> bool:
    """Whether the call runs this function at once: by its name, or on ``self`` in its class."""
    if function.decorator_list or function in script.program.yields:
        return False
    home = script.program.parents.get(function)
    if isinstance(call.func, ast.Name):
        return not isinstance(home, ast.ClassDef)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    is_self = isinstance(owner, ast.Name) and owner.id in ("self", "cls")
    return is_self and home is script.program.enclosing(call, ast.ClassDef)


def _endless(always: dict[Function, list[Function]]) -> list[Function]:
    """The functions left when those whose calls all come to an end are taken away, again and again."""
    callers: dict[Function, list[Function]] = defaultdict(list)
    for function, called in always.items():
        for other in set(called):
            callers[other].append(function)
    open_calls = {function: len(set(called)) for function, called in always.items()}
    ending = [function for function, calls in open_calls.items() if calls == 0]
    while ending:
        for caller in callers[ending.pop()]:
            open_calls[caller] -= 1
            if open_calls[caller] == 0:
                ending.append(caller)
    return [function for function, calls in open_calls.items() if calls > 0]
