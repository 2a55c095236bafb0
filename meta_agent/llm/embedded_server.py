"""A model server of our own for ``--demo``: llama.cpp's, as a background process on 127.0.0.1.

It outlives the command that started it, so that the next one finds the model
loaded, and ends by itself when nobody has asked it anything for a while. Whether
it runs is told by a lock that it holds while it lives, never by its process id alone.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meta_agent.errors import ModelError
from meta_agent.llm.model_files import QWEN_CODER_1_5B, ModelFile, ensure_model_file
from meta_agent.local_state import (
    OnProgress,
    bare_environment,
    exclusive,
    ignore_progress,
    is_locked,
    open_lock,
    read_state,
    try_lock,
    write_private,
)

CONTEXT_TOKENS = 16384
PROMPT_CACHE_MIB = 1024
"""Room for prefixes of earlier conversations besides the current one."""
DEFAULT_IDLE_MINUTES = 30.0
START_SECONDS = 180.0
STOP_SECONDS = 10.0
IDLE_CHECK_SECONDS = 5.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class _Folder:
    """The files of one embedded model server."""

    path: Path

    @property
    def start_lock(self) -> Path:
        """Held by the process that starts or stops the server."""
        return self.path / "start.lock"

    @property
    def life_lock(self) -> Path:
        """Held by the server as long as it lives."""
        return self.path / "life.lock"

    @property
    def state(self) -> Path:
        """Written by the server when it is ready: its pid and address."""
        return self.path / "server.json"

    @property
    def log(self) -> Path:
        return self.path / "server.log"


def ensure_embedded_server(
    cache: Path,
    *,
    model: ModelFile = QWEN_CODER_1_5B,
    idle_minutes: float = DEFAULT_IDLE_MINUTES,
    on_progress: OnProgress = ignore_progress,
) -> str:
    """The base URL (ending in ``/v1``) of a running server with the model; starts one where none runs.

    Safe to call from several processes at once: one starts, the others wait.
    ``idle_minutes`` counts for a server started now; 0 means that it never stops by itself.
    Raises ModelError when the model cannot be fetched or the server does not come up.
    """
    folder = _folder(cache)
    running = _running_server(folder, model)
    if running is not None:
        return running
    model_path = ensure_model_file(cache, model, on_progress)
    with exclusive(folder.start_lock, on_wait=lambda: on_progress("Waiting for the model server", None)):
        running = _running_server(folder, model)
        if running is not None:
            return running
        _stop(folder)
        on_progress(f"Loading {model.name}", None)
        return _start(folder, model, model_path, idle_minutes)


def stop_embedded_server(cache: Path) -> bool:
    """Stop the server of this cache folder; False where none runs. Raises ModelError if it will not end."""
    folder = _folder(cache)
    if not folder.path.exists():
        return False
    with exclusive(folder.start_lock):
        return _stop(folder)


def _folder(cache: Path) -> _Folder:
    return _Folder(cache / "model-server")


def _running_server(folder: _Folder, model: ModelFile) -> str | None:
    """The address that the state file names, if our model answers there."""
    address = read_state(folder.state).get("address")
    if isinstance(address, str) and model.name in _served_models(address):
        return f"{address}/v1"
    return None


def _served_models(address: str) -> list[str]:
    answer = _get(f"{address}/v1/models")
    if not isinstance(answer, dict):
        return []
    return [str(entry.get("id")) for entry in answer.get("data", []) if isinstance(entry, dict)]


def _get(url: str) -> Any:
    """The JSON that our own server answers; None where nothing or nonsense comes."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return json.load(response)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _start(folder: _Folder, model: ModelFile, model_path: Path, idle_minutes: float) -> str:
    """Spawn the server with its life lock in hand and wait until it answers."""
    folder.state.unlink(missing_ok=True)
    process = _spawn(folder, model, model_path, idle_minutes)
    # Without an address until it is ready; the pid lets a later command end a start that was interrupted.
    write_private(folder.state, json.dumps({"pid": process.pid}))
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        running = _running_server(folder, model)
        if running is not None:
            return running
        time.sleep(POLL_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()
    raise ModelError(
        "The embedded model server did not come up.",
        f"Read the end of {folder.log} for the reason, or set LLM_BASE_URL to a model server of your own.",
    )


def _spawn(
    folder: _Folder, model: ModelFile, model_path: Path, idle_minutes: float
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "meta_agent.llm.embedded_server", "--model", str(model_path)]
    command += ["--name", model.name, "--state", str(folder.state), "--idle-minutes", str(idle_minutes)]
    life = open_lock(folder.life_lock)
    try:
        # The lock belongs to the descriptor that the child inherits: it ends when the child does.
        try_lock(life)
        with folder.log.open("wb") as log:
            return subprocess.Popen(  # noqa: S603 - a fixed command, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).resolve().parents[2],
                env=bare_environment(),
                pass_fds=(life,),
                start_new_session=True,
            )
    finally:
        os.close(life)


def _stop(folder: _Folder) -> bool:
    """End the server that holds the life lock; only then is the pid in the state file surely its own."""
    pid = read_state(folder.state).get("pid")
    if not is_locked(folder.life_lock) or not isinstance(pid, int):
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        _send(pid, number)
        if _wait_for_end(folder):
            folder.state.unlink(missing_ok=True)
            return True
    raise ModelError(
        f"The embedded model server (process {pid}) does not end.", f"End it by hand: kill -9 {pid}."
    )


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait_for_end(folder: _Folder) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while is_locked(folder.life_lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


# --- inside the server's own process ---------------------------------------------------


def _serve(model_path: str, name: str, state: Path, idle_minutes: float) -> None:
    """Load the model, say where it answers, and return when nobody has asked for ``idle_minutes``."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model_path
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cache_ram_mib = PROMPT_CACHE_MIB
    params.ui = False
    # No page of another origin may read answers: this names none that a browser could be showing.
    params.cors_origins = "http://127.0.0.1"
    server = xllamacpp.Server(params)
    address = server.listening_address
    write_private(state, json.dumps({"pid": os.getpid(), "address": address, "model": name}))
    _wait_until_idle(address, idle_minutes)


def _wait_until_idle(address: str, idle_minutes: float) -> None:
    """Return when no slot has worked and none has had a new task for ``idle_minutes``."""
    last_tasks: list[Any] = []
    idle_since = time.monotonic()
    while idle_minutes <= 0 or time.monotonic() - idle_since < idle_minutes * 60:
        time.sleep(IDLE_CHECK_SECONDS)
        slots = _get(f"{address}/slots")
        # A server deep in a long prompt does not answer this in time: that is work, too.
        if slots is None or any(slot.get("is_processing") for slot in slots):
            idle_since = time.monotonic()
        elif (tasks := [slot.get("id_task") for slot in slots]) != last_tasks:
            last_tasks, idle_since = tasks, time.monotonic()


def _main() -> None:
    parser = argparse.ArgumentParser(
        description="Serve a model on 127.0.0.1 (started by ensure_embedded_server)."
    )
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--idle-minutes", required=True, type=float)
    options = parser.parse_args()
    _serve(options.model, options.name, options.state, options.idle_minutes)


if __name__ == "__main__":
    _main()
