from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.executors.script_result import RESULT_BYTES, read_script_result


def test_a_result_is_read() -> None:
    raw = b'{"tables": [{"title": "T", "columns": ["a"], "rows": [{"a": 1.25}]}], "summary": {"n": 1}}'
    result, warnings = read_script_result(raw)
    assert result is not None
    assert result.tables[0].rows == ({"a": 1.25},)
    assert result.summary == {"n": 1}
    assert warnings == ()


def test_no_file_is_no_result_and_no_warning() -> None:
    assert read_script_result(None) == (None, ())


def test_numbers_that_are_none_become_null() -> None:
    raw = b'{"summary": {"a": NaN, "b": -Infinity, "c": 1e999, "d": 2.5}}'
    result, warnings = read_script_result(raw)
    assert result is not None
    assert result.summary == {"a": None, "b": None, "c": None, "d": 2.5}
    assert warnings == ("3 numbers were NaN or Infinity and are shown empty.",)


def test_half_characters_do_not_break_later_output() -> None:
    result, _ = read_script_result(b'{"summary": {"a": "\\ud800x", "b": "\\ud83d\\ude00"}}')
    assert result is not None
    assert result.summary == {"a": "?x", "b": "\U0001f600"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"tables": 3}',
        b'{"unknown": 1}',
        b'{"tables": [{"title": "t"}]}',
        b"[" * 100_000,
        b'{"summary": {"a": ' + b"9" * 5000 + b"}}",
        b"x" * (RESULT_BYTES + 1),
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_cannot_be_read_is_a_warning(raw: bytes) -> None:
    result, warnings = read_script_result(raw)
    assert result is None
    assert len(warnings) == 1
    assert warnings[0].startswith("results/result.json ")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(raw: bytes) -> None:
    result, warnings = read_script_result(raw)
    assert result is not None or len(warnings) == 1


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.text(), st.floats())))
def test_whatever_was_read_can_be_written_as_json(summary: dict[str, object]) -> None:
    result, _ = read_script_result(json.dumps({"summary": summary}).encode())
    assert result is not None
    assert json.loads(result.model_dump_json())["summary"].keys() == result.summary.keys()
