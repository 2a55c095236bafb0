"""Where a finished answer goes besides the screen: a file that the user names, and e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from meta_agent.answer_files import check_output, write_answer
from meta_agent.errors import MailError, MetaAgentError, UsageError, exit_code_for
from meta_agent.mail.options import check_address
from meta_agent.runs.journal import report_of

if TYPE_CHECKING:
    from meta_agent.contracts import RunRecord
    from meta_agent.glossary import Glossary
    from meta_agent.mail.options import MailOptions

MOST_RECIPIENTS = 20
NOTHING_TO_HAND_OVER = "There is no answer: nothing was written to a file or sent."


class Delivered(NamedTuple):
    """What came of it."""

    record: RunRecord
    """With the error and its exit code where something went wrong; the answer in it is the same."""
    done: tuple[str, ...]
    """What was written and sent, one line each."""


@dataclass(frozen=True)
class Handover:
    """What the user wants done with an answer."""

    output: Path | None = None
    recipients: tuple[str, ...] = ()
    mail: MailOptions | None = None

    def __bool__(self) -> bool:
        return self.output is not None or bool(self.recipients)

    def check(self) -> None:
        """Raise UsageError where it cannot be done, before anything is asked of model or database."""
        if self.output is not None:
            check_output(self.output)
        if not self.recipients:
            return
        for address in self.recipients:
            check_address(address, "--email")
        if len(self.recipients) > MOST_RECIPIENTS:
            raise UsageError(
                f"More than {MOST_RECIPIENTS} addresses are given.", "Send it to a list instead."
            )
        if self.mail is None:
            raise UsageError(
                "No mail server is configured.",
                "Set SMTP_HOST and SMTP_FROM in .env; .env.example shows the other settings.",
            )
        self.mail.check()

    def deliver(self, record: RunRecord, glossary: Glossary) -> Delivered:
        """Write and send; whatever goes wrong, what is in the record stays there."""
        if record.error is not None or record.execution is None or record.execution.result is None:
            return Delivered(record, (NOTHING_TO_HAND_OVER,))
        done: list[str] = []
        try:
            written = self._write(record, glossary)
            done += [f"Written: {path}" for path in written]
            if self.mail is not None and self.recipients:
                left_out = self._send(record, written, self.mail)
                done.append(f"Sent to {', '.join(self.recipients)}")
                done += [f"Too large to be attached: {name}" for name in left_out]
        except (MetaAgentError, KeyboardInterrupt) as error:
            told = {"error": report_of(error), "exit_code": int(exit_code_for(error))}
            return Delivered(record.model_copy(update=told), tuple(done))
        return Delivered(record, tuple(done))

    def _write(self, record: RunRecord, glossary: Glossary) -> tuple[Path, ...]:
        return write_answer(record, glossary, self.output) if self.output is not None else ()

    def _send(self, record: RunRecord, written: tuple[Path, ...], mail: MailOptions) -> tuple[str, ...]:
        """Send the answer with its files; the names of those that were too large."""
        from meta_agent.display.answer import files_for_people
        from meta_agent.mail.message import letter_of
        from meta_agent.mail.sending import send

        exported = [Path(record.run_dir) / name for name in files_for_people(record)]
        try:
            letter = letter_of(record, [*exported, *written], mail.sender, self.recipients)
        except OSError as error:
            raise MailError(
                f"A file could not be attached: {error.strerror or error}.",
                "Run it again and leave the files.",
            ) from error
        send(letter.message, self.recipients, mail)
        return letter.left_out
