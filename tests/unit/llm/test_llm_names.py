"""Which names mean the same model."""

from __future__ import annotations

import pytest

from meta_agent.llm.names import find_model, same_model

ASKED = "qwen2.5-coder-7b-instruct-mlx"


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        (ASKED, ASKED),
        (ASKED, "mlx-community/Qwen2.5-Coder-7B-Instruct-MLX-4bit"),
        (ASKED, "qwen2.5-coder-7b-instruct-mlx@4bit"),
        (ASKED, "qwen2.5-coder-7b-instruct-mlx:2"),
        ("qwen2.5-coder-1.5b-instruct", "/home/u/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
        ("qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", r"C:\models\qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
    ],
)
def test_same(asked: str, served: str) -> None:
    assert same_model(asked, served)
    assert same_model(served, asked)


@pytest.mark.parametrize(
    ("asked", "served"),
    [
        (ASKED, "qwen2.5-coder-7b-instruct"),
        (ASKED, "qwen2.5-coder-1.5b-instruct-mlx"),
        ("qwen2.5-coder-7b-instruct", "qwen2.5-7b-instruct"),
        ("coder-q4_k_m", "coder-q8_0"),
        ("gpt-4", "gpt-4o"),
        ("", "coder"),
    ],
)
def test_different(asked: str, served: str) -> None:
    assert not same_model(asked, served)


def test_the_exact_name_wins_over_a_similar_one() -> None:
    assert find_model("coder", ["coder-q4_0", "coder"]) == "coder"
    assert find_model("coder", ["other", "x/coder-q4_0"]) == "x/coder-q4_0"
    assert find_model("coder", ["other"]) is None
