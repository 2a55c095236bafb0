"""Ask your database a question in plain English: arguments, wiring, error to exit code.

python script_executor.py "Which properties have a DSCR below 1.25?"
"""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from meta_agent.answer_options import TO_SCREEN, Destination, Email, Form, Output
from meta_agent.interrupts import interruptible

if TYPE_CHECKING:
    from types import TracebackType

    from meta_agent.commands.parts import Parts
    from meta_agent.contracts import RunRecord
    from meta_agent.display.reporter import Reporter
    from meta_agent.handover import Handover
    from meta_agent.sandbox.engine import Engine
    from meta_agent.session import Session

VERSION = "2.1.0"
PROGRAM = "script_executor.py"
COMMANDS = ("validate", "execute", "prompt", "doctor")
PAST = ("history", "show", "rerun", "verify", "clean", "save", "run", "schedule", "template")
"""Commands about earlier runs and saved questions; see ``meta_agent.commands``."""
PAGES = ("ps", "stop", "logs", "restart")
"""Commands about pages that are shown; see ``meta_agent.commands.page_commands``."""
EPILOG = (
    "Also: validate FILE, execute FILE, prompt, doctor; history, show RUN, rerun RUN, verify RUN, clean; "
    "save RUN, run NAME, schedule NAME, template; ps, stop RUN, logs RUN, restart RUN (each with --help)."
)

ask_app = typer.Typer(add_completion=False, rich_markup_mode=None)
command_app = typer.Typer(add_completion=False, rich_markup_mode=None)

Demo = Annotated[bool, typer.Option("--demo", help="Use the embedded model and the sample portfolio.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log everything to stderr, with tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer, warnings and errors only.")]
Yes = Annotated[bool, typer.Option("--yes", help="Agree beforehand to what is asked.")]
NoInput = Annotated[bool, typer.Option("--no-input", help="Never ask anything.")]
Writes = Annotated[
    bool, typer.Option("--allow-writes", help="Ask about statements that change rows, not refuse them.")
]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A Python script; - is stdin.")]


@ask_app.command(epilog=EPILOG)
def ask(
    request: Annotated[
        str | None,
        typer.Argument(
            metavar="REQUEST", help="Your question; without it piped stdin (or -), else a prompt."
        ),
    ] = None,
    demo: Demo = False,
    json: Json = False,
    form: Form = "table",
    output: Output = None,
    email: Email = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after validation; run nothing.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Write a new script, whatever is kept.")
    ] = False,
    allow_writes: Writes = False,
    yes: Yes = False,
    no_input: NoInput = False,
    debug: Debug = False,
    quiet: Quiet = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> int:
    """Answer a question about your database with a script that runs in a sandbox."""
    if version:
        typer.echo(f"{PROGRAM} {VERSION}")
        return 0
    form = "json" if json else form
    asking = Asking(yes=yes, no_input=no_input or form == "json", allow_writes=allow_writes)
    with Invocation(
        request or "",
        asking,
        Destination(form, output, tuple(email or ())),
        debug=debug,
        quiet=quiet,
        demo=demo,
        reads_cache=not no_cache,
    ) as invocation:
        invocation.ask(request, dry_run=dry_run)
    return invocation.exit_code


@command_app.command()
def validate(file: File, json: Json = False, debug: Debug = False) -> int:
    """Check a script for syntax, security and good practice. Exit status 0 or 5."""
    with Invocation(f"validate {file}", to=Destination.of(json=json), debug=debug) as invocation:
        invocation.validate(file)
    return invocation.exit_code


@command_app.command()
def execute(
    file: File,
    demo: Demo = False,
    json: Json = False,
    form: Form = "table",
    output: Output = None,
    email: Email = None,
    allow_writes: Writes = False,
    yes: Yes = False,
    no_input: NoInput = False,
    debug: Debug = False,
    quiet: Quiet = False,
) -> int:
    """Run a script in the sandbox, without the model."""
    form = "json" if json else form
    asking = Asking(yes=yes, no_input=no_input or form == "json", allow_writes=allow_writes)
    to = Destination(form, output, tuple(email or ()))
    with Invocation(f"execute {file}", asking, to, debug=debug, quiet=quiet, demo=demo) as invocation:
        invocation.execute(file)
    return invocation.exit_code


