"""Runs the program itself, as a user would, with settings given as environment variables only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = str(PROJECT / "script_executor.py")
WITH_ENV_FILE = (
    "import sys, runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, {project!r});"
    "import config; config.Settings.model_config['env_file'] = {env_file!r};"
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""A developer's own .env must not reach a test; the program has no switch for that and needs none."""
LONGEST = 240


@dataclass
class CommandLine:
    """The program with its settings and the folder its runs go to."""

    runs_dir: Path
    settings: dict[str, str] = field(default_factory=dict)
    env_file: Path | None = None
    """What the program takes for its .env; None: it has none."""
    inherited: dict[str, str] | None = None
    """What it sees besides its settings; None: what this process sees."""
    prefix: tuple[str, ...] = ()
    """A program that ``start`` starts it with."""

    @property
    def environment(self) -> dict[str, str]:
        """What the program sees; coverage of a test run is not its business."""
        inherited = dict(os.environ) if self.inherited is None else self.inherited
        kept = {name: value for name, value in inherited.items() if not name.startswith("COV_")}
        return {**kept, "RUNS_DIR": str(self.runs_dir), "PYTHONIOENCODING": "utf-8", **self.settings}

    def command(self, *arguments: str) -> list[str]:
        """The whole command."""
        if self.env_file is None and not (PROJECT / ".env").exists():
            return [sys.executable, PROGRAM, *arguments]
        env_file = str(self.env_file) if self.env_file else None
        starter = WITH_ENV_FILE.format(project=str(PROJECT), env_file=env_file)
        return [sys.executable, "-c", starter, PROGRAM, *arguments]

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start it, as the first of a process group of its own, with its output and its messages as pipes."""
        return subprocess.Popen(
            [*self.prefix, *self.command(*arguments)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=self.environment,
            cwd=self.runs_dir.parent,
            start_new_session=True,
        )

    def run(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
        """Run to the end; no terminal anywhere. ``stdin`` None is an empty one."""
        finished = subprocess.run(
            self.command(*arguments),
            input=stdin or b"",
            capture_output=True,
            env=self.environment,
            cwd=self.runs_dir.parent,
            timeout=LONGEST,
            check=False,
        )
        return subprocess.CompletedProcess(
            finished.args, finished.returncode, finished.stdout.decode(), finished.stderr.decode()
        )

    def json(self, *arguments: str, stdin: bytes | None = None) -> dict[str, Any]:
        """The object of ``--json``; fails where stdout holds anything else, or another exit code."""
        finished = self.run("--json", *arguments, stdin=stdin)
        answer: dict[str, Any] = json.loads(finished.stdout)
        assert answer.get("exit_code", finished.returncode) == finished.returncode
        assert "Traceback" not in finished.stderr
        return answer

    def records(self) -> list[dict[str, Any]]:
        """The records of all runs so far, oldest first."""
        return [json.loads(file.read_text()) for file in sorted(self.runs_dir.glob("*/run.json"))]
