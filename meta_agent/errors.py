"""Everything that can go wrong, in one tree, and the exit code of each.

    MetaAgentError
    ├── UsageError           the request or the settings are wrong
    ├── ModelError           the model server, or what it answered
    │   ├── ModelTimeout     the model did not answer in time
    │   └── AnswerCut        the model's answer was longer than it may be
    ├── DatabaseError        the database cannot be reached or read
    ├── ScriptRefused        the validator refused every script
    ├── SandboxError         Docker is missing or failed
    ├── ScriptFailed         the script ran and failed
    ├── NoAnswer             the request cannot be answered from this database
    ├── MailError            an answer could not be sent
    └── TimeLimit            the script was stopped at its time limit

A stage raises one of these when *it* could not do its work. What a script does
(fail, hang, be refused) is data: see ``contracts``. Errors of other libraries are
translated in the module that imports the library. This module imports nothing of ours.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The exit codes of ``script_executor.py``."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    MODEL = 3
    DATABASE = 4
    REFUSED = 5
    SANDBOX = 6
    SCRIPT_FAILED = 7
    NO_ANSWER = 8
    CHANGED = 9
    """No error: an answer that is another one than last time, or a file that is not the recorded one."""
    MAIL = 10
    """The answer is there, and was not sent."""
    TIMEOUT = 124
    INTERRUPTED = 130


class MetaAgentError(Exception):
    """An error the user can act on: ``cause`` and ``remedy`` are one sentence each."""

    title: ClassVar[str] = "Something went wrong inside the tool"
    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class UsageError(MetaAgentError):
    """The command, the request or a setting cannot be used as it is."""

    title = "This does not work as given"
    exit_code = ExitCode.USAGE


class ModelError(MetaAgentError):
    """The model server is away, has another model, or answers nonsense."""

    title = "The model is not available"
    exit_code = ExitCode.MODEL


class ModelTimeout(ModelError):
    """The model was reached and did not answer in time."""

    title = "The model did not answer in time"


class AnswerCut(ModelError):
    """The model's answer ended at the token limit, so that part of it is missing."""

    title = "The model's answer is too long"


class DatabaseError(MetaAgentError):
    """The database cannot be reached, or does not let us read its catalogue."""

    title = "The database is not available"
    exit_code = ExitCode.DATABASE


class ScriptRefused(MetaAgentError):
    """No script passed the validator."""

    title = "The script was refused"
    exit_code = ExitCode.REFUSED


class SandboxError(MetaAgentError):
    """Docker is missing, or could not build or run what it was given."""

    title = "The sandbox is not available"
    exit_code = ExitCode.SANDBOX


class ScriptFailed(MetaAgentError):
    """The script ran in the sandbox and ended with an error."""

    title = "The script failed"
    exit_code = ExitCode.SCRIPT_FAILED


class NoAnswer(MetaAgentError):
    """There is no answer that could be trusted."""

    title = "I could not tell"
    exit_code = ExitCode.NO_ANSWER


class MailError(MetaAgentError):
    """The mail server is away, or did not take the message; the answer is there all the same."""

    title = "The answer could not be sent"
    exit_code = ExitCode.MAIL


class TimeLimit(MetaAgentError):
    """The script was still running at its time limit."""

    title = "The script took too long"
    exit_code = ExitCode.TIMEOUT


def exit_code_for(error: BaseException) -> ExitCode:
    """The exit code that tells this error from the others."""
    if isinstance(error, MetaAgentError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.INTERNAL