@command_app.command()
def prompt(
    request: Annotated[
        str | None, typer.Argument(metavar="REQUEST", help="Your question; without it only the schema.")
    ] = None,
    demo: Demo = False,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Show what would be sent to the model for a question, without asking it."""
    with Invocation(request or "prompt", to=Destination.of(json=json), debug=debug, demo=demo) as invocation:
        invocation.prompt(request)
    return invocation.exit_code


@command_app.command()
def doctor(
    demo: Demo = False,
    create_reader: Annotated[
        bool, typer.Option("--create-reader", help="Show the SQL for a role that may only read, and ask.")
    ] = False,
    reader_name: Annotated[
        str | None, typer.Option("--reader-name", metavar="NAME", help="Its name; else DATABASE_reader.")
    ] = None,
    revoke_public: Annotated[
        bool, typer.Option("--revoke-public", help="Let --yes also take from PUBLIC what writes.")
    ] = False,
    yes: Yes = False,
    debug: Debug = False,
) -> int:
    """Check what a run needs: Docker, the model, the database, disk. Exit status 0 if all is well."""
    with Invocation("doctor", Asking(yes=yes), debug=debug, demo=demo) as invocation:
        if (reader_name is not None or revoke_public) and not create_reader:
            invocation.refuse("Only --create-reader makes a reader.", "Give --create-reader, too.")
        if create_reader:
            invocation.create_reader(reader_name, revoke_public=revoke_public)
        else:
            invocation.doctor()
    return invocation.exit_code


@dataclass(frozen=True)
class Asking:
    """What the user may be asked, and what they have agreed to beforehand."""

    yes: bool = False
    no_input: bool = False
    allow_writes: bool = False


class Invocation:
    """One call of the program: does the work of a command and turns its errors into an exit status.

    What only some commands need is imported where it is used: ``--help`` waits for none of it.
    """

    def __init__(
        self,
        request: str,
        asking: Asking = Asking(),
        to: Destination = TO_SCREEN,
        *,
        demo: bool = False,
        debug: bool = False,
        reads_cache: bool = True,
        quiet: bool = False,
    ) -> None:
        """``reads_cache`` False: what is kept is not used, only replaced."""
        self.exit_code = 0
        self._request = request
        self._asking = asking
        self._demo = demo
        self._debug = debug
        self._reads_cache = reads_cache
        self._quiet = quiet
        self._to = to
        self._handover: Handover | None = None

    def __enter__(self) -> Invocation:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._reporter.progress.close()
        if error is not None:
            from meta_agent.errors import exit_code_for

            self.exit_code = exit_code_for(error)
            self._reporter.show_failure(error, exit_code_for(error), self._request)
        return True

    def ask(self, request: str | None, *, dry_run: bool) -> None:
        """Answer one request, or those typed at a prompt."""
        self._begin()
        from meta_agent.request_input import given_content, read_request, text_of

        given = given_content(request)
        if given is not None:
            self._request = text_of(given[0])
            asked = read_request(*given)
            session = self._session(dry_run=dry_run)
            self._show(session.answer(asked), session)
        elif self._to.is_beyond_the_screen:
            self.refuse("There is no request whose answer could be handed over.", "Give it as an argument.")
        elif not self._asking.no_input:
            self._converse(self._session(dry_run=dry_run))
        else:
            self.refuse("There is no request.", "Give it as an argument or on stdin.")

    def _converse(self, session: Session) -> None:
        session.start()
        self._reporter.progress.close()
        from meta_agent.display.prompt import ask_repeatedly

        ask_repeatedly(lambda request: self._show(session.answer(request), session), self._reporter.stderr)
        self.exit_code = 0

    def validate(self, file: Path) -> None:
        """Give the validator's verdict on a file."""
        self._begin()
        from meta_agent.errors import ExitCode
        from meta_agent.request_input import read_script
        from meta_agent.runs.log import start_logging
        from meta_agent.validators.script_validator import ScriptValidator

        source = read_script(file)
        start_logging("INFO", (), to_stderr=self._debug)
        verdict = ScriptValidator().validate(source)
        self._reporter.show_validation(verdict)
        self.exit_code = ExitCode.OK if verdict.is_valid else ExitCode.REFUSED

    def execute(self, file: Path) -> None:
        """Run a given script in the sandbox."""
        self._begin()
        from meta_agent.request_input import read_script

        source = read_script(file)
        session = self._session()
        self._show(session.execute(source, file.name), session)

    def prompt(self, request: str | None) -> None:
        """Show the prompts of a request, or the schema alone."""
        self._begin()
        from meta_agent.request_input import given_content, read_request

        given = given_content(request) if request is not None else None
        asked = read_request(*given) if given is not None else None
        self._reporter.show_prompts(self._session().prompts(asked))

    def doctor(self) -> None:
        """Show a line for every check; the first broken one gives the exit status."""
        self._begin()
        shown = self._reporter.show_checks(self._session().checks())
        self.exit_code = next((check.exit_code for check in shown if check.state == "broken"), 0)

    def create_reader(self, name: str | None, *, revoke_public: bool) -> None:
        """Give the database a role that may only read."""
        self._begin()
        from meta_agent.reader_setup import ReaderWish

        wish = ReaderWish(name, revoke_public=revoke_public)
        self._reporter.show_checks(self._session().create_reader(wish, self._reporter.show_sql))

    def parts(self) -> Parts:
        """What the commands of ``PAST`` need."""
        from config import load_settings
        from meta_agent.commands.parts import Parts
        from meta_agent.runs.log import start_logging

        places = load_settings(demo=self._demo).places
        self._reporter.hide(places.secrets)
        start_logging("INFO", places.secrets, to_stderr=self._debug)
        program = (sys.executable, str(Path(sys.argv[0]).absolute()))
        return Parts(places, self._reporter, self._session, program, self._demo)

    def pages(self) -> tuple[Reporter, Engine]:
        """What the commands of ``PAGES`` need."""
        from config import load_settings
        from meta_agent.runs.log import start_logging
        from meta_agent.sandbox.engine import connect

        start_logging("INFO", (), to_stderr=self._debug)
        return self._reporter, connect(load_settings().sandbox_options)

    def refuse(self, cause: str, remedy: str) -> NoReturn:
        """End with a usage error."""
        from meta_agent.errors import UsageError

        raise UsageError(cause, remedy)

    # --- wiring --------------------------------------------------------------------

    @cached_property
    def _reporter(self) -> Reporter:
        """Made inside the ``with`` block, so that an interrupt during its imports is reported, too."""
        from meta_agent.display.reporter import Reporter

        return Reporter(self._to.form, debug=self._debug, quiet=self._quiet)

    def _begin(self) -> None:
        self._reporter.progress.stage_started("start")

    def _session(self, *, dry_run: bool = False) -> Session:
        from config import load_settings, session_options
        from meta_agent.runs.log import start_logging
        from meta_agent.session import Session

        settings = load_settings(demo=self._demo)
        if self._to.is_beyond_the_screen:
            from meta_agent.handover import Handover

            self._handover = Handover(self._to.output, self._to.email, settings.mail_options)
            self._handover.check()
        options = session_options(
            settings,
            dry_run=dry_run,
            reads_cache=self._reads_cache,
            allow_writes=self._asking.allow_writes,
            consent=self._reporter.consent(yes=self._asking.yes, no_input=self._asking.no_input),
        )
        session = Session(options, self._reporter.progress)
        self._reporter.hide(session.secrets)
        start_logging(options.pipeline.log_level, session.secrets, to_stderr=self._debug)
        return session

    def _show(self, record: RunRecord, session: Session) -> None:
        from meta_agent.display.answer import execute_command

        again = execute_command(sys.argv[0], demo=self._demo)
        deliver = self._handover.deliver if self._handover is not None else None
        self.exit_code = self._reporter.show_run(record, session.glossary, again, deliver).exit_code


def run(arguments: list[str]) -> int:
    """Do what the arguments say and give back the exit status."""
    first = next((a for a in arguments if a == "--" or not a.startswith("-")), "")
    app, ordered = ask_app, arguments
    if first in (*COMMANDS, *PAST, *PAGES):
        position = arguments.index(first)
        app, ordered = command_app, [first, *arguments[:position], *arguments[position + 1 :]]
    if first in PAST:
        from meta_agent.commands.history_commands import app
    if first in PAGES:
        from meta_agent.commands.page_commands import app
    with interruptible():
        try:
            return int(app(ordered, prog_name=PROGRAM, standalone_mode=False, obj=Invocation))
        except typer.TyperException as error:
            message = f"{error.format_message().rstrip('.')}."
        with Invocation("", to=Destination.of(json="--json" in arguments), quiet=True) as invocation:
            invocation.refuse(message, f"See python {PROGRAM} --help; put a request in quotes.")
        return invocation.exit_code


def main() -> NoReturn:
    """Run with the arguments of the command line."""
    # Imports make some 300,000 objects that live to the end. To look through them while they are
    # made costs 0.2 s of processor time, and 0.5 s when the interpreter takes itself down.
    gc.set_threshold(100_000)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
