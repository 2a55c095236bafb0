# ruff: noqa: E501 - examples stay on one line
from __future__ import annotations

from pathlib import Path

import pytest

from meta_agent.errors import UsageError
from meta_agent.glossary import Glossary, load_glossary, normalise

SHIPPED = load_glossary(Path(__file__).parents[2] / "glossary.yaml")


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("What is the DSCR of all properties?", ["DSCR"]),
        ("DSCRs, please", ["DSCR"]),
        ("the Debt-Service Coverage of Orlando", ["DSCR"]),
        ("loan-to-value and loan to value ratios", ["LTV"]),
        ("NOI and cap rates by city", ["NOI", "cap rate"]),
        ("debt_yields", ["debt yield"]),
        ("the vacancy", ["vacancy"]),
        ("occupancies", ["occupancy"]),
        ("annoying noise and ltvx", []),
        ("", []),
    ],
)
def test_a_request_brings_its_definitions(text: str, metrics: list[str]) -> None:
    assert [metric.name for metric in SHIPPED.mentioned_in(text)] == metrics


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Debt-Service_Coverages", "debt service coverage"),
        ("properties", "property"),
        ("taxes classes statuses", "tax class statuse"),
        ("gross bus gas", "gross bus gas"),
        ("Größe_m2", "größe m2"),
        ("--", ""),
    ],
)
def test_words_are_compared_in_one_form(written: str, normal: str) -> None:
    assert normalise(written) == normal


@pytest.mark.parametrize(
    "column", ["noi", "Total_NOI", "sum_noi", "annual_debt_service", "leased_square_feet", "count"]
)
def test_what_adds_up(column: str) -> None:
    assert SHIPPED.is_additive(column)


@pytest.mark.parametrize(
    "column",
    ["cap_rate", "avg_noi", "noi_per_unit", "year", "interest_rate", "rent_psf", "noi_growth", "running_noi", "city", "",
     "max_rent", "rent_rank"],
)  # fmt: skip
def test_what_does_not_add_up(column: str) -> None:
    assert not SHIPPED.is_additive(column)


def test_a_column_is_rated_by_the_metric_of_its_name() -> None:
    for column in ("dscr", "DSCR", "debt_service_coverage_ratio", "Coverage Ratio"):
        metric = SHIPPED.metric_of_column(column)
        assert metric is not None
        assert [threshold.label for threshold in metric.thresholds] == ["Strong", "Acceptable", "Risky"]
    assert SHIPPED.metric_of_column("dscr_change") is None


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "glossary.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


ENTRY = "metrics:\n  - {name: A, meaning: aa, formula: x, "


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("metrics: [", "is not valid YAML at line 1"),
        ("- a\n- b\n", "has a wrong entry: "),
        ("metrics:\n  - {name: A}\n", "at metrics.0.meaning: Field required"),
        ("metrics:\n  - {name: '?', meaning: a, formula: b}\n", "at least one letter or digit"),
        (f"{ENTRY}colour: red}}\n", "at metrics.0.colour: Extra inputs are not permitted"),
        (
            f"{ENTRY}thresholds: [{{at_least: 1, label: x}}, {{at_least: 2, label: y}}]}}\n",
            "from the highest",
        ),
        (
            f"{ENTRY}thresholds: [{{at_least: 1, label: x}}, {{at_least: 1, label: y}}]}}\n",
            "from the highest",
        ),
        (
            f"{ENTRY}thresholds: [{{label: x}}, {{at_least: 2, label: y}}]}}\n",
            "only the last without at_least",
        ),
        (f"{ENTRY}thresholds: [{{at_least: no idea, label: y}}]}}\n", "at metrics.0.thresholds.0.at_least"),
        (
            f"{ENTRY}synonyms: [b]}}\n  - {{name: B, meaning: bb, formula: y}}\n",
            "'b' stands for both A and B",
        ),
        (b"metrics: \xff", "cannot be read"),
    ],
)
def test_errors_are_said_in_words(tmp_path: Path, text: str | bytes, cause: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        load_glossary(path)
    assert cause in caught.value.cause
    assert str(path) in caught.value.cause
    assert "\n" not in caught.value.cause
    assert caught.value.remedy


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_glossary(tmp_path / "none.yaml")


def test_an_empty_file_defines_nothing(tmp_path: Path) -> None:
    assert load_glossary(written(tmp_path, "# nothing\n")) == Glossary()


def test_thresholds_may_include_zero_and_less(tmp_path: Path) -> None:
    text = f"{ENTRY}thresholds: [{{at_least: 0, label: x}}, {{at_least: -1.5, label: y}}, {{label: z}}]}}\n"
    assert len(load_glossary(written(tmp_path, text)).metrics[0].thresholds) == 3
