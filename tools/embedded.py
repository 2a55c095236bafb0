"""The embedded model and database from the command line: ``python -m tools.embedded fetch|start|stop``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from config import load_settings
from meta_agent.databases.embedded import ensure_sample_database, stop_sample_database
from meta_agent.errors import MetaAgentError
from meta_agent.llm.embedded_server import ensure_embedded_server, stop_embedded_server
from meta_agent.llm.model_files import ensure_model_file
from tools.progress import ProgressLines


def main() -> int:
    """Do what the command line asks for; the exit code of the error where it fails."""
    parser = argparse.ArgumentParser(prog="python -m tools.embedded", description=__doc__)
    parser.add_argument("action", choices=["fetch", "start", "stop"])
    action = parser.parse_args().action
    progress = ProgressLines()
    try:
        cache = load_settings().cache_folder
        {"fetch": _fetch, "start": _start, "stop": _stop}[action](cache, progress)
    except MetaAgentError as error:
        progress.close()
        print(f"{error.title}: {error.cause} {error.remedy}", file=sys.stderr)
        return int(error.exit_code)
    progress.close()
    return 0


def _fetch(cache: Path, progress: ProgressLines) -> None:
    ensure_model_file(cache, on_progress=progress)


def _start(cache: Path, progress: ProgressLines) -> None:
    database = ensure_sample_database(cache, on_progress=progress)
    address = ensure_embedded_server(cache, on_progress=progress)
    progress.close()
    print(f"LLM_BASE_URL={address}\nDATABASE_URL={database.reader_url}")


def _stop(cache: Path, _progress: ProgressLines) -> None:
    for name, stop in (("model server", stop_embedded_server), ("database", stop_sample_database)):
        print(f"The embedded {name} {'was stopped' if stop(cache) else 'does not run'}.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
