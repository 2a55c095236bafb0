"""Starts the page of a web script, waits for it, and takes its typed result; then the page goes on alone."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from urllib.parse import urlsplit

from meta_agent.contracts import ExecutionResult, GeneratedScript, ValidationResult
from meta_agent.errors import SandboxError
from meta_agent.executors.script_result import RESULT_BYTES, RESULT_FILE, read_script_result
from meta_agent.interrupts import undisturbed
from meta_agent.sandbox.engine import Engine
from meta_agent.sandbox.images import BaseImage
from meta_agent.sandbox.options import Limits, SandboxOptions, limits_for
from meta_agent.sandbox.output_log import OutputLog
from meta_agent.sandbox.pages import LEAST_MEMORY_MB, Page, PageScript

NO_DATABASE = 2
"""Exit status of a script of ours that cannot reach its database; for a page, how it would end."""
LOOK_SECONDS = 0.1
UNAVAILABLE = 503


def show_page(
    engine: Engine,
    base: BaseImage,
    options: SandboxOptions,
    run_dir: Path,
    script: GeneratedScript,
    validation: ValidationResult,
    database_url: str,
) -> ExecutionResult:
    """Start the page of a script. One that does not answer well is taken away again, and is a failed script.

    Raises SandboxError when Docker fails; then, or on an interrupt, nothing is left either.
    """
    limits = limits_for(validation, engine.cpus)
    page = Page(
        engine,
        options,
        PageScript(
            name=run_dir.name,
            folder=run_dir,
            source=script.source,
            requirements=script.requirements,
            limits=Limits(max(limits.memory_mb, LEAST_MEMORY_MB), limits.cpus),
            database_url=database_url,
        ),
    )
    began = time.monotonic()
    try:
        page.start(base)
        result = _first_answer(page, run_dir, began, options)
        if result.status == "ok":
            page.keep()
    except BaseException:
        _take_away(page)
        raise
    if result.status != "ok":
        _take_away(page)
    return result


def _take_away(page: Page) -> None:
    with undisturbed():
        page.remove()


def _first_answer(page: Page, run_dir: Path, began: float, options: SandboxOptions) -> ExecutionResult:
    """How the page does on its first two requests: whether it is well, and what it shows."""
    deadline = began + options.time_limit_seconds
    status, raw = 0, b""
    while status == 0 and time.monotonic() < deadline and not page.has_ended():
        status, raw = _get(page.address, "/health", deadline)
        if status == UNAVAILABLE and not raw.startswith(b"{"):
            status = 0  # the door's own answer: the script does not listen yet
            time.sleep(LOOK_SECONDS)
    if status == http.client.OK:
        status, raw = _get(page.address, "/api/result", deadline)
    answer, complaints = read_script_result(raw) if status == http.client.OK else (None, ())
    log = OutputLog(options.log_limit_bytes, lambda _text: None)
    log.feed(page.log().encode())
    log.close()
    ended = page.has_ended()
    outcome = ExecutionResult(
        status="ok",
        exit_code=None,
        result=answer,
        output="",
        error_output=log.text,
        seconds=round(time.monotonic() - began, 3),
        warnings=complaints,
    )
    if answer is not None and not ended:
        (run_dir / RESULT_FILE).write_bytes(raw)
        return outcome.model_copy(update={"page": page.address, "files": (RESULT_FILE,)})
    if ended and page.out_of_memory():
        return outcome.model_copy(update={"status": "out_of_memory", "result": None})
    if ended:
        return outcome.model_copy(
            update={"status": "failed", "exit_code": page.exit_code() or 1, "result": None}
        )
    if status == 0:
        remark = f"The page did not answer within {options.time_limit_seconds:g} seconds."
        return outcome.model_copy(update={"status": "timeout", "warnings": (remark,)})
    code = NO_DATABASE if status == UNAVAILABLE else 1
    return outcome.model_copy(update={"status": "failed", "exit_code": code})


def _get(address: str, path: str, deadline: float) -> tuple[int, bytes]:
    """Status and body of an answer; status 0 where there is none yet. Raises SandboxError for a lost door."""
    place = urlsplit(address)
    timeout = max(deadline - time.monotonic(), 0.1)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(RESULT_BYTES + 1)
    except TimeoutError:
        return 0, b""
    except (OSError, http.client.HTTPException) as error:
        raise SandboxError(
            f"The page at {address} cannot be reached: {error}.",
            "See whether another program uses this port, and set PORT in .env.",
        ) from error
    finally:
        connection.close()
