"""What one front end needs for its runs: started when the first run needs it, kept for the next.

The command line is one such front end. A run whose parts cannot be started has its
folder and record like any other run that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from meta_agent.contracts import LlmUsage, RunRecord, UserRequest
from meta_agent.databases import open_database
from meta_agent.databases.url import READER_SETTING
from meta_agent.glossary import Glossary, load_glossary
from meta_agent.llm.answer_store import AnswerStore
from meta_agent.llm.options import ModelOptions
from meta_agent.pipeline import Pipeline, execute_given
from meta_agent.run_steps import PipelineOptions, new_journal, spent
from meta_agent.runs.journal import Progress, RunJournal
from meta_agent.runs.secrets import mask, secrets_of_url
from meta_agent.utils.llm_client import LLMClient

if TYPE_CHECKING:
    from meta_agent.databases import Database
    from meta_agent.doctor import Check
    from meta_agent.prompt_preview import PromptPreview
    from meta_agent.questions.script import FilledQuestion
    from meta_agent.reader_setup import ReaderWish
    from meta_agent.replay import ReadyScript

EMBEDDED_CHECK_SECONDS = 60.0
"""The embedded model shares a small machine with everything else: there, slow is not broken."""


class StartProgress(Progress, Protocol):
    """A Progress that is also told how far something that takes long has come."""

    def preparing(self, message: str, share: float | None) -> None:
        """``share`` of the work is done, where that is known."""


@dataclass(frozen=True)
class SessionOptions:
    """What is configured, before anything is started."""

    model: ModelOptions
    """Its address and name do not matter where the embedded model is used."""
    glossary_path: Path
    pipeline: PipelineOptions
    """Without a glossary yet, and without the sample database's address."""
    uses_embedded_model: bool = False
    uses_sample_database: bool = False
    model_idle_minutes: float = 30.0
    """After so long without a request an embedded model that is started now stops."""
    answers: AnswerStore | None = None
    """Where complete answers of the model are kept and found again; None asks every question."""
    env_file: Path | None = None
    """Where a new reader's URL is written."""


