"""``python -m meta_agent.evaluation``: asks questions with known answers and counts what is right.

An entry point like ``script_executor.py``: it reads the settings and wires the parts.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from loguru import logger

from config import EMBEDDED_MODEL, PROJECT_DIR, Settings, load_settings
from meta_agent.display.console import write_text
from meta_agent.errors import ExitCode, MetaAgentError, UsageError
from meta_agent.evaluation.dataset import PORTFOLIO, Selection, load_dataset
from meta_agent.evaluation.report import Conditions, markdown, plain, write_into

if TYPE_CHECKING:
    from meta_agent.evaluation.databases import Databases
    from meta_agent.evaluation.results import ResultLine
    from meta_agent.evaluation.runner import Work
    from meta_agent.evaluation.systems.base import System
    from meta_agent.llm.options import ModelOptions

SYSTEMS = ("pipeline", "single-call", "langchain-chain")
CHECK_SECONDS = 120.0
"""A server that others use as well may be busy: that is no answer of ours to count."""
DOCUMENT = PROJECT_DIR / "docs" / "evaluation.md"


def main(arguments: Sequence[str]) -> int:
    """Run an evaluation and print its report; the exit code."""
    options = _parser().parse_args(arguments)
    logger.remove()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        return _evaluate(options, arguments)
    except MetaAgentError as error:
        _say(f"{error.title}: {error.cause} {error.remedy}")
        return int(error.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meta_agent.evaluation", description=__doc__)
    add = parser.add_argument
    add(
        "--dataset",
        type=Path,
        action="append",
        help="folder with questions.jsonl; default: the portfolio",
    )
    add("--system", action="append", choices=SYSTEMS, help="repeatable; default: all of them")
    add("--ablate", action="store_true", help="also the pipeline with each mechanism switched off in turn")
    add("--container", action="store_true", help="let the pipeline run its scripts in containers")
    add("--embedded", action="store_true", help="use the embedded 1.5B model whatever the settings say")
    add("--cache", action="store_true", help="use kept answers of the model; then the seconds are not real")
    add("--held-out", action="store_true", help="only the fifth of the questions that is kept aside")
    add("--limit", type=int, help="at most so many questions of each dataset")
    add("--sample", type=int, help="so many questions of each dataset, the same ones every time")
    add("--id", action="append", default=[], help="only the question with this id; repeatable")
    add("--output", type=Path, help="folder for the results; default: build/evaluation/<time>")
    add("--resume", action="store_true", help="keep what the output folder has and ask the rest")
    add("--check-gold", action="store_true", help="only run the gold queries and show what they return")
    add("--write-docs", action="store_true", help=f"put the table into {DOCUMENT.name}")
    return parser


def _evaluate(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    from meta_agent.evaluation.databases import databases
    from meta_agent.evaluation.results import result_file
    from meta_agent.evaluation.runner import run

    settings = load_settings()
    works = _works(options)
    with databases(settings.cache_folder) as loaded:
        if options.check_gold:
            return _check_gold(works, loaded)
        started = datetime.now(timezone.utc).astimezone()
        folder = options.output or PROJECT_DIR / "build" / "evaluation" / f"{started:%Y%m%d_%H%M%S}"
        model_options, sha256 = _model(settings, embedded=options.embedded)
        systems, model = _systems(options, settings, model_options, folder)
        code = ExitCode.OK
        with result_file(folder, resume=options.resume) as file:
            try:
                run(works, systems, loaded, file, model, _show_line)
            except KeyboardInterrupt:
                code = ExitCode.INTERRUPTED
                _say(f"Stopped; --resume --output {folder} goes on from here.")
            lines = _of_this_run(file.lines, works, systems)
    command = " ".join(["python -m meta_agent.evaluation", *map(str, arguments)])
    conditions = Conditions(command=command, model=model, sha256=sha256, started=started)
    write_text(plain(lines) + "\n")
    (folder / "report.md").write_text(markdown(lines, conditions), encoding="utf-8")
    _say(f"Results: {folder}")
    if options.write_docs and lines:
        write_into(DOCUMENT, markdown(lines, conditions))
    return int(code)


def _works(options: argparse.Namespace) -> tuple[Work, ...]:
    from meta_agent.evaluation.runner import Work

    selection = Selection(options.held_out, options.limit, options.sample, frozenset(options.id))
    works = []
    for folder in options.dataset or [PORTFOLIO]:
        dataset = load_dataset(folder)
        works.append(Work(dataset, selection.of(dataset.questions)))
    if not any(work.questions for work in works):
        raise UsageError("No question is left to ask.", "Loosen --limit, --sample, --id or --held-out.")
    return tuple(works)


def _check_gold(works: Sequence[Work], loaded: Databases) -> int:
    from meta_agent.evaluation.runner import expected_rows

    for work in works:
        for question in work.questions:
            for expected in expected_rows(question, loaded.of(work.dataset, question.db)):
                rows = expected.rows.rows
                head = "; ".join(str(tuple(map(str, row))) for row in rows[:12])
                write_text(f"{question.id}: {question.question}\n    {len(rows)} rows: {head}\n")
    return int(ExitCode.OK)


def _model(settings: Settings, *, embedded: bool) -> tuple[ModelOptions, str | None]:
    """Where the model is, deterministic whatever the settings say, and its file's hash where it is ours."""
    options = replace(settings.model_options, temperature=0.0, check_timeout=CHECK_SECONDS)
    if not embedded and options.base_url != EMBEDDED_MODEL:
        return options, None
    from meta_agent.llm.embedded_server import ensure_embedded_server
    from meta_agent.llm.model_files import QWEN_CODER_1_5B

    address = ensure_embedded_server(settings.cache_folder)
    sha256 = QWEN_CODER_1_5B.sha256
    known_as = f"embedded {sha256}"
    return replace(options, base_url=address, model=QWEN_CODER_1_5B.name, known_as=known_as), sha256


