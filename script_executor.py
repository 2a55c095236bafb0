"""Ask your database a question in plain English: arguments, wiring, error to exit code.

python script_executor.py "Which properties have a DSCR below 1.25?"
"""

from __future__ import annotations

import gc
import shlex
import sys
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from meta_agent.interrupts import interruptible

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from config import Settings
    from meta_agent.contracts import RunRecord, UserRequest
    from meta_agent.display.reporter import Reporter
    from meta_agent.executors.container_executor import SandboxOptions
    from meta_agent.llm.answer_store import AnswerStore
    from meta_agent.pipeline import PipelineOptions
    from meta_agent.utils.llm_client import LLMClient

VERSION = "2.1.0"
PROGRAM = "script_executor.py"
COMMANDS = ("validate", "execute", "doctor")
CHECK_SECONDS = 8.0
EMBEDDED_CHECK_SECONDS = 60.0
"""The embedded model shares a small machine with everything else: there, slow is not broken."""
EPILOG = "Other commands: validate FILE, execute FILE, doctor (each with --help)."

ask_app = typer.Typer(add_completion=False, rich_markup_mode=None)
command_app = typer.Typer(add_completion=False, rich_markup_mode=None)

Demo = Annotated[bool, typer.Option("--demo", help="Use the embedded model and the sample portfolio.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log everything to stderr, with tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer, warnings and errors only.")]
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
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Stop after validation; run nothing.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Write a new script, whatever is kept.")
    ] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything.")] = False,
    debug: Debug = False,
    quiet: Quiet = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> int:
    """Answer a question about your database with a script that runs in a sandbox."""
    if version:
        typer.echo(f"{PROGRAM} {VERSION}")
        return 0
    with Invocation(
        request or "", json=json, debug=debug, quiet=quiet, demo=demo, reads_cache=not no_cache
    ) as invocation:
        invocation.ask(request, dry_run=dry_run, may_prompt=not (no_input or json))
    return invocation.exit_code


@command_app.command()
def validate(file: File, json: Json = False, debug: Debug = False) -> int:
    """Check a script for syntax, security and good practice. Exit status 0 or 5."""
    with Invocation(f"validate {file}", json=json, debug=debug) as invocation:
        invocation.validate(file)
    return invocation.exit_code


@command_app.command()
def execute(
    file: File, demo: Demo = False, json: Json = False, debug: Debug = False, quiet: Quiet = False
) -> int:
    """Run a script in the sandbox, without the model."""
    with Invocation(f"execute {file}", json=json, debug=debug, quiet=quiet, demo=demo) as invocation:
        invocation.execute(file)
    return invocation.exit_code


@command_app.command()
def doctor(demo: Demo = False, debug: Debug = False) -> int:
    """Check what a run needs: Docker, the model, the database, disk. Exit status 0 if all is well."""
    with Invocation("doctor", debug=debug, demo=demo) as invocation:
        invocation.doctor()
    return invocation.exit_code


