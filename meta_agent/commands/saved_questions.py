"""``save``, ``run``, ``schedule`` and ``template``: what they do, given their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from meta_agent.commands.parts import Parts
from meta_agent.commands.past_runs import changes_since
from meta_agent.errors import ExitCode
from meta_agent.questions.question_file import question_text, read_question
from meta_agent.questions.values import values_for
from meta_agent.runs.search import find_run, last_answer
from meta_agent.schedule import Every, Job, moment_of, schedule_as_json, schedule_text


def save(parts: Parts, wanted: str, name: str, *, replace: bool) -> ExitCode:
    """Make a question of a run."""
    from meta_agent.display.questions import saved_as_json, show_saved
    from meta_agent.glossary import load_glossary
    from meta_agent.questions.saving import check_shareable, question_of
    from meta_agent.replay import recorded_source

    record = parts.record(find_run(wanted, parts.index.runs()).run_id)
    places = parts.places
    glossary = load_glossary(places.glossary_path)
    question = question_of(record, recorded_source(record), name, glossary)
    check_shareable(
        question, places.secrets, (places.runs_dir, places.questions_dir, Path.home(), Path.cwd())
    )
    file = parts.library.add(question, replace=replace)
    parts.reporter.show(
        lambda: saved_as_json(question, file), lambda console: show_saved(question, file, console)
    )
    return ExitCode.OK


def run(parts: Parts, name: str, given: Sequence[str]) -> ExitCode:
    """Answer a saved question, and tell what changed since it was last asked with these values."""
    from meta_agent.questions.script import FilledQuestion, with_its_words

    question = parts.library.find(name)
    filled = FilledQuestion(question, values_for(question, given))
    before = last_answer(question.name, filled.values, parts.index.runs())
    session = parts.session()
    record = session.run_question(filled)
    changes = changes_since(parts, before, record)
    code = ExitCode(record.exit_code)
    glossary = with_its_words(session.glossary, question)
    parts.reporter.show_replay(record, glossary, parts.execute_command, changes, code)
    return code


def schedule(parts: Parts, name: str, given: Sequence[str], every: Every, at: str) -> ExitCode:
    """What to tell cron, launchd or systemd."""
    from meta_agent.display.questions import show_verbatim

    values_for(parts.library.find(name), given)
    parameters = [word for value in given for word in ("--param", value)]
    demo = ["--demo"] if parts.demo else []
    job = Job(
        name=name,
        command=(*parts.program, "run", name, *parameters, *demo, "--quiet"),
        folder=Path(parts.program[-1]).parent,
        log=parts.places.runs_dir / f"{name}.log",
    )
    moment = moment_of(every, at)
    parts.reporter.show(
        lambda: schedule_as_json(job, moment),
        lambda console: show_verbatim(schedule_text(job, moment), console),
    )
    return ExitCode.OK


def list_questions(parts: Parts) -> ExitCode:
    """All there are."""
    from meta_agent.display.questions import library_as_json, show_library

    entries = parts.library.entries()
    parts.reporter.show(lambda: library_as_json(entries), lambda console: show_library(entries, console))
    return ExitCode.OK


def show_question(parts: Parts, name: str) -> ExitCode:
    """The file itself."""
    from meta_agent.display.questions import show_verbatim

    question = parts.library.find(name)
    parts.reporter.show(
        lambda: question.model_dump(mode="json"),
        lambda console: show_verbatim(question_text(question), console),
    )
    return ExitCode.OK


def add_question(parts: Parts, file: Path, *, replace: bool) -> ExitCode:
    """Check a file and copy it to the user's own."""
    from meta_agent.display.questions import saved_as_json, show_saved

    question = read_question(file)
    added = parts.library.add(question, replace=replace)
    parts.reporter.show(
        lambda: saved_as_json(question, added), lambda console: show_saved(question, added, console)
    )
    return ExitCode.OK
