"""``make demo``: asks the sample portfolio the first example of the documentation.

With the user's own model server where one answers at LLM_BASE_URL, else with the
embedded one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from config import EMBEDDED_MODEL, PROJECT_DIR, SAMPLE_DATABASE, load_settings
from meta_agent.databases.embedded import ensure_sample_database
from meta_agent.errors import MetaAgentError
from meta_agent.llm.embedded_server import ensure_embedded_server
from tools.progress import ProgressLines

REQUEST_FILE = Path(__file__).with_name("demo_request.txt")


def main() -> int:
    """Set up what is missing, run the example, and give back its exit code."""
    progress = ProgressLines()
    try:
        settings = load_settings()
        has_server = settings.llm_base_url != EMBEDDED_MODEL and _answers(settings.llm_base_url)
        ensure_sample_database(settings.cache_folder, on_progress=progress)
        if not has_server:
            ensure_embedded_server(settings.cache_folder, on_progress=progress)
    except MetaAgentError as error:
        progress.close()
        print(f"{error.title}: {error.cause} {error.remedy}", file=sys.stderr)
        return int(error.exit_code)
    progress.close()
    return _ask(has_server)


def _answers(base_url: str) -> bool:
    """Whether anything speaks HTTP there; whether it is usable is for the tool itself to say."""
    try:
        urllib.request.urlopen(f"{base_url.rstrip('/')}/models", timeout=3).close()  # noqa: S310 - the user's own setting
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def _ask(has_server: bool) -> int:
    request = REQUEST_FILE.read_text(encoding="utf-8")
    which = [] if has_server else ["--demo"]
    environment = {**os.environ, "DATABASE_URL": SAMPLE_DATABASE}
    print(f"\n{request}", file=sys.stderr, flush=True)
    command = [sys.executable, str(PROJECT_DIR / "script_executor.py"), *which, request]
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own program


if __name__ == "__main__":
    sys.exit(main())
