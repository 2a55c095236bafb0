"""What follows from the options."""

from __future__ import annotations

import pytest

from meta_agent.llm.options import ModelOptions


def options(base_url: str) -> ModelOptions:
    return ModelOptions(base_url, "coder", "secret-key")


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "192.168.1.20", "mac-studio", "mac.local", "host.docker.internal"],
)
def test_servers_of_the_own_network_are_local(host: str) -> None:
    assert options(f"http://{host}:1234/v1").is_local


@pytest.mark.parametrize("url", ["https://models.example.com/v1", "http://8.8.8.8/v1"])
def test_others_are_not(url: str) -> None:
    assert not options(url).is_local


def test_the_root_lies_above_v1() -> None:
    assert options("http://localhost:1234/v1/").api_url == "http://localhost:1234/v1"
    assert options("http://localhost:1234/v1/").root_url == "http://localhost:1234"
    assert options("http://localhost:1234").root_url == "http://localhost:1234"


def test_the_key_is_not_shown() -> None:
    assert "secret-key" not in repr(options("http://localhost/v1"))


def test_what_is_no_url_is_left_to_the_health_check() -> None:
    assert options("http://[bad/v1").is_local
    assert not options("http://[bad/v1").uses_tls
