"""The guess of a text's tokens, against what Qwen2.5-Coder's tokenizer really made of it."""

from __future__ import annotations

import pytest

from meta_agent.llm.tokens import TURN_OVERHEAD, estimate_tokens

# Counted once with the tokenizer of Qwen2.5-Coder-1.5B-Instruct (llama.cpp's /tokenize).
MEASURED = [
    ("Which properties have a DSCR below 1.25?", 13),
    (
        "CREATE TABLE portfolio.properties (property_id integer PRIMARY KEY, name text NOT NULL,"
        " noi numeric(14,2), annual_debt_service numeric(14,2));",
        35,
    ),
    (
        "SELECT p.name, round(p.noi / nullif(l.annual_debt_service, 0), 2) AS dscr\n"
        "FROM properties p\nJOIN loans l ON l.property_id = p.property_id\nORDER BY dscr DESC;",
        50,
    ),
    ("2024-01-31 1234567.89 0001 42", 29),
    ("Größe der Wohnfläche in Ålesund, prix d'été à Orléans", 19),
    ("東京の物件の賃料はいくらですか", 11),
    ("🏢🏠 ok", 3),
    ("x_q1_rnt_amt_usd_prc, zzcstid, txcustid, fk_prop_lse_tnt", 27),
    ("a,b;c(d)[e]{f}<g>=h|i&j*k", 16),
]


@pytest.mark.parametrize(("text", "real"), MEASURED)
def test_the_guess_for_a_turn_is_not_too_low_and_not_far_too_high(text: str, real: int) -> None:
    assert real <= estimate_tokens(text) + TURN_OVERHEAD
    assert estimate_tokens(text) <= 2 * real + 2


def test_nothing_costs_nothing() -> None:
    assert estimate_tokens("") == 0


def test_half_a_surrogate_pair_is_no_error() -> None:
    assert estimate_tokens("\ud83c") >= 1
