"""A question that was answered before is answered by the same script, without the model.

The script is validated and executed afresh, so the figures are new. Where the structure of the
database has changed or the script fails, the run goes the usual way as if nothing had been found.
"""

from __future__ import annotations

from loguru import logger

from meta_agent.contracts import GeneratedScript
from meta_agent.databases.url import mask_url
from meta_agent.executors.container_executor import ContainerExecutor
from meta_agent.generators.script_generator import DatabaseAccess
from meta_agent.llm.options import ModelOptions
from meta_agent.run_steps import (
    NO_WEB_PAGE,
    PipelineOptions,
    doubts_about,
    execute_in_sandbox,
    prepare_for,
    validated,
    write_deployment_package,
)
from meta_agent.runs.journal import RunJournal
from meta_agent.runs.proven import Circumstances, ProvenScript, structure_of
from meta_agent.runs.secrets import holds
from meta_agent.script_failures import can_be_mended, failure_of, last_line, problem_of


class Reuse:
    """Finds, runs and remembers proven scripts; does nothing where the options name no place for them."""

    def __init__(self, options: PipelineOptions, model: ModelOptions) -> None:
        self._options = options
        self._proven = options.proven
        self._model = model

    def candidate(self, request: str) -> ProvenScript | None:
        """A script for these very words, if the structure of the database has not changed since."""
        return self._proven.find(self._key(request)) if self._proven else None

    def prepare(self, proven: ProvenScript, executor: ContainerExecutor) -> None:
        """Make its place ready while the structure of the database is looked at."""
        prepare_for(proven.script, self._options, executor)

    def answer(
        self,
        proven: ProvenScript,
        run: RunJournal,
        database: DatabaseAccess | None,
        executor: ContainerExecutor,
    ) -> bool:
        """Whether the script has answered; if not, nothing of it is left in the journal.

        Raises what the usual way would raise for a time limit or a database that was lost:
        another script could not help there.
        """
        if _structure(run) != proven.structure:
            logger.info("the database has changed since run {}, whose script is not used", proven.run_id)
            return False
        logger.info("the script of run {} is used again", proven.run_id)
        run.came_from(proven.model, self._model.weights_sha256)
        run.analysis, run.plan = proven.analysis, proven.plan
        run.reused_from = proven.run_id
        problem = self._problem_with(proven.script, run, executor)
        if problem is None:
            if proven.analysis.requires_web_interface and not proven.script.needs_database:
                run.warnings.append(NO_WEB_PAGE)
            run.warnings.extend(doubts_about(run, database))
            return True
        run.progress.note(f"The script of run {proven.run_id} does not work any more: {problem}")
        run.start_over()
        if self._proven:
            self._proven.forget(self._key(run.request))
        return False

    def remember(self, run: RunJournal, doubts: tuple[str, ...]) -> None:
        """Keep the script of a run that answered without a doubt about script or answer."""
        if self._proven is None or run.script is None or run.analysis is None or run.plan is None:
            return
        if run.agreements:  # what a person agreed to once is no reason not to ask the next time
            return
        result = run.execution.result if run.execution else None
        if result is None or doubts or run.script.warnings or result.warnings:
            return
        proven = ProvenScript(
            request=run.request,
            run_id=run.run_dir.name,
            model=run.model,
            structure=_structure(run),
            analysis=run.analysis,
            plan=run.plan,
            script=run.script,
        )
        content = proven.model_dump_json()
        if not holds(content, run.secrets):  # a text of the database may hold a password
            self._proven.keep(self._key(run.request), proven)

    def _problem_with(
        self, script: GeneratedScript, run: RunJournal, executor: ContainerExecutor
    ) -> str | None:
        """Why the script does not answer now; None where it does."""
        validation = validated(run, script)
        if not validation.is_valid:
            return "the validator refuses it."
        write_deployment_package(run, self._options, script, validation, executor)
        if self._options.dry_run:
            return None
        result = execute_in_sandbox(run, self._options, executor, script, validation)
        if result.status == "ok" and result.result is not None:
            return None
        if not can_be_mended(script, result):
            raise failure_of(script, result, tries=1)
        return last_line(problem_of(result))

    def _key(self, request: str) -> str:
        url = self._options.database_url
        model = self._model
        return Circumstances(
            database=mask_url(url.strip()) if url else "",
            model=f"{model.model} {model.server_identity} {model.temperature:g} {model.seed}",
            glossary=self._options.glossary,
            mechanisms=self._options.mechanisms,
        ).key(request)


def _structure(run: RunJournal) -> str | None:
    return structure_of(run.schema) if run.schema else None
