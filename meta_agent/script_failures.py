"""What the failure of a script means: whether another one could do better, and what the user is told."""

from __future__ import annotations

import re

from meta_agent.contracts import ExecutionResult, GeneratedScript, ValidationResult
from meta_agent.errors import DatabaseError, MetaAgentError, ScriptFailed, TimeLimit

NO_DATABASE = 2
"""Exit status with which the report template says that it could not reach the database, or lost it."""
_TRACEBACK_CHARACTERS = 1500
_POSITION = re.compile(r"LINE \d+: |\^$")
_LOG_PREFIX = re.compile(r"^[0-9-]{10} [0-9:,.]+ [A-Z]+ ")


def findings_of(validation: ValidationResult, *, with_lines: bool = False) -> str:
    """The findings that keep a script from being accepted, as sentences; ``with_lines`` says where."""
    serious = [issue for issue in validation.issues if issue.severity != "LOW"] or validation.issues
    return " ".join(
        f"Line {issue.line}: {issue.message}" if with_lines and issue.line else issue.message
        for issue in serious[:5]
    )


def can_be_mended(script: GeneratedScript, result: ExecutionResult) -> bool:
    """Whether another script could do better: the model cannot give more time, nor a lost database."""
    return result.status != "timeout" and not lost_database(script, result)


def lost_database(script: GeneratedScript, result: ExecutionResult) -> bool:
    """Whether a script of ours ended because the database was gone."""
    return (
        script.template in ("console_report", "web_dashboard", "row_change")
        and result.exit_code == NO_DATABASE
    )


def problem_of(result: ExecutionResult) -> str:
    """What went wrong in the container, in words the model can act on."""
    if result.status == "out_of_memory":
        return "It needed more memory than it may have."
    if result.status == "flooded":
        return "It printed far more than it may and was stopped."
    if result.status == "ok":
        return "It wrote no result that could be read."
    tail = result.error_output.strip()[-_TRACEBACK_CHARACTERS:]
    return f"The script ended with exit status {result.exit_code}:\n{tail}"


def failure_of(script: GeneratedScript, result: ExecutionResult, *, tries: int) -> MetaAgentError:
    """The error that a script's last failure is for the user."""
    if result.status == "timeout":
        return TimeLimit(
            f"The script was stopped after {result.seconds:.0f} s.", "Ask for less, or raise SCRIPT_TIMEOUT."
        )
    message = last_line(problem_of(result)).rstrip(". ")
    if lost_database(script, result):
        return DatabaseError(
            f"The script could not read the database: {message}.",
            "See that the database is running and takes logins, then run the script again.",
        )
    times = "" if tries == 1 else f" {tries} times"
    better = "Correct it and run it again" if script.template == "given" else "Ask in another way"
    return ScriptFailed(
        f"The script failed{times}; the last message: {message}.",
        f"{better}; all it printed is in run.json in the run's folder.",
    )


def last_line(text: str) -> str:
    """The last line that says something, without a log line's time, cut where it is very long.

    Where in a query an error is, PostgreSQL says in two lines of their own after the error.
    """
    lines = (line.strip() for line in reversed(text.splitlines()))
    line = next((line for line in lines if line and not _POSITION.match(line)), "")
    return _LOG_PREFIX.sub("", line)[:300]