class Session:
    """Answers requests, runs scripts, and checks what both need."""

    def __init__(self, options: SessionOptions, progress: StartProgress) -> None:
        """Starts nothing."""
        self._options = options
        self._progress = progress
        self._client: LLMClient | None = None
        self._pipeline: Pipeline | None = None
        self.secrets = list(options.pipeline.secrets)
        """Texts that must not be shown; those of a sample database come in when it is started."""
        self.glossary = Glossary()
        """The user's definitions; empty until something was started."""

    def start(self) -> None:
        """Have everything ready before the first request, as where somebody still types it.

        Without this the model is started by the first request that needs it.
        """
        self._started().warm_up()

    def answer(self, request: UserRequest) -> RunRecord:
        """Answer a request, or record why not. Raises UsageError where no run folder can be made."""
        run = new_journal(request.text, self._options.pipeline, self._progress)
        before = self._usage()

        def work() -> None:
            with run.stage("start"):
                pipeline = self._started()
            run.secrets.extend(pipeline.secrets)
            pipeline.answer(request, run)

        return run.record(work, lambda: spent(self._usage(), before))

    def execute(self, source: str, name: str) -> RunRecord:
        """Run a given script in the sandbox, or record why not; errors as of ``answer``."""
        run = new_journal(f"execute {name}", self._options.pipeline, self._progress)

        def work() -> None:
            with run.stage("start"):
                options = self._pipeline_options()
            run.secrets.extend(options.secrets)
            execute_given(source, name, options, run)

        return run.record(work, LlmUsage)

    def rerun(self, earlier: RunRecord) -> RunRecord:
        """Run the script of an earlier run again, or record why not. Raises UsageError as of ``answer``."""
        from meta_agent.replay import RecordedScript, continue_record

        ready = RecordedScript(earlier)
        run = new_journal(earlier.request, self._options.pipeline, self._progress)
        continue_record(run, earlier)
        return self._replay(ready, run, earlier.schema_fingerprint)

    def run_question(self, filled: FilledQuestion) -> RunRecord:
        """Answer a saved question, or record why not; errors as of ``answer``."""
        run = new_journal(filled.request, self._options.pipeline, self._progress)
        run.question, run.parameters = filled.question.name, dict(filled.values)
        return self._replay(filled, run)

    def _replay(self, ready: ReadyScript, run: RunJournal, structure: str | None = None) -> RunRecord:
        def work() -> None:
            from meta_agent.replay import replay

            with run.stage("start"):
                options = self._pipeline_options()
            run.secrets.extend(options.secrets)
            replay(ready, options, run, self._open_database, structure)

        return run.record(work, LlmUsage)

    def prompts(self, request: UserRequest | None) -> PromptPreview:
        """What the model would be told; without a request only the schema. Asks no model, leaves no run."""
        from meta_agent.prompt_preview import PromptPreviewer

        options = self._pipeline_options()
        with ExitStack() as resources:
            database = self._open_database(options.database_url) if options.database_url else None
            if database is not None:
                resources.callback(database.close)
            preview = PromptPreviewer(options, self._options.model, database)
            if request is None:
                return preview.schema()
            return preview.of_request(
                request.model_copy(update={"text": mask(request.text, options.secrets)})
            )

    def checks(self) -> Iterator[Check]:
        """The doctor's checks, one after the other."""
        from meta_agent.doctor import run_checks

        return run_checks(
            client=self._new_client,
            database=lambda: self._open_database(url) if (url := self._database_url()) else None,
            read_only_remedy=self._options.pipeline.read_only_remedy,
            sandbox=self._options.pipeline.sandbox,
            glossary_path=self._options.glossary_path,
            runs_dir=self._options.pipeline.runs_dir,
            warnings=self._options.pipeline.warnings,
        )

    def create_reader(self, wish: ReaderWish, show: Callable[[str], None]) -> Iterator[Check]:
        """Make a role that may only read, and tell line by line what came of it; see ``reader_setup``."""
        from meta_agent.reader_setup import ReaderSetup

        pipeline = self._options.pipeline
        reader = pipeline.database_url if pipeline.database_setting == READER_SETTING else None
        setup = ReaderSetup(pipeline.writing_url, reader, self._options.env_file, pipeline.consent, show)
        return setup.run(wish)

    # --- starting ----------------------------------------------------------------------

    def _started(self) -> Pipeline:
        if self._pipeline is None:
            self._client = self._new_client()
            options = self._pipeline_options()
            self._pipeline = Pipeline(self._client, options, self._progress, self._open_database)
        return self._pipeline

    def _open_database(self, url: str) -> Database:
        return open_database(url, setting=self._options.pipeline.database_setting)

    def _usage(self) -> LlmUsage:
        return self._client.usage if self._client else LlmUsage()

    def _pipeline_options(self) -> PipelineOptions:
        """Those of the runs, with what is known now that everything was started."""
        self.glossary = load_glossary(self._options.glossary_path)
        configured = self._options.pipeline
        url = self._database_url()
        self.secrets.extend(secrets_of_url(url))
        return replace(
            configured,
            glossary=self.glossary,
            database_url=url,
            secrets=(*configured.secrets, *secrets_of_url(url)),
        )

    def _new_client(self) -> LLMClient:
        options = self._options
        if not options.uses_embedded_model:
            return LLMClient(options.model, answers=options.answers)
        from meta_agent.llm.embedded_server import ensure_embedded_server
        from meta_agent.llm.model_files import QWEN_CODER_1_5B

        model = replace(
            options.model,
            model=QWEN_CODER_1_5B.name,
            check_timeout=EMBEDDED_CHECK_SECONDS,
            known_as=f"embedded {QWEN_CODER_1_5B.sha256}",
            weights_sha256=QWEN_CODER_1_5B.sha256,
        )
        start_server = partial(
            ensure_embedded_server,
            options.pipeline.cache_dir,
            idle_minutes=options.model_idle_minutes,
            on_progress=self._progress.preparing,
        )
        return LLMClient(model, answers=options.answers, start_server=start_server)

    def _database_url(self) -> str | None:
        if not self._options.uses_sample_database:
            return self._options.pipeline.database_url
        from meta_agent.databases.embedded import ensure_sample_database

        cache = self._options.pipeline.cache_dir
        return ensure_sample_database(cache, on_progress=self._progress.preparing).reader_url
