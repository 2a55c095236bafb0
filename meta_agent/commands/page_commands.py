"""``ps``, ``stop``, ``logs`` and ``restart``: what a person does with the pages that are shown.

``context.obj`` is the program's ``Invocation``: it turns errors into exit statuses and knows the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from meta_agent.answer_options import Destination

if TYPE_CHECKING:
    from meta_agent.display.reporter import Reporter
    from meta_agent.sandbox.engine import Engine

app = typer.Typer(add_completion=False, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
Debug = Annotated[bool, typer.Option("--debug", help="Log everything to stderr, with tracebacks.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The page's run as ps lists it, or its end.")]


@app.command()
def ps(context: typer.Context, json: Json = False, debug: Debug = False) -> int:
    """List the pages that are shown. Exit status 0."""
    with context.obj("ps", to=Destination.of(json=json), debug=debug) as invocation:
        reporter, engine = parts(*invocation.pages())
        from meta_agent.sandbox.pages import shown_pages

        reporter.show_pages(shown_pages(engine.client))
    return int(invocation.exit_code)


@app.command()
def stop(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="The page's run as ps lists it.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Stop all pages.")] = False,
    debug: Debug = False,
) -> int:
    """Take a page away for good; the run's folder stays. Exit status 0."""
    with context.obj("stop", debug=debug) as invocation:
        if bool(run) == everything:
            invocation.refuse("It is not clear which page to stop.", "Name one that ps lists, or give --all.")
        reporter, engine = parts(*invocation.pages())
        from meta_agent.sandbox.pages import shown_pages, stop_page

        for name in [page.name for page in shown_pages(engine.client)] if everything else [run]:
            reporter.show_lines(f"Stopped: {stop_page(engine.client, name)}")
    return int(invocation.exit_code)


@app.command()
def logs(context: typer.Context, run: Run, debug: Debug = False) -> int:
    """Show the end of a page's log. Exit status 0."""
    with context.obj("logs", debug=debug) as invocation:
        reporter, engine = parts(*invocation.pages())
        from meta_agent.sandbox.pages import log_of_page

        reporter.show_lines(log_of_page(engine.client, run))
    return int(invocation.exit_code)


@app.command()
def restart(context: typer.Context, run: Run, debug: Debug = False) -> int:
    """Start the containers of a page again. Exit status 0."""
    with context.obj("restart", debug=debug) as invocation:
        reporter, engine = parts(*invocation.pages())
        from meta_agent.sandbox.pages import restart_page

        reporter.show_lines(f"Started again: {restart_page(engine.client, run)}")
    return int(invocation.exit_code)


def parts(reporter: Reporter, engine: Engine) -> tuple[Reporter, Engine]:
    """What the program gives to these commands, by its types."""
    return reporter, engine
