"""``make bench``: what the tool itself costs in time and memory, beside the model.

Medians of several runs in one go; a noisy machine shows in the spread. Python keeps what it
compiled, as it does unless it is told otherwise. Model time is
the sum of the model calls in the run's log, the check's test message included, without
the wait for LangChain's import: everything else counts as the tool's own.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config import load_settings
from meta_agent.databases.embedded import ensure_sample_database
from meta_agent.executors.container_executor import ContainerExecutor, SandboxOptions
from meta_agent.executors.script_result import read_script_result
from meta_agent.generators.script_generator import given_script
from meta_agent.validators.script_validator import ScriptValidator

PROJECT_DIR = Path(__file__).resolve().parent.parent
ENTRY = str(PROJECT_DIR / "script_executor.py")
REQUEST = Path(__file__).with_name("demo_request.txt").read_text(encoding="utf-8")
ROUNDS, SCRIPT_ROUNDS = 5, 15
MODEL_SECONDS = 3
"""What a model takes at least to write a script."""
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
MODEL_CALL = re.compile(r"model call: .* in ([\d.]+) s")


def main() -> int:
    """Print one line for each figure, as it is known."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start",
        flush=True,
    )
    ask_demo("--no-cache")  # warms the model's prefix cache, the images and the schema cache
    report("--help", "s", [seconds_of([ENTRY, "--help"]) for _ in range(ROUNDS)])
    report("first visible sign of work", "s", [first_sign() for _ in range(ROUNDS)])
    answers = [ask_demo("--no-cache") for _ in range(ROUNDS)]
    report("Example 1, all of it", "s", [wall for wall, _ in answers])
    report("Example 1, outside the model", "s", [wall - asked(answer) for wall, answer in answers])
    report("Example 1, running the script", "s", [answer["timings"]["execution"] for _, answer in answers])
    report("Example 1 asked again", "s", [ask_demo()[0] for _ in range(ROUNDS)])
    sandboxed, bare = script_times(PROJECT_DIR / answers[-1][1]["run_dir"])
    report("its script, text to result, in a sandbox made ready", "s", sandboxed)
    report("its script, text to result, by the bare interpreter", "s", bare)
    usage = answers[-1][1]["usage"]
    print(f"model calls: {usage['llm_calls']}, tokens: {usage['prompt_tokens'] + usage['completion_tokens']}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"peak memory of the tool: {peak / (1024 if sys.platform == 'linux' else 1024 * 1024):.0f} MB")
    return 0


def script_times(run_dir: Path) -> tuple[list[float], list[float]]:
    """Seconds from a script's text to its typed result: in the sandbox, and without one; by turns.

    The sandbox is made ready before, as it is while a model writes.
    """
    database = ensure_sample_database(load_settings().cache_folder).reader_url
    script = given_script((run_dir / "script.py").read_text(encoding="utf-8"))
    estimate = ScriptValidator().validate(script.source, requirements=script.requirements)
    options, sandboxed, bare = SandboxOptions(load_settings().base_image), [], []
    for _ in range(SCRIPT_ROUNDS):
        with TemporaryDirectory() as folder, ContainerExecutor(options, say_nothing) as executor:
            executor.prepare(script.requirements, database)
            time.sleep(MODEL_SECONDS)
            begin = time.monotonic()
            result = executor.execute(Path(folder), script, estimate, database).result
            sandboxed.append(time.monotonic() - begin)
            bare.append(bare_time(script.source, database, Path(folder)))
            assert result is not None
    return sandboxed, bare


def say_nothing(_output: str) -> None:
    """What the script prints is not what is measured."""


def bare_time(source: str, database_url: str, folder: Path) -> float:
    """Seconds from a script's text to its typed result with this interpreter, on this machine."""
    begin = time.monotonic()
    script = folder / "script.py"
    script.write_text(source, encoding="utf-8")
    subprocess.run(  # noqa: S603 - a script that was validated and answered before
        [sys.executable, "-I", "-B", "-u", script],
        capture_output=True,
        check=True,
        env={**ENVIRONMENT, "DATABASE_URL": database_url, "OUTPUT_DIR": str(folder), "LOG_DIR": str(folder)},
    )
    assert read_script_result((folder / "result.json").read_bytes())[0] is not None
    return time.monotonic() - begin


def report(name: str, unit: str, figures: list[float]) -> None:
    """Median and range of one figure."""
    middle = statistics.median(figures)
    print(
        f"{name}: median {middle:.2f} {unit} ({min(figures):.2f} to {max(figures):.2f}, {len(figures)} runs)",
        flush=True,
    )


def ask_demo(*options: str) -> tuple[float, dict[str, Any]]:
    """Wall time and JSON answer of the example request."""
    begin = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, ENTRY, "--demo", "--json", *options, REQUEST],
        capture_output=True,
        check=True,
        cwd=PROJECT_DIR,
        env={**ENVIRONMENT, "LOG_LEVEL": "DEBUG"},
    )
    return time.monotonic() - begin, json.loads(done.stdout)


def asked(answer: dict[str, Any]) -> float:
    """Seconds in which the model was asked, by the run's log."""
    log = (Path(answer["run_dir"]) / "logs" / "run.log").read_text(encoding="utf-8")
    return sum(float(seconds) for seconds in MODEL_CALL.findall(log))


def seconds_of(arguments: list[str]) -> float:
    """Wall time of one command."""
    begin = time.monotonic()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=ENVIRONMENT)  # noqa: S603
    return time.monotonic() - begin


def first_sign() -> float:
    """Seconds until the first byte on stderr of a request."""
    return until_first_output(
        [sys.executable, ENTRY, "--demo", "--dry-run", "--no-cache", REQUEST], lambda process: process.kill()
    )


def until_first_output(command: list[str], stop: Callable[[subprocess.Popen[bytes]], None]) -> float:
    """Seconds until a program says anything on stderr; then it is stopped."""
    begin = time.monotonic()
    with subprocess.Popen(  # noqa: S603
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=PROJECT_DIR, env=ENVIRONMENT
    ) as process:
        assert process.stderr is not None
        process.stderr.read(1)
        elapsed = time.monotonic() - begin
        stop(process)
    return elapsed


if __name__ == "__main__":
    sys.exit(main())
