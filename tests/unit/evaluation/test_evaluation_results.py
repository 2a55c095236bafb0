"""Result lines, their file, and the figures made of them."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from meta_agent.contracts import LlmUsage
from meta_agent.errors import UsageError
from meta_agent.evaluation.report import NEWEST_FIRST, Conditions, by_system, markdown, plain, write_into
from meta_agent.evaluation.results import FILE_NAME, ResultLine, result_file

CONDITIONS = Conditions(
    command="python -m meta_agent.evaluation",
    model="some-model",
    sha256=None,
    started=datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc),
)


def line(question: str, outcome: str, **changes: Any) -> ResultLine:
    values: dict[str, Any] = {
        "dataset": "shop",
        "category": "count",
        "answerable": True,
        "system": "pipeline",
        "model": "some-model",
        "is_confident": True,
        "sql": ("SELECT 1",),
        "seconds": 2.0,
        "usage": LlmUsage(llm_calls=2, prompt_tokens=100, cached_prompt_tokens=60, completion_tokens=20),
        "error": "",
    }
    return ResultLine.model_validate({**values, "question": question, "outcome": outcome, **changes})


def test_lines_are_on_disk_at_once_and_read_again(tmp_path: Path) -> None:
    with result_file(tmp_path, resume=False) as file:
        file.add(line("q1", "right"))
        assert (tmp_path / FILE_NAME).read_text(encoding="utf-8").count("\n") == 1
        assert file.has("shop", "q1", "pipeline")
        assert not file.has("shop", "q1", "single-call")
    with result_file(tmp_path, resume=True) as file:
        assert file.lines == (line("q1", "right"),)


def test_an_interrupted_file_loses_its_broken_line_only(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), result_file(tmp_path, resume=False) as file:
        file.add(line("q1", "wrong"))
        raise KeyboardInterrupt
    path = tmp_path / FILE_NAME
    path.write_text(path.read_text(encoding="utf-8") + '{"dataset": "sh', encoding="utf-8")
    with result_file(tmp_path, resume=True) as file:
        file.add(line("q2", "right"))
    with result_file(tmp_path, resume=True) as file:
        assert [kept.question for kept in file.lines] == ["q1", "q2"]


def test_old_results_are_never_lost_by_accident(tmp_path: Path) -> None:
    with result_file(tmp_path, resume=False) as file:
        file.add(line("q1", "right"))
    with pytest.raises(UsageError, match="already"), result_file(tmp_path, resume=False):
        pass
    with result_file(tmp_path, resume=True) as file:
        assert len(file.lines) == 1


LINES = (
    line("q1", "right", seconds=1.0),
    line("q2", "wrong", seconds=2.0),
    line("q3", "wrong", seconds=3.0, is_confident=False),
    line("q4", "failed", seconds=4.0),
    line("q5", "abstained", seconds=5.0),
    line("q6", "abstained", seconds=6.0, answerable=False, category="unanswerable"),
    line("q7", "wrong", seconds=7.0, answerable=False, category="unanswerable"),
    line("q1", "failed", system="single-call", seconds=0.5),
)


def test_figures_count_each_outcome_once() -> None:
    pipeline, single = by_system(LINES)
    assert [pipeline.count(o) for o in ("right", "wrong", "abstained", "failed")] == [1, 2, 1, 1]
    assert (pipeline.asked, pipeline.unanswerable, pipeline.declined) == (5, 2, 1)
    assert (
        pipeline.silently_wrong == 2
    )  # one of them to what cannot be answered; the unsure one is not silent
    assert pipeline.executed == "80 %"
    assert pipeline.seconds == (4.0, 7.0)
    assert pipeline.middle("cached_prompt_tokens") == 60
    assert (single.asked, single.executed, single.right_share) == (1, "0 %", "0 %")


def test_the_report_has_a_row_for_every_system_and_category() -> None:
    report = markdown(LINES, CONDITIONS)
    rows = [text for text in report.splitlines() if text.startswith("| ")]
    assert any(
        text.startswith("| pipeline | 1 of 5 (20 %) | 2 | 1 | 1 | 1 of 2 | 2 (29 %) | 80 % |")
        for text in rows
    )
    assert "| count | 1 / 2 / 1 / 1 | 0 / 0 / 0 / 1 |" in rows
    assert "| unanswerable | 1 of 2 declined | – |" in rows
    assert "python -m meta_agent.evaluation" in report
    assert "2026-01-02 03:04" in report
    header = next(text for text in rows if text.startswith("| system"))
    assert all(text.count("|") == header.count("|") for text in rows if text.startswith("| pipeline"))
    assert "1 of 5 right (20 %)" in plain(LINES)


def test_the_newest_table_goes_above_the_older_ones(tmp_path: Path) -> None:
    document = tmp_path / "evaluation.md"
    document.write_text(f"# Words\n\n{NEWEST_FIRST}\nold table\n")
    write_into(document, "new table\n")
    assert document.read_text() == f"# Words\n\n{NEWEST_FIRST}\nnew table\n\nold table\n"
    document.write_text("# Words\n")
    with pytest.raises(UsageError):
        write_into(document, "new table\n")
