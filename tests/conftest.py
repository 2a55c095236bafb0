"""What all tests share: the developer's own home and settings are hidden, real servers are lent.

Real things are started once a session and only when a test asks for them: the
embedded model server with the real weights, and the embedded sample database.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from config import Settings, load_settings
from meta_agent.databases.embedded import SampleDatabase, ensure_sample_database
from meta_agent.llm.embedded_server import ensure_embedded_server

MACHINE_CACHE = load_settings().cache_folder
"""Where this machine keeps the model file: read before any test hides the home folder."""

# A busy machine must not fail a property: no example has a deadline.
hypothesis.settings.register_profile(
    "steady", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")

SETTING_NAMES = tuple(name.upper() for name in Settings.model_fields)


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the developer's home, settings or .env."""
    for name in (*SETTING_NAMES, "META_AGENT_CACHE", "XDG_CACHE_HOME", "NO_COLOR", "FORCE_COLOR"):
        if name != "BASE_IMAGE":
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(scope="session")
def model_base_url() -> str:
    """A server with the real Qwen2.5-Coder-1.5B, started where none runs; it ends by itself when idle."""
    return ensure_embedded_server(MACHINE_CACHE)


@pytest.fixture(scope="session")
def sample_database() -> SampleDatabase:
    """The embedded PostgreSQL with the sample portfolio."""
    return ensure_sample_database(MACHINE_CACHE)


@pytest.fixture
def machine_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """An environment for the program itself, in which it finds the machine's model and sample database.

    No answer is kept there: a test that asks the model means to ask it.
    """
    monkeypatch.setenv("META_AGENT_CACHE", str(MACHINE_CACHE))
    monkeypatch.setenv("LLM_CACHE", "off")
    yield dict(os.environ)


@pytest.fixture
def project_dir() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent
