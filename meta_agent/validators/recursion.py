"""Functions that call themselves, or each other in a circle, before anything could stop them."""

from __future__ import annotations

import ast
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
_MOST_FUNCTIONS = 1_000


def check_recursion(script: Script) -> Iterator[ValidationIssue]:
    """Findings on recursion without an end, and on a limit lifted to allow it."""
    for call in script.program.calls:
        if "sys.setrecursionlimit" in script.evaluator.origins(call.func):
            limit = script.evaluator.constants.number(argument(call, 0, "limit"))
            if limit is not None and limit > HIGHEST_RECURSION_LIMIT:
                yield rules.ENDLESS_RECURSION.at(
                    call.lineno, "So deep a recursion ends in a crash; use a loop."
                )
    always = {
        function: _always_called(script, function)
        for functions in script.program.functions.values()
        for function in functions[:_MOST_FUNCTIONS]
    }
    for function in always:
        if _returns_to(function, always):
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
            if isinstance(node, ast.Call) and _is_own(script, node, function):
                found += [f for f in script.program.own_functions(called_name(node)) if _is_only(script, f)]
        if isinstance(statement, ast.Return):
            break
    return found


def _is_own(script: Script, call: ast.Call, caller: Function) -> bool:
    """A function by its name, or a method of the same class on ``self``."""
    if isinstance(call.func, ast.Name):
        return True
    in_class = isinstance(script.program.parents.get(caller), ast.ClassDef)
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return in_class and isinstance(owner, ast.Name) and owner.id in ("self", "cls")


def _is_only(script: Script, function: Function) -> bool:
    """Whether a call of this name can mean no other function, and runs its body at once."""
    namesakes = script.program.functions[function.name]
    return len(namesakes) == 1 and not function.decorator_list and function not in script.program.yields


def _returns_to(start: Function, always: dict[Function, list[Function]]) -> bool:
    seen: set[Function] = set()
    open_functions = list(always[start])
    while open_functions:
        function = open_functions.pop()
        if function is start:
            return True
        if function not in seen:
            seen.add(function)
            open_functions += always.get(function, [])
    return False
