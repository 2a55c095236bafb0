"""Has the model write the one function of a free-form script, and lets none through that does not parse."""

from __future__ import annotations

import ast
import warnings
from typing import TYPE_CHECKING

from meta_agent.errors import NoAnswer
from meta_agent.generators.code_cleaner import python_code
from meta_agent.rendering import render

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

_ATTEMPTS = 3
_FUNCTION_TOKENS = 1200
_ENTRY = "compute"


def write_function(
    conversation: Conversation, request: str, *, has_database: bool, problem: str | None
) -> str:
    """Python source that defines ``compute()``.

    ``problem``: what was wrong with the one written before, if there was one.
    Raises ModelError, and NoAnswer where no try gave a function that parses.
    """
    prompt = (
        render("prompts/repair_function.md.j2", problem=problem, context="")
        if problem
        else render("prompts/write_function.md.j2", request=request, schema=has_database)
    )
    fault: tuple[str, str] = ("", "")
    for _ in range(_ATTEMPTS):
        reply = conversation.ask_text(prompt, max_tokens=_FUNCTION_TOKENS, cut_ok=True)
        code = without_calls_of_entry(python_code(reply, defines=_ENTRY))
        found = _fault_in(code)
        if found is None:
            return code
        fault = found
        prompt = render("prompts/repair_function.md.j2", problem=fault[0], context=fault[1])
    raise NoAnswer(
        f"The model wrote no Python that parses in {_ATTEMPTS} tries: {fault[0]}",
        "Ask in smaller steps, or use a larger model.",
    )


def without_calls_of_entry(code: str) -> str:
    """The code without top-level statements that run it (``print(compute())``, a main guard): the script does that."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return code
    lines = code.split("\n")
    for node in tree.body:
        if isinstance(node, ast.If) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(lines).strip("\n")


def _fault_in(code: str) -> tuple[str, str] | None:
    """What keeps the code from being used and the lines around it; None where nothing does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return f"SyntaxError at line {line}: {getattr(error, 'msg', None) or error}.", _lines_around(
            code, line
        )
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if _ENTRY not in names:
        return f"There is no function `{_ENTRY}()` at the top level.", ""
    return None


def _lines_around(code: str, line: int) -> str:
    lines = code.split("\n")
    first = max(0, line - 3)
    return "\n".join(f"{number}: {text}" for number, text in enumerate(lines[first : line + 2], first + 1))
