"""Ask your database a question in plain English: arguments, wiring, error to exit code.

python script_executor.py "Which properties have a DSCR below 1.25?"
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from config import Settings
    from meta_agent.contracts import RunRecord
    from meta_agent.databases.base import Database
    from meta_agent.display.console import ConsoleProgress
    from meta_agent.pipeline import PipelineOptions
    from meta_agent.utils.llm_client import LLMClient

COMMANDS = ("validate", "execute", "doctor")
EPILOG = "Other commands: validate FILE · execute FILE · doctor (each with --help)."

ask_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
command_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)

Demo = Annotated[bool, typer.Option("--demo", help="Use the embedded model and the sample portfolio.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Log everything to stderr; tracebacks for internal errors.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer and errors only.")]
File = Annotated[Path, typer.Argument(help="A Python file; - is stdin.", allow_dash=True)]


@ask_app.command(epilog=EPILOG)
def ask(
    request: Annotated[
        str | None,
        typer.Argument(help="What you want to know. Without it: piped stdin (or -), else a prompt."),
    ] = None,
    demo: Demo = False,
    json: Json = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop after validation; nothing is executed.")
    ] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything.")] = False,
    debug: Debug = False,
    quiet: Quiet = False,
) -> None:
    """Answer a question about your database with a script that runs in a sandbox."""
    with _Session(json=json, debug=debug, quiet=quiet, request=request or "") as session:
        if request not in (None, "-"):
            asked = request
        elif request == "-" or not sys.stdin.isatty():
            asked = sys.stdin.buffer.read(64 * 1024)
        elif no_input or json:
            session.refuse("There is no request.", "Give it as an argument or on stdin.")
        else:
            session.converse(demo=demo, dry_run=dry_run)
            return
        session.answer(asked, "argument" if asked is request else "stdin", demo=demo, dry_run=dry_run)


@command_app.command()
def validate(file: File, json: Json = False, debug: Debug = False) -> None:
    """Check a script for syntax, security and good practice. Exit status 0 or 5."""
    with _Session(json=json, debug=debug, quiet=False, request=f"validate {file}") as session:
        session.validate(file)


@command_app.command()
def execute(
    file: File,
    demo: Demo = False,
    json: Json = False,
    debug: Debug = False,
    quiet: Quiet = False,
) -> None:
    """Run a script in the sandbox, without the model."""
    with _Session(json=json, debug=debug, quiet=quiet, request=f"execute {file}") as session:
        session.execute(file, demo=demo)


@command_app.command()
def doctor(demo: Demo = False, debug: Debug = False) -> None:
    """Check Python, Docker, the model, the database and the disk. Exit status 1 if something is broken."""
    with _Session(json=False, debug=debug, quiet=False, request="doctor") as session:
        session.doctor(demo=demo)


class _Session:
    """One invocation: what is shown where, and how its errors become an exit status."""

    def __init__(self, *, json: bool, debug: bool, quiet: bool, request: str) -> None:
        self._json = json
        self._debug = debug
        self._quiet = quiet
        self._request = request
        self._exit_code = 0

    def __enter__(self) -> _Session:
        from meta_agent.display.console import ConsoleProgress, stderr_console

        self._stderr: Console = stderr_console()
        self._progress: ConsoleProgress = ConsoleProgress(self._stderr, quiet=self._quiet or self._json)
        self._progress.stage_started("start")
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._progress.close()
        if error is None:
            raise typer.Exit(self._exit_code)
        if isinstance(error, typer.Exit):
            return
        self._fail(error)

    def _fail(self, error: BaseException) -> NoReturn:
        from meta_agent.display.console import show_error, write_text
        from meta_agent.display.json_output import error_as_json
        from meta_agent.errors import ExitCode, exit_code_for
        from meta_agent.runs.journal import report_of
        from meta_agent.runs.store import to_json

        code = exit_code_for(error)
        if code == ExitCode.INTERNAL and self._debug:
            raise error
        if self._json:
            write_text(to_json(error_as_json(report_of(error), code, self._request)) + "\n")
        else:
            show_error(report_of(error), self._stderr)
        raise typer.Exit(code)

    # --- commands ----------------------------------------------------------------

    def refuse(self, cause: str, remedy: str) -> NoReturn:
        """End with a usage error."""
        from meta_agent.errors import UsageError

        raise UsageError(cause, remedy)

    def answer(self, asked: str | bytes, source: str, *, demo: bool, dry_run: bool) -> None:
        """Answer one request."""
        from meta_agent.request_input import read_request

        request = read_request(asked, "argument" if source == "argument" else "stdin")
        ask_one = self._pipeline(demo=demo, dry_run=dry_run)
        self._show(ask_one(request))

    def converse(self, *, demo: bool, dry_run: bool) -> None:
        """Answer requests typed at a prompt until the user leaves."""
        from meta_agent.display.prompt import ask_repeatedly

        ask_one = self._pipeline(demo=demo, dry_run=dry_run)
        self._progress.close()
        ask_repeatedly(lambda request: self._show(ask_one(request)), self._stderr)
        self._exit_code = 0

    def validate(self, file: Path) -> None:
        """Print the validator's verdict on a file."""
        from meta_agent.display.console import stdout_console, write_text
        from meta_agent.display.findings import show_validation
        from meta_agent.errors import ExitCode
        from meta_agent.runs.store import to_json
        from meta_agent.validators.script_validator import ScriptValidator

        verdict = ScriptValidator().validate(self._read_script(file))
        self._progress.close()
        if self._json:
            write_text(to_json(verdict.model_dump()) + "\n")
        else:
            show_validation(verdict, stdout_console())
        self._exit_code = ExitCode.OK if verdict.is_valid else ExitCode.REFUSED

    def execute(self, file: Path, *, demo: bool) -> None:
        """Run a given script in the sandbox."""
        from config import load_settings
        from meta_agent.pipeline import execute_file

        source = self._read_script(file)
        options = self._options(load_settings(demo=demo), dry_run=False)
        self._show(execute_file(source, file.name, options, self._progress))

    def doctor(self, *, demo: bool) -> None:
        """Print a line for every check."""
        from config import load_settings
        from meta_agent.databases import open_database
        from meta_agent.display.console import stdout_console
        from meta_agent.display.findings import show_check
        from meta_agent.doctor import run_checks
        from meta_agent.errors import ExitCode

        settings = load_settings(demo=demo)

        def database() -> Database | None:
            url = self._database_url(settings)
            return open_database(url) if url else None

        console = stdout_console()
        checks = run_checks(
            lambda: self._client(settings), database, _sandbox_options(settings), settings.runs_dir
        )
        for check in checks:
            self._progress.close()
            show_check(check, console)
            if check.state == "broken":
                self._exit_code = ExitCode.INTERNAL

    # --- wiring --------------------------------------------------------------------

    def _pipeline(self, *, demo: bool, dry_run: bool) -> Callable[..., RunRecord]:
        from config import load_settings

        settings = load_settings(demo=demo)
        self._log(settings.log_level)
        client = self._client(settings)
        client.warm_up()
        options = self._options(settings, dry_run=dry_run)
        from meta_agent.databases import open_database
        from meta_agent.pipeline import Pipeline

        return Pipeline(client, options, self._progress, open_database).run

    def _client(self, settings: Settings) -> LLMClient:
        from config import EMBEDDED_MODEL
        from meta_agent.utils.llm_client import LLMClient, ModelOptions

        base_url, model = settings.llm_base_url, settings.llm_model_name
        if base_url == EMBEDDED_MODEL:
            from meta_agent.llm.embedded_server import ensure_embedded_server
            from meta_agent.llm.model_files import QWEN_CODER_1_5B

            base_url = ensure_embedded_server(settings.cache_folder, on_progress=self._progress.preparing)
            model = QWEN_CODER_1_5B.name
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
            )
        )

    def _options(self, settings: Settings, *, dry_run: bool) -> PipelineOptions:
        from meta_agent.glossary import load_glossary
        from meta_agent.pipeline import PipelineOptions
        from meta_agent.runs.secrets import secrets_of_url

        url = self._database_url(settings)
        return PipelineOptions(
            runs_dir=settings.runs_dir,
            cache_dir=settings.cache_folder,
            glossary=load_glossary(settings.glossary_path),
            sandbox=_sandbox_options(settings),
            database_url=url,
            host=settings.host,
            port=settings.port,
            dry_run=dry_run,
            secrets=(*secrets_of_url(url), settings.llm_api_key.get_secret_value()),
            log_level=settings.log_level,
        )

    def _database_url(self, settings: Settings) -> str | None:
        from config import SAMPLE_DATABASE

        url = settings.database_url.get_secret_value() if settings.database_url else None
        if url == SAMPLE_DATABASE:
            from meta_agent.databases.embedded import ensure_sample_database

            url = ensure_sample_database(
                settings.cache_folder, on_progress=self._progress.preparing
            ).reader_url
        return url

    def _log(self, level: str) -> None:
        from loguru import logger

        logger.remove()
        if self._debug:
            logger.add(sys.stderr, level=level if level == "TRACE" else "DEBUG", diagnose=False)

    def _read_script(self, file: Path) -> str:
        from meta_agent.errors import UsageError

        self._log("INFO")
        try:
            content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        except OSError as error:
            raise UsageError(
                f"{file} cannot be read: {error.strerror}.", "Give the path of a Python file."
            ) from None
        return content.decode("utf-8", errors="surrogateescape")

    def _show(self, record: RunRecord) -> None:
        from config import load_settings
        from meta_agent.display.console import show_answer, show_error, show_run, stdout_console, write_text
        from meta_agent.display.json_output import record_as_json
        from meta_agent.glossary import load_glossary
        from meta_agent.runs.store import to_json

        self._progress.close()
        self._exit_code = record.exit_code
        if self._json:
            write_text(to_json(record_as_json(record)) + "\n")
            return
        show_answer(record, load_glossary(load_settings().glossary_path), stdout_console())
        if record.error is not None:
            show_error(record.error, self._stderr)
        if not self._quiet:
            show_run(record, self._stderr)


def _sandbox_options(settings: Settings):  # type: ignore[no-untyped-def]
    from meta_agent.executors.container_executor import SandboxOptions

    return SandboxOptions(base_image=settings.base_image, time_limit_seconds=float(settings.script_timeout))


def main(arguments: list[str]) -> NoReturn:
    """Dispatch to a command and leave with its exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    app = command_app if arguments and arguments[0] in COMMANDS else ask_app
    try:
        app(arguments, prog_name="script_executor.py")
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(sys.argv[1:])
