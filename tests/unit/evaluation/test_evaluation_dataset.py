"""Datasets: what is read, what is refused, what is kept aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meta_agent.errors import UsageError
from meta_agent.evaluation.dataset import PORTFOLIO, Question, Selection, load_dataset


def entry(**changes: Any) -> dict[str, Any]:
    known = {"id": "q1", "db": "shop", "question": "How many?", "category": "count", "ordered": False}
    return {**known, "answerable": True, "gold_sql": ["SELECT 1"], **changes}


def folder_with(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    (tmp_path / "questions.jsonl").write_text("\n".join(json.dumps(e) for e in entries) + "\n")
    return tmp_path


def test_a_folder_is_read_with_its_dumps(tmp_path: Path) -> None:
    dataset = load_dataset(folder_with(tmp_path, entry(), entry(id="q2", instructions="X = 1")))
    assert [question.id for question in dataset.questions] == ["q1", "q2"]
    assert dataset.dump_of("shop") == tmp_path / "shop.sql"
    assert dataset.questions[0].asked == "How many?"
    assert dataset.questions[1].asked == "How many?\n\nDefinitions: X = 1"


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry(), entry()],
        [entry(gold_sql=[])],
        [entry(answerable=False)],
        [entry(surprise=1)],
    ],
)
def test_what_is_no_dataset_is_refused(tmp_path: Path, entries: list[dict[str, Any]]) -> None:
    with pytest.raises(UsageError):
        load_dataset(folder_with(tmp_path, *entries))


def test_a_folder_without_questions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_dataset(tmp_path)


def questions(count: int) -> tuple[Question, ...]:
    return tuple(Question.model_validate(entry(id=f"gen-{n:03d}")) for n in range(count))


def test_about_a_fifth_is_kept_aside_by_its_id_alone() -> None:
    everything = questions(1000)
    aside = Selection(held_out=True).of(everything)
    usual = Selection().of(everything)
    assert 150 < len(aside) < 250
    assert {q.id for q in aside} | {q.id for q in usual} == {q.id for q in everything}
    assert not {q.id for q in aside} & {q.id for q in usual}


def test_the_field_decides_where_there_is_one() -> None:
    everything = tuple(Question.model_validate(entry(id=f"x{n}", held_out=n in (1, 3))) for n in range(5))
    assert [q.id for q in Selection(held_out=True).of(everything)] == ["x1", "x3"]


def test_a_sample_is_the_same_every_time_and_grows_with_its_size() -> None:
    everything = questions(200)
    small, large = Selection(sample=10).of(everything), Selection(sample=30).of(everything)
    assert Selection(sample=10).of(tuple(reversed(everything)))[::-1] == small
    assert len(small) == 10
    assert {q.id for q in small} < {q.id for q in large}
    assert small != everything[:10]


def test_limit_and_ids_choose_as_well() -> None:
    everything = Selection().of(questions(50))
    assert Selection(limit=3).of(everything) == everything[:3]
    assert Selection(ids=frozenset({everything[7].id})).of(everything) == (everything[7],)


def test_the_portfolio_set_is_what_it_claims() -> None:
    dataset = load_dataset(PORTFOLIO)
    answerable = [q for q in dataset.questions if q.answerable]
    unanswerable = [q for q in dataset.questions if not q.answerable]
    assert len(answerable) >= 40
    assert len(unanswerable) >= 10
    for part in (answerable, unanswerable):
        share = sum(q.is_held_out for q in part) / len(part)
        assert 0.15 < share < 0.25
    assert {q.db for q in dataset.questions} == {"portfolio"}


def test_no_question_of_ours_leaks_into_prompts_or_the_glossary(project_dir: Path) -> None:
    places = [*(project_dir / "meta_agent" / "prompts").iterdir(), project_dir / "glossary.yaml"]
    told = "\n".join(place.read_text(encoding="utf-8") for place in places if place.is_file()).lower()
    for question in load_dataset(PORTFOLIO).questions:
        assert question.question.lower() not in told
        assert not any(sql.lower() in told for sql in question.gold_sql)
