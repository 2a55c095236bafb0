"""The embedded model server with the real model: first call, second call, end."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meta_agent.errors import ModelError
from meta_agent.llm.embedded_server import ensure_embedded_server, stop_embedded_server
from meta_agent.llm.model_files import QWEN_CODER_1_5B, ModelFile, PackagedParts, ensure_model_file
from meta_agent.local_state import cache_folder

pytestmark = pytest.mark.model


# Read while tests are collected, before any of them hides the developer's own folders.
MACHINE_CACHE = cache_folder(os.environ)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder of its own with the machine's real model in it."""
    model_file = ensure_model_file(MACHINE_CACHE)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / model_file.name).symlink_to(model_file)
    yield tmp_path
    stop_embedded_server(tmp_path)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def state(cache: Path) -> dict[str, Any]:
    content = json.loads((cache / "model-server" / "server.json").read_text())
    assert isinstance(content, dict)
    return content


def chat(base_url: str, text: str) -> Any:
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 8, "temperature": 0}
    request = urllib.request.Request(f"{base_url}/chat/completions", json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)


def test_it_starts_once_answers_and_stops(cache: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_embedded_server(cache))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    base_url = found[0]
    assert found == [base_url] * 3
    assert [model["id"] for model in get(f"{base_url}/models")["data"]] == [QWEN_CODER_1_5B.name]
    assert get(base_url.removesuffix("/v1") + "/props")["default_generation_settings"]["n_ctx"] == 16384

    text = "Say yes. " * 60
    chat(base_url, text)
    again = chat(base_url, text)["usage"]
    assert again["prompt_tokens_details"]["cached_tokens"] > again["prompt_tokens"] - 10

    pid = state(cache)["pid"]
    assert ensure_embedded_server(cache) == base_url
    assert state(cache)["pid"] == pid
    assert stop_embedded_server(cache) is True
    assert stop_embedded_server(cache) is False
    with pytest.raises(urllib.error.URLError):
        get(f"{base_url}/models")


def test_it_has_no_web_page_and_no_open_origin(cache: Path) -> None:
    base_url = ensure_embedded_server(cache)
    assert base_url.startswith("http://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(base_url.removesuffix("/v1"), timeout=10)
    request = urllib.request.Request(f"{base_url}/models", headers={"Origin": "https://evil.example"})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.headers["Access-Control-Allow-Origin"] not in ("*", "https://evil.example")


def test_it_ends_by_itself_when_nobody_asks(cache: Path) -> None:
    ensure_embedded_server(cache, idle_minutes=0.001)
    life = os.open(cache / "model-server" / "life.lock", os.O_RDWR)
    try:
        fcntl.flock(life, fcntl.LOCK_EX)  # the server holds it as long as it lives
    finally:
        os.close(life)
    assert stop_embedded_server(cache) is False


def test_a_killed_server_is_replaced(cache: Path) -> None:
    ensure_embedded_server(cache)
    first = state(cache)["pid"]
    os.kill(first, 9)
    ensure_embedded_server(cache)
    assert state(cache)["pid"] != first


def test_a_file_that_is_no_model_is_told_with_its_log(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "bad.gguf").write_bytes(b"not a model")
    parts = PackagedParts("no-such-package-part", "1.0", count=1, part_bytes=11)
    bad = ModelFile("bad", "bad.gguf", 11, "0" * 64, "http://127.0.0.1:9/", parts)
    with pytest.raises(ModelError, match="did not come up") as caught:
        ensure_embedded_server(tmp_path, model=bad)
    log = tmp_path / "model-server" / "server.log"
    assert str(log) in caught.value.remedy
    assert log.stat().st_size > 0