def _systems(
    options: argparse.Namespace, settings: Settings, model_options: ModelOptions, folder: Path
) -> tuple[tuple[System, ...], str]:
    """The systems asked for, and the model's name as its server spells it."""
    from meta_agent.evaluation.ablation import ablations
    from meta_agent.evaluation.systems.pipeline import ProductPipeline
    from meta_agent.evaluation.systems.single_call import SingleCall
    from meta_agent.glossary import load_glossary
    from meta_agent.llm.answer_store import AnswerStore
    from meta_agent.pipeline import PipelineOptions
    from meta_agent.utils.llm_client import LLMClient

    answers = AnswerStore(settings.cache_folder) if options.cache else None
    client = LLMClient(model_options, answers=answers)
    model = client.check().model
    pipeline_options = PipelineOptions(
        runs_dir=folder / "runs",
        cache_dir=settings.cache_folder,
        glossary=load_glossary(settings.glossary_path),
        sandbox=settings.sandbox_options,
        dry_run=not options.container,
    )
    wanted = options.system or SYSTEMS
    systems: list[System] = []
    if "single-call" in wanted:
        systems.append(SingleCall(client))
    if "langchain-chain" in wanted:
        from meta_agent.evaluation.systems.langchain_chain import LangChainChain

        systems.append(LangChainChain(model_options, answers))
    if "pipeline" in wanted:
        systems.append(ProductPipeline("pipeline", client, pipeline_options))
    for less in ablations() if options.ablate else ():
        name = f"pipeline without {less.mechanism}"
        systems.append(ProductPipeline(name, client, less.options(pipeline_options), less.opener))
    return tuple(systems), model


def _of_this_run(
    lines: Sequence[ResultLine], works: Sequence[Work], systems: Sequence[System]
) -> tuple[ResultLine, ...]:
    """A resumed file may hold lines of questions and systems that this run did not ask for."""
    questions = {(work.dataset.name, question.id) for work in works for question in work.questions}
    names = {system.name for system in systems}
    return tuple(
        line for line in lines if (line.dataset, line.question) in questions and line.system in names
    )


def _show_line(line: ResultLine) -> None:
    _say(f"{line.question:12} {line.system:16} {line.outcome:9} {line.seconds:6.1f} s  {line.error[:90]}")


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(message: str) -> None:
    write_text(message + "\n", sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