class Invocation:
    """One call of the program: does the work of a command and turns its errors into an exit status."""

    def __init__(
        self,
        request: str,
        *,
        demo: bool = False,
        debug: bool = False,
        reads_cache: bool = True,
        **shown: bool,
    ) -> None:
        """``reads_cache`` False: what is kept is not used, only replaced.

        ``shown``: json and quiet, as the Reporter takes them.
        """
        self.exit_code = 0
        self._request = request
        self._demo = demo
        self._debug = debug
        self._reads_cache = reads_cache
        self._shown = shown

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

    @cached_property
    def _reporter(self) -> Reporter:
        """Made inside the ``with`` block, so that an interrupt during its imports is reported, too."""
        from meta_agent.display.reporter import Reporter

        return Reporter(debug=self._debug, **self._shown)

    def _start(self) -> None:
        self._reporter.progress.stage_started("start")

    # --- commands ------------------------------------------------------------------

    def ask(self, request: str | None, *, dry_run: bool, may_prompt: bool) -> None:
        """Answer one request, or those typed at a prompt."""
        self._start()
        from meta_agent.request_input import read_request, read_stdin, stdin_is_terminal

        if request is not None and request != "-":
            self._show(self._pipeline(dry_run)(read_request(request, "argument")))
        elif request == "-" or not stdin_is_terminal():
            content = read_stdin()
            self._request = content.decode("utf-8", "replace")
            self._show(self._pipeline(dry_run)(read_request(content, "stdin")))
        elif may_prompt:
            self._converse(dry_run)
        else:
            self.refuse("There is no request.", "Give it as an argument or on stdin.")

    def refuse(self, cause: str, remedy: str) -> NoReturn:
        """End with a usage error."""
        from meta_agent.errors import UsageError

        raise UsageError(cause, remedy)

    def _converse(self, dry_run: bool) -> None:
        from meta_agent.display.prompt import ask_repeatedly

        answer = self._pipeline(dry_run, ahead=True)
        self._reporter.progress.close()
        ask_repeatedly(lambda request: self._show(answer(request)), self._reporter.stderr)
        self.exit_code = 0

    def validate(self, file: Path) -> None:
        """Give the validator's verdict on a file."""
        self._start()
        from meta_agent.errors import ExitCode
        from meta_agent.request_input import read_script
        from meta_agent.validators.script_validator import ScriptValidator

        source = read_script(file)
        self._log("INFO", ())
        verdict = ScriptValidator().validate(source)
        self._reporter.show_validation(verdict)
        self.exit_code = ExitCode.OK if verdict.is_valid else ExitCode.REFUSED

    def execute(self, file: Path) -> None:
        """Run a given script in the sandbox."""
        self._start()
        from config import load_settings
        from meta_agent.pipeline import execute_file
        from meta_agent.request_input import read_script

        source = read_script(file)
        options = self._options(load_settings(demo=self._demo), dry_run=False)
        self._show(execute_file(source, file.name, options, self._reporter.progress))

    def doctor(self) -> None:
        """Show a line for every check; the first broken one gives the exit status."""
        self._start()
        from config import load_settings, settings_warnings
        from meta_agent.databases import open_database
        from meta_agent.doctor import run_checks

        settings = load_settings(demo=self._demo)
        self._log(settings.log_level, ())
        checks = run_checks(
            client=lambda: self._client(settings),
            database=lambda: open_database(url) if (url := self._database_url(settings)) else None,
            sandbox=_sandbox(settings),
            glossary_path=settings.glossary_path,
            runs_dir=settings.runs_dir,
            warnings=settings_warnings(),
        )
        shown = self._reporter.show_checks(checks)
        self.exit_code = next((check.exit_code for check in shown if check.state == "broken"), 0)

    # --- wiring --------------------------------------------------------------------

    def _pipeline(self, dry_run: bool, *, ahead: bool = False) -> Callable[[UserRequest], RunRecord]:
        """``ahead``: get the model ready before there is a request, which may turn out not to need it."""
        from config import load_settings

        settings = load_settings(demo=self._demo)
        client = self._client(settings)
        from meta_agent.databases import open_database
        from meta_agent.pipeline import Pipeline

        options = self._options(settings, dry_run=dry_run)
        if ahead:
            client.warm_up()  # after our own imports, which it would slow down; while the user types
        return Pipeline(client, options, self._reporter.progress, open_database).run

    def _client(self, settings: Settings) -> LLMClient:
        from config import EMBEDDED_MODEL
        from meta_agent.utils.llm_client import LLMClient, ModelOptions

        base_url, model, known_as = settings.llm_base_url, settings.llm_model_name, ""
        check_timeout, start_server = CHECK_SECONDS, None
        if base_url == EMBEDDED_MODEL:
            from meta_agent.llm.embedded_server import ensure_embedded_server
            from meta_agent.llm.model_files import QWEN_CODER_1_5B

            start_server = partial(
                ensure_embedded_server,
                settings.cache_folder,
                idle_minutes=settings.model_idle_minutes,
                on_progress=self._reporter.progress.preparing,
            )
            model, known_as = QWEN_CODER_1_5B.name, f"embedded {QWEN_CODER_1_5B.sha256}"
            check_timeout = EMBEDDED_CHECK_SECONDS
        return LLMClient(
            ModelOptions(
                base_url=base_url,
                model=model,
                api_key=settings.llm_api_key.get_secret_value(),
                temperature=settings.llm_temperature,
                max_tokens=settings.llm_max_tokens,
                context_length=settings.llm_context_length,
                idle_timeout=settings.llm_idle_timeout,
                call_timeout=settings.llm_timeout,
                check_timeout=check_timeout,
                known_as=known_as,
            ),
            answers=_answers(settings, reads=self._reads_cache),
            start_server=start_server,
        )

    def _database_url(self, settings: Settings) -> str | None:
        from config import SAMPLE_DATABASE

        url = settings.database_url.get_secret_value() if settings.database_url else None
        if url != SAMPLE_DATABASE:
            return url
        from meta_agent.databases.embedded import ensure_sample_database

        preparing = self._reporter.progress.preparing
        return ensure_sample_database(settings.cache_folder, on_progress=preparing).reader_url

    def _options(self, settings: Settings, *, dry_run: bool) -> PipelineOptions:
        from config import settings_warnings
        from meta_agent.glossary import load_glossary
        from meta_agent.pipeline import PipelineOptions
        from meta_agent.runs.proven import ProvenQuestions

        url = self._database_url(settings)
        secrets = _secrets(url, settings)
        self._log(settings.log_level, secrets)
        self._glossary = load_glossary(settings.glossary_path)
        folder = settings.cache_folder
        proven = ProvenQuestions(folder, reads=self._reads_cache) if settings.llm_cache else None
        return PipelineOptions(
            runs_dir=settings.runs_dir,
            cache_dir=settings.cache_folder,
            glossary=self._glossary,
            sandbox=_sandbox(settings),
            database_url=url,
            host=settings.host,
            port=settings.port,
            dry_run=dry_run,
            secrets=secrets,
            warnings=settings_warnings(),
            log_level=settings.log_level,
            proven=proven,
        )

    def _log(self, level: str, secrets: tuple[str, ...]) -> None:
        from meta_agent.runs.log import start_logging

        start_logging(level, secrets, to_stderr=self._debug)

    def _show(self, record: RunRecord) -> None:
        self.exit_code = record.exit_code
        demo = " --demo" if self._demo else ""
        self._reporter.show_run(record, self._glossary, f"python {_own_path()} execute{demo}")


