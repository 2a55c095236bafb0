"""What a run does only if a person agrees: let a script write, or run one that the validator doubts.

Who is asked, and how, is the front end's business. Without one, nobody is, and nothing is agreed to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from meta_agent.contracts import Agreement
from meta_agent.errors import ScriptRefused

if TYPE_CHECKING:
    from meta_agent.runs.journal import RunJournal

Reply = Literal["terminal", "--yes", "no", "nobody"]
"""Agreed to at the terminal or beforehand by --yes; declined; or there was nobody to ask."""


@dataclass(frozen=True)
class Question:
    """Something to agree to."""

    title: str
    """What is about to happen, one sentence."""
    shown: tuple[str, ...]
    """All that is agreed to, word for word: statements or findings."""
    question: str
    """Such as ``Run it?``; the answer is no unless somebody says yes."""
    warnings: tuple[str, ...] = ()
    """What a person should know before they answer, one sentence each."""


class Consent(Protocol):
    """Asks a person."""

    def ask(self, question: Question, /) -> Reply:
        """Show the question, and return what was answered."""


class NobodyToAsk:
    """Where no front end can ask anybody."""

    def ask(self, _question: Question, /) -> Reply:
        """Always ``nobody``."""
        return "nobody"


def require(
    run: RunJournal, consent: Consent, question: Question, refusal: ScriptRefused | None = None
) -> None:
    """Ask, and note the agreement in the run's record. Raises ScriptRefused where there is none.

    ``refusal``: what the user is told where there was nobody to ask.
    """
    reply = consent.ask(question)
    if reply == "no":
        raise ScriptRefused(
            "You did not agree to run the script.", f"What it would do is in {run.run_dir / 'run.json'}."
        )
    if reply == "nobody":
        raise ScriptRefused(
            refusal.cause if refusal else f"{question.title} Nobody could be asked whether that is meant.",
            f"{refusal.remedy if refusal else 'Nothing was run.'} In a terminal you are asked whether to run"
            " it; --yes agrees beforehand.",
        )
    run.agreements.append(Agreement(title=question.title, shown=question.shown, given_by=reply))
