"""The arguments of the commands about earlier runs and saved questions.

``context.obj`` is the program's ``Invocation``: it turns errors into exit statuses and knows the settings.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from meta_agent.answer_options import Destination
from meta_agent.commands.parts import Parts

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Demo = Annotated[bool, typer.Option("--demo", help="Use the sample portfolio.")]
Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log everything to stderr, with tracebacks.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the answer, warnings and errors only.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or last.")]
Question = Annotated[str, typer.Argument(metavar="NAME", help="A saved question or template.")]
Values = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A value; may be given repeatedly.")
]
Replace = Annotated[bool, typer.Option("--replace", help="Take the place of a question of that name.")]


class Status(str, Enum):
    """How a run may have ended."""

    ok = "ok"
    refused = "refused"
    failed = "failed"
    timeout = "timeout"
    no_answer = "no_answer"
    interrupted = "interrupted"
    unfinished = "unfinished"


class Every(str, Enum):
    """How often something may be done."""

    hour = "hour"
    day = "day"
    week = "week"
    month = "month"


class Action(str, Enum):
    """What may be done with templates."""

    list = "list"
    show = "show"
    add = "add"
    run = "run"


@app.command()
def history(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="Only runs with all of them.")
    ] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only runs that ended so.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")] = 20,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """List earlier runs."""
    from meta_agent.commands.past_runs import list_runs

    wanted = status.value if status else None
    return _do(
        context, "history", lambda parts: list_runs(parts, words or [], wanted, limit), json=json, debug=debug
    )


@app.command()
def show(context: typer.Context, run: Run, json: Json = False, debug: Debug = False) -> int:
    """Show a run: request, SQL, assumptions, answer, files, and where they come from."""
    from meta_agent.commands.past_runs import show_one

    return _do(context, f"show {run}", lambda parts: show_one(parts, run), json=json, debug=debug)


@app.command()
def rerun(
    context: typer.Context,
    run: Run,
    demo: Demo = False,
    json: Json = False,
    debug: Debug = False,
    quiet: Quiet = False,
) -> int:
    """Run the script of a run again, without the model. Exit status 9 if the answer has changed."""
    from meta_agent.commands.past_runs import rerun as again

    shown = {"demo": demo, "json": json, "debug": debug, "quiet": quiet}
    return _do(context, f"rerun {run}", lambda parts: again(parts, run), **shown)


@app.command()
def verify(context: typer.Context, run: Run, json: Json = False, debug: Debug = False) -> int:
    """Check that script and results of a run are the recorded ones. Exit status 9 if not."""
    from meta_agent.commands import past_runs

    return _do(context, f"verify {run}", lambda parts: past_runs.verify(parts, run), json=json, debug=debug)


@app.command()
def clean(
    context: typer.Context,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="Such as 12h, 30d, 8w.")],
    yes: Annotated[bool, typer.Option("--yes", help="Agree beforehand.")] = False,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Remove old runs and what Docker holds of them, after showing it. Saved questions stay."""
    from meta_agent.commands import past_runs

    return _do(
        context, "clean", lambda parts: past_runs.clean(parts, older_than, yes=yes), json=json, debug=debug
    )


@app.command()
def save(
    context: typer.Context,
    run: Run,
    name: Annotated[str, typer.Option("--name", help="Small letters, digits, hyphens: monthly-dscr.")],
    replace: Replace = False,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Save the question of a run, to be asked again with other values."""
    from meta_agent.commands import saved_questions

    return _do(
        context,
        f"save {run}",
        lambda parts: saved_questions.save(parts, run, name, replace=replace),
        json=json,
        debug=debug,
    )


@app.command()
def run(
    context: typer.Context,
    name: Question,
    param: Values = None,
    demo: Demo = False,
    json: Json = False,
    debug: Debug = False,
    quiet: Quiet = False,
) -> int:
    """Answer a saved question or template, without the model."""
    return _run_question(context, name, param, {"demo": demo, "json": json, "debug": debug, "quiet": quiet})


@app.command()
def schedule(
    context: typer.Context,
    name: Question,
    param: Values = None,
    every: Annotated[Every, typer.Option("--every", help="How often.")] = Every.month,
    at: Annotated[str, typer.Option("--at", metavar="HH:MM", help="At what time of the day.")] = "07:00",
    demo: Demo = False,
    json: Json = False,
    debug: Debug = False,
) -> int:
    """Print what cron, launchd or systemd needs to ask a question regularly."""
    from meta_agent.commands import saved_questions

    return _do(
        context,
        f"schedule {name}",
        lambda parts: saved_questions.schedule(parts, name, param or [], every.value, at),
        demo=demo,
        json=json,
        debug=debug,
    )


@app.command()
def template(
    context: typer.Context,
    action: Annotated[Action, typer.Argument(help="list, show NAME, add FILE or run NAME.")],
    target: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]", help="Of what.")] = None,
    param: Values = None,
    replace: Replace = False,
    demo: Demo = False,
    json: Json = False,
    debug: Debug = False,
    quiet: Quiet = False,
) -> int:
    """List, show, add or run saved questions and templates."""
    from meta_agent.commands import saved_questions

    if target is None and action is not Action.list:
        raise typer.BadParameter(
            f"template {action.value} needs a {'FILE' if action is Action.add else 'NAME'}"
        )
    if action is Action.run:
        shown = {"demo": demo, "json": json, "debug": debug, "quiet": quiet}
        return _run_question(context, target or "", param, shown)
    work: dict[Action, Callable[[Parts], int]] = {
        Action.list: saved_questions.list_questions,
        Action.show: lambda parts: saved_questions.show_question(parts, target or ""),
        Action.add: lambda parts: saved_questions.add_question(parts, Path(target or ""), replace=replace),
    }
    return _do(context, f"template {action.value}", work[action], json=json, debug=debug)


def _run_question(context: typer.Context, name: str, param: list[str] | None, shown: dict[str, bool]) -> int:
    from meta_agent.commands import saved_questions

    return _do(context, f"run {name}", lambda parts: saved_questions.run(parts, name, param or []), **shown)


def _do(
    context: typer.Context, request: str, work: Callable[[Parts], int], *, json: bool, **shown: bool
) -> int:
    """Hand the program's parts to a command; what goes wrong becomes an exit status."""
    with context.obj(request, to=Destination.of(json=json), **shown) as invocation:
        invocation.exit_code = work(invocation.parts())
    return int(invocation.exit_code)
