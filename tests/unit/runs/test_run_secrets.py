"""Passwords disappear in every spelling; ordinary words that happen to be a password stay."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.runs.secrets import holds, mask, mask_all, secrets_of_url

CANARY = 'c@n/ry: "ü#1%\\'
URL = f"postgresql://ada:{quote(CANARY, safe='')}@db.example.com:5432/estate?sslmode=require"


def spelled(secret: str) -> dict[str, str]:
    return {
        "plain": secret,
        "quoted": quote(secret, safe=""),
        "quoted, slash kept": quote(secret),
        "quoted in lower case": quote(secret, safe="").lower()
        if secret.islower()
        else quote(secret, safe=""),
        "form": quote_plus(secret),
        "json": json.dumps(secret)[1:-1],
        "json, not ascii": json.dumps(secret, ensure_ascii=False)[1:-1],
        "every byte quoted": "".join(f"%{byte:02x}" for byte in secret.encode()),
        "some bytes quoted": secret.replace("@", "%40").replace("%1", "%251"),
        "python": repr(secret)[1:-1],
        "python, not ascii": ascii(secret)[1:-1],
        "html": html.escape(secret),
        "html by numbers": "".join(f"&#{ord(character)};" for character in secret),
        "sql": secret.replace('"', '""'),
        "json in json": json.dumps(json.dumps(secret))[3:-3],
        "hexadecimal": secret.encode().hex(),
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(secret.encode()).decode(),
        "basic login": base64.b64encode(f"ada:{secret}".encode()).decode(),
        "basic login of bob1": base64.b64encode(f"bob1:{secret}".encode()).decode(),
    }


@pytest.mark.parametrize("how", list(spelled(CANARY)))
def test_every_spelling_is_masked(how: str) -> None:
    text = f"before {spelled(CANARY)[how]} after"
    masked = mask(text, secrets_of_url(URL))
    assert spelled(CANARY)[how] not in masked and "****" in masked
    assert masked.startswith("before ") and masked.endswith(" after")


def test_the_url_itself_stays_readable() -> None:
    assert mask(URL, secrets_of_url(URL)) == (
        "postgresql://ada:****@db.example.com:5432/estate?sslmode=require"
    )


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://u:p%40ss-word@h/d", "p@ss-word"),
        ("postgresql://u:pa#ss-word@h/d", "pa#ss-word"),
        ("postgresql://u:pa@ss/word@h/d", "pa@ss/word"),
        ("postgresql://u@h/d?password=in%2Fquery", "in/query"),
        ("postgresql+psycopg2://u:secret-1@h/d", "secret-1"),
    ],
)
def test_the_password_of_a_url_is_found(url: str, secret: str) -> None:
    assert secret in secrets_of_url(url)


@pytest.mark.parametrize("url", [None, "", "sample", "postgresql://u@h/d", "postgresql://h/d"])
def test_a_url_without_password_has_no_secret(url: str | None) -> None:
    assert secrets_of_url(url) == ()


@pytest.mark.parametrize("word", ["10", "name", "postgres", "lm-studio", "a", "secret", "Portfolio"])
def test_an_ordinary_word_is_masked_only_where_it_is_a_password(word: str) -> None:
    innocent = f"The {word} of 1{word}0 rows; SELECT {word} FROM postgresql.{word}"
    assert mask(innocent, [word]) == innocent
    assert mask(f"postgresql://u:{word}@h/d", [word]) == "postgresql://u:****@h/d"
    assert mask(f"host=h password={word} dbname=d", [word]) == "host=h password=**** dbname=d"
    assert mask(f"password='{word}'", [word]) == "password='****'"


def test_a_password_of_letters_is_not_found_inside_longer_words() -> None:
    assert mask("the rentroll of rentrolls", ["rentroll"]) == "the **** of rentrolls"
    assert mask("sum 12345678 and 9123456780", ["12345678"]) == "sum **** and 9123456780"


def test_passwords_of_other_urls_go_as_well() -> None:
    assert mask("tried redis://:hunter2@cache and http://a.b/c:d@e", []) == (
        "tried redis://:****@cache and http://a.b/c:d@e"
    )


def test_the_form_of_a_record_stays() -> None:
    record = {"password-7": 7, "list": ["x password-7", ("password-7",)], "n": None, "deep": {"a": 7.5}}
    assert mask_all(record, ["password-7"]) == {
        "password-7": 7,
        "list": ["x ****", ["****"]],
        "n": None,
        "deep": {"a": 7.5},
    }


def test_the_keys_of_free_content_are_masked_where_that_is_asked_for() -> None:
    assert mask_all({"password-7": [{"password-7": 1}]}, ["password-7"], keys=True) == {"****": [{"****": 1}]}


@pytest.mark.parametrize("how", list(spelled(CANARY)))
def test_a_text_is_known_to_hold_a_secret_in_every_spelling(how: str) -> None:
    assert holds(f"before {spelled(CANARY)[how]} after", [CANARY])


def test_a_text_without_the_secret_does_not_hold_it() -> None:
    assert not holds("postgresql://ada:another@h/d", [CANARY])
    assert not holds("nothing", [])


@pytest.mark.parametrize("character", ["\\", "'", '"', "$"])
def test_a_secret_of_escaped_characters_takes_no_time_to_look_for(character: str) -> None:
    """A pattern that tries every way to share them out would not come to an end."""
    assert mask(character * 20_000, [character * 30 + "x"]) == character * 20_000
    assert mask(f"a {character * 30}x b", [character * 30 + "x"]) == "a **** b"


@given(st.text(min_size=8, max_size=30).filter(lambda s: not s.isalnum() and s.strip() == s))
def test_no_password_survives_in_a_json_text(secret: str) -> None:
    masked = mask(json.dumps({"error": f"login with {secret} failed"}), [secret])
    assert json.dumps(secret)[1:-1] not in masked


@given(st.text(), st.lists(st.text(max_size=12), max_size=3))
def test_masking_never_fails(text: str, secrets: list[str]) -> None:
    assert isinstance(mask(text, secrets), str)
