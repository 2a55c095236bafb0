"""Has the model write the one function of a free-form script, and lets none through that cannot run there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meta_agent.errors import NoAnswer
from meta_agent.generators.code_cleaner import python_code
from meta_agent.generators.function_code import Entry, fault_in, without_trials
from meta_agent.generators.invented_data import invention_in
from meta_agent.rendering import render

if TYPE_CHECKING:
    from meta_agent.utils.llm_client import Conversation

_ATTEMPTS = 3
_FUNCTION_TOKENS = 1200
_ENTRY = Entry("compute", parameters=0)


def write_function(
    conversation: Conversation, request: str, *, taken: frozenset[str], problem: str | None
) -> str:
    """Python source that defines ``compute()``.

    ``taken``: names that the script around it uses. ``problem``: what was wrong with the function
    written before, if there was one. Raises ModelError, and NoAnswer where no try gave one that parses.
    """
    prompt = (
        render("prompts/repair_function.md.j2", problem=problem, context="")
        if problem
        else render("prompts/write_function.md.j2", request=request, schema=False)
    )
    last = ""
    for _ in range(_ATTEMPTS):
        reply = conversation.ask_text(prompt, max_tokens=_FUNCTION_TOKENS, cut_ok=True)
        code = without_trials(python_code(reply, defines=_ENTRY.name), _ENTRY.name)
        fault = fault_in(code, _ENTRY, taken)
        invention = invention_in(code, request) if fault is None else None
        if fault is None and invention is None:
            return code
        last = fault.problem if fault else invention or ""
        context = fault.context if fault else ""
        prompt = render("prompts/repair_function.md.j2", problem=last, context=context)
    raise NoAnswer(
        f"The model wrote no function that can be used in {_ATTEMPTS} tries: {last}",
        "Say which tables it is about, give the figures to compute from, or use a larger model.",
    )
