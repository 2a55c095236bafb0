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
from typing import Any

PROJECT_DIR = Path(__file__).resolve().parent.parent
ENTRY = str(PROJECT_DIR / "script_executor.py")
REQUEST = Path(__file__).with_name("demo_request.txt").read_text(encoding="utf-8")
ROUNDS = 5
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
    usage = answers[-1][1]["usage"]
    print(f"model calls: {usage['llm_calls']}, tokens: {usage['prompt_tokens'] + usage['completion_tokens']}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"peak memory of the tool: {peak / (1024 if sys.platform == 'linux' else 1024 * 1024):.0f} MB")
    return 0


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
