"""The prompt at which requests are typed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.text import Text

from meta_agent.contracts import UserRequest
from meta_agent.display.errors import show_error
from meta_agent.errors import MetaAgentError
from meta_agent.interrupts import Terminated, interruptible
from meta_agent.request_input import read_request
from meta_agent.runs.journal import report_of

if TYPE_CHECKING:
    from rich.console import Console

_LEAVE = frozenset({"/quit", "/exit", "quit", "exit"})


def ask_repeatedly(answer: Callable[[UserRequest], None], console: Console) -> None:
    """Read requests and have them answered until Ctrl-D or /quit.

    An error or Ctrl-C ends one request, not the session; Ctrl-C at the prompt drops what was typed.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.output import create_output

    console.print(
        Text("Ask about your database in plain English. Ctrl-C: stop a run, Ctrl-D: leave.", style="dim")
    )
    session: PromptSession[str] = PromptSession("› ", output=create_output(stdout=sys.stderr))
    while True:
        try:
            typed = session.prompt()
        except Terminated:
            raise
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if typed.strip().lower() in _LEAVE:
            return
        if typed.strip():
            _answer_one(typed, answer, console)


def _answer_one(typed: str, answer: Callable[[UserRequest], None], console: Console) -> None:
    """One request. Raises Terminated where the program was told to end meanwhile."""
    with interruptible() as interruption:
        try:
            answer(read_request(typed, "prompt"))
        except MetaAgentError as error:
            show_error(report_of(error), console)
        except Terminated:
            raise
        except KeyboardInterrupt as error:
            show_error(report_of(error), console)
    if interruption.ends_program:
        raise Terminated
