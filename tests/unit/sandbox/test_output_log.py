from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meta_agent.sandbox.output_log import OutputLog, escape_controls


def logged(*chunks: bytes, limit: int = 10_000) -> tuple[OutputLog, list[str]]:
    handed_on: list[str] = []
    log = OutputLog(limit, handed_on.append)
    for chunk in chunks:
        log.feed(chunk)
    log.close()
    return log, handed_on


def test_whole_lines_are_handed_on_as_they_come() -> None:
    log, handed_on = logged(b"one\ntw", b"o\nthree")
    assert handed_on == ["one", "two", "three"]
    assert log.text == "one\ntwo\nthree"


def test_a_character_cut_between_two_chunks_is_kept() -> None:
    euro = "€".encode()
    assert logged(euro[:1], euro[1:])[0].text == "€"


def test_a_line_end_cut_between_two_chunks_is_kept() -> None:
    assert logged(b"a\r", b"\nb\r\n")[0].text == "a\nb\n"


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert logged(b"\xff\xfeok")[0].text == "\ufffd\ufffdok"


def test_terminal_sequences_are_spelled_out() -> None:
    assert escape_controls("\x1b[2J\x07\r\x9b1m\u202eabc\n\t") == "\\x1b[2J\\x07\\x0d\\x9b1m\\u202eabc\n\t"


def test_the_limit_cuts_and_counts() -> None:
    log, _ = logged(b"x" * 60, b"y" * 60, limit=100)
    assert log.text == "x" * 60 + "y" * 40
    assert log.dropped_bytes == 20


def test_an_endless_line_is_handed_on_in_pieces() -> None:
    log, handed_on = logged(b"x" * 20_000, b"x" * 5, limit=100_000)
    assert len(handed_on) == 2
    assert log.text == "x" * 20_005


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(0, 300))
def test_nothing_dangerous_is_ever_shown(chunks: list[bytes], limit: int) -> None:
    log, handed_on = logged(*chunks, limit=limit)
    assert not any((c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" for c in log.text)
    assert log.dropped_bytes == max(0, sum(map(len, chunks)) - limit)
    assert "".join(handed_on).replace("\n", "") == log.text.replace("\n", "")
