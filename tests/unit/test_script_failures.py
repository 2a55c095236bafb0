"""What a failed script says last, as a person is told it."""

from __future__ import annotations

import pytest

from meta_agent.script_failures import last_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Traceback\nValueError: no figure\n\n", "ValueError: no figure"),
        (
            '2026-01-01 10:00:00,123 ERROR The query failed: no column "noi"\nLINE 3:   noi\n          ^',
            'The query failed: no column "noi"',
        ),
        ("LINE 3: x\n^", ""),
        ("", ""),
        ("x" * 400, "x" * 300),
    ],
)
def test_the_last_line_that_says_something(text: str, line: str) -> None:
    assert last_line(text) == line