def _own_path() -> str:
    """This file as the user would type it: from the current folder where it lies below."""
    path = Path(sys.argv[0]).absolute()
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def _secrets(url: str | None, settings: Settings) -> tuple[str, ...]:
    from meta_agent.runs.secrets import secrets_of_url

    return (*secrets_of_url(url), settings.llm_api_key.get_secret_value())


def _answers(settings: Settings, *, reads: bool) -> AnswerStore | None:
    from meta_agent.llm.answer_store import AnswerStore

    if not settings.llm_cache:
        return None
    url = settings.database_url.get_secret_value() if settings.database_url else None
    return AnswerStore(settings.cache_folder, reads=reads, secrets=_secrets(url, settings))


def _sandbox(settings: Settings) -> SandboxOptions:
    from meta_agent.executors.container_executor import SandboxOptions

    return SandboxOptions(base_image=settings.base_image, time_limit_seconds=float(settings.script_timeout))


def run(arguments: list[str]) -> int:
    """Do what the arguments say and give back the exit status."""
    first = next((a for a in arguments if a == "--" or not a.startswith("-")), "")
    app, ordered = ask_app, arguments
    if first in COMMANDS:
        position = arguments.index(first)
        app, ordered = command_app, [first, *arguments[:position], *arguments[position + 1 :]]
    with interruptible():
        try:
            return int(app(ordered, prog_name=PROGRAM, standalone_mode=False))
        except typer.TyperException as error:
            message = f"{error.format_message().rstrip('.')}."
        with Invocation("", json="--json" in arguments, quiet=True) as invocation:
            invocation.refuse(message, f"See python {PROGRAM} --help; put a request in quotes.")
        return invocation.exit_code


def main() -> NoReturn:
    """Run with the arguments of the command line."""
    # Imports make a million objects that live to the end: looking through them costs 0.2 s a start.
    gc.set_threshold(100_000)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
