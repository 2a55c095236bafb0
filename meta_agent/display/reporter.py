"""All that one invocation of the program shows, as text for people or as one JSON object for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from meta_agent.display.console import stderr_console, stdout_console, write_text
from meta_agent.display.progress import ConsoleProgress
from meta_agent.display.values import visible

if TYPE_CHECKING:
    from rich.console import Console

    from meta_agent.comparison.changes import AnswerChanges
    from meta_agent.consent import Consent
    from meta_agent.contracts import RunRecord, ValidationResult
    from meta_agent.display.formats import Form
    from meta_agent.doctor import Check
    from meta_agent.errors import ExitCode
    from meta_agent.glossary import Glossary
    from meta_agent.prompt_preview import PromptPreview
    from meta_agent.sandbox.pages import ShownPage

    Deliver = Callable[[RunRecord, Glossary], tuple[RunRecord, tuple[str, ...]]]
    """Hands an answer over; what became of the record, and what was done, one line each."""


class Reporter:
    """Shows results on stdout, progress and errors on stderr. Passwords it knows are masked in all of it."""

    def __init__(self, form: Form = "table", *, quiet: bool = False, debug: bool = False) -> None:
        """``form`` json: stdout gets exactly one object, whatever happens. ``debug``: with tracebacks."""
        self._form = form
        self._json = form == "json"
        self._quiet = quiet
        self._debug = debug
        self._has_answered = False
        self._secrets: Sequence[str] = ()
        self.stderr = stderr_console()
        self.progress = ConsoleProgress(self.stderr, quiet=quiet, animated=not debug)

    def hide(self, secrets: Sequence[str]) -> None:
        """From now on mask these, and those that are added to them."""
        self._secrets = self.progress.secrets = secrets

    def show_run(
        self, record: RunRecord, glossary: Glossary, execute_command: str, deliver: Deliver | None = None
    ) -> RunRecord:
        """A run that has ended, well or not, with what ``deliver`` made of it: that is the record returned.

        People have the answer before them while it is sent; the one JSON object tells how that went.
        """
        from meta_agent.display.answer import show_failed_output, show_run, show_warnings
        from meta_agent.display.errors import show_error
        from meta_agent.display.json_output import record_as_json

        self.progress.close()
        done: tuple[str, ...] = ()
        if not self._json:
            self._show_answer(record, glossary)
        if deliver is not None:
            self.progress.stage_started("delivery")
            record, done = deliver(record, glossary)
            self.progress.close()
        if self._json:
            self._print_json(record_as_json(record))
        if record.error is not None:
            show_failed_output(record, self.stderr)
            show_error(record.error, self.stderr)
        show_warnings(record.warnings, self.stderr)
        for line in done if not self._quiet else ():
            self.stderr.print(visible(line), soft_wrap=True)
        if not self._quiet and not self._json:
            show_run(record, self.stderr, execute_command)
        return record

    def _show_answer(self, record: RunRecord, glossary: Glossary) -> None:
        """The answer on stdout, in the form that was asked for."""
        from meta_agent.display.answer import show_answer
        from meta_agent.display.formats import answer_as_csv, answer_as_markdown

        if self._form == "table":
            show_answer(record, glossary, stdout_console())
        elif record.execution is None or record.execution.result is None:
            if record.error is None:
                self.stderr.print(f"There is no typed result that could be shown as {self._form}.")
        elif self._form == "csv":
            write_text(answer_as_csv(record))
        else:
            write_text(answer_as_markdown(record))

    @property
    def is_for_machines(self) -> bool:
        """Whether stdout gets JSON."""
        return self._json

    def show(
        self, content: Callable[[], dict[str, Any]] | None, as_text: Callable[[Console], None] | None
    ) -> None:
        """One object for machines, or text for people, on stdout; None: nothing for them yet."""
        self.progress.close()
        if self._json and content is not None:
            self._print_json(content())
        elif not self._json and as_text is not None:
            as_text(stdout_console())

    def show_replay(
        self,
        record: RunRecord,
        glossary: Glossary,
        execute_command: str,
        changes: AnswerChanges | None,
        exit_code: ExitCode,
    ) -> None:
        """A script that was there before has run; ``changes``: since its last answer, where there is one."""
        from meta_agent.display.changes import changes_as_json, show_changes
        from meta_agent.display.json_output import record_as_json

        if self._json:
            told = changes_as_json(changes) if changes is not None else None
            self.progress.close()
            self._print_json({**record_as_json(record), "exit_code": exit_code, "changes": told})
            return
        self.show_run(record, glossary, execute_command)
        if changes is not None:
            show_changes(changes, stdout_console())

    def show_validation(self, verdict: ValidationResult) -> None:
        """The validator's verdict on a file."""
        from meta_agent.display.findings import show_validation
        from meta_agent.display.json_output import verdict_as_json

        self.progress.close()
        if self._json:
            self._print_json(verdict_as_json(verdict))
        else:
            show_validation(verdict, stdout_console())

    def show_prompts(self, preview: PromptPreview) -> None:
        """What a model would be told."""
        from meta_agent.display.answer import show_warnings
        from meta_agent.display.prompts import preview_as_json, preview_as_text
        from meta_agent.runs.secrets import mask_all

        self.progress.close()
        preview = preview.model_validate(mask_all(preview.model_dump(), self._secrets))
        if self._json:
            self._print_json(preview_as_json(preview))
        else:
            write_text(preview_as_text(preview))
        show_warnings(preview.warnings, self.stderr)

    def consent(self, *, yes: bool, no_input: bool) -> Consent:
        """Asks the user; ``yes``: everything was agreed to beforehand."""
        from meta_agent.display.consent import TerminalConsent

        return TerminalConsent(self.stderr, self.progress, agrees=yes, may_ask=not no_input)

    def show_sql(self, script: str) -> None:
        """Statements on stdout: escaped on a terminal, as they are for a file or another program."""
        self.progress.close()
        console = stdout_console()
        write_text(visible(script) if console.is_terminal else script)

    def show_pages(self, pages: Sequence[ShownPage]) -> None:
        """The pages that are shown."""
        from meta_agent.display.pages import pages_as_json, show_pages

        self.progress.close()
        if self._json:
            self._print_json(pages_as_json(pages))
        else:
            show_pages(pages, stdout_console())

    def show_lines(self, text: str) -> None:
        """Text that may come from a script, on stdout, control characters escaped."""
        self.progress.close()
        write_text("".join(f"{visible(line)}\n" for line in text.splitlines()))

    def show_checks(self, checks: Iterable[Check]) -> list[Check]:
        """The doctor's checks as they come in; they are returned as a list."""
        from meta_agent.display.findings import show_check
        from meta_agent.runs.secrets import mask

        shown, console = [], stdout_console()
        for check in checks:
            self.progress.close()
            finding, remedy = (mask(text, self._secrets) for text in (check.finding, check.remedy))
            show_check(replace(check, finding=finding, remedy=remedy), console)
            shown.append(check)
        return shown

    def show_failure(self, error: BaseException, code: ExitCode, request: str) -> None:
        """An error that came before there was a run, or an internal one."""
        from meta_agent.display.errors import show_error, show_traceback
        from meta_agent.display.json_output import error_as_json
        from meta_agent.errors import ExitCode
        from meta_agent.runs.journal import report_of
        from meta_agent.runs.secrets import mask, mask_all

        self.progress.close()
        if code == ExitCode.INTERNAL and self._debug:
            show_traceback(error, self.stderr, self._secrets)
        told = report_of(error)
        report = told.model_validate(mask_all(told.model_dump(), self._secrets))
        show_error(report, self.stderr)
        if self._json and not self._has_answered:
            self._print_json(error_as_json(report, code, mask(request, self._secrets)))

    def _print_json(self, content: dict[str, object]) -> None:
        from meta_agent.runs.json_text import to_json

        self._has_answered = True
        write_text(to_json(content) + "\n")
