"""From the model's words to a checked object, and what to say to it when they do not fit.

The words are untrusted: only pydantic decides what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from meta_agent.llm.stream import Reply
from meta_agent.rendering import render

AnswerT = TypeVar("AnswerT", bound=BaseModel)

MOST_FINDINGS = 5
LONGEST_ECHO = 1500
"""Characters of a bad answer that are shown to the model again."""


@dataclass(frozen=True)
class Unusable:
    """Why an answer cannot be used, in words for the model and the user."""

    problem: str


def read_answer(reply: Reply, answer_type: type[AnswerT]) -> AnswerT | Unusable:
    """The checked answer, or what is wrong with it."""
    if reply.is_cut:
        return Unusable("it was too long and was cut off before its end.")
    if not reply.text.strip():
        return Unusable("it was empty.")
    try:
        return answer_type.model_validate_json(_json_part(reply.text))
    except ValidationError as error:
        return Unusable(_findings(error))


def correction(problem: Unusable) -> str:
    """The turn that asks for a better answer."""
    return render("prompts/answer_correction.md.j2", problem=problem.problem).strip()


def echo(text: str) -> str:
    """The bad answer as it is shown to the model again: bounded, never empty."""
    shortened = text[:LONGEST_ECHO].rstrip()
    return shortened or "{}"


def _json_part(text: str) -> str:
    """The outermost object of the text: servers without schema support wrap it in prose or a fence."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _findings(error: ValidationError) -> str:
    findings = [
        f"{'.'.join(str(part) for part in item['loc']) or 'the whole answer'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    more = "" if len(findings) <= MOST_FINDINGS else f"; and {len(findings) - MOST_FINDINGS} more"
    return "; ".join(findings[:MOST_FINDINGS]) + more + "."
