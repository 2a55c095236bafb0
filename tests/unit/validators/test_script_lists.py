"""Every good script passes with nothing worse than a remark; every bad one is refused for its one defect."""

from __future__ import annotations

import pytest
from script_lists import BAD, GOOD, HERE

from meta_agent.contracts import ValidationResult
from meta_agent.validators.rules import ALL_RULES
from meta_agent.validators.script_validator import ScriptValidator


def describe(result: ValidationResult) -> str:
    return "\n".join(f"{i.line}: {i.severity} {i.rule}: {i.message}" for i in result.issues)


def test_lists_are_long_enough() -> None:
    assert len(GOOD) >= 40
    assert len(BAD) >= 60


@pytest.mark.parametrize("source", [pytest.param(text, id=title) for title, text in GOOD])
def test_good_script_is_accepted_with_remarks_at_most(source: str) -> None:
    result = ScriptValidator().validate(source)
    assert result.is_valid, describe(result)
    assert {issue.severity for issue in result.issues} <= {"LOW"}, describe(result)


@pytest.mark.parametrize(
    ("rule", "source"), [pytest.param(rule, text, id=f"{rule}: {title}") for rule, title, text in BAD]
)
def test_bad_script_is_refused_for_its_defect(rule: str, source: str) -> None:
    result = ScriptValidator().validate(source)
    assert not result.is_valid, describe(result)
    assert rule in {issue.rule for issue in result.issues}, describe(result)


@pytest.mark.parametrize(
    ("rule", "source"), [pytest.param(rule, text, id=f"{rule}: {title}") for rule, title, text in BAD]
)
def test_every_finding_is_one_sentence(rule: str, source: str) -> None:
    for issue in ScriptValidator().validate(source).issues:
        assert issue.rule in {known.name for known in ALL_RULES}
        assert issue.message.endswith(".")
        assert "\n" not in issue.message
        assert len(issue.message) < 300


@pytest.mark.parametrize("rule", [rule.name for rule in ALL_RULES if rule.severity in ("BLOCK", "HIGH")])
def test_every_refusing_rule_has_a_bad_script_or_a_test_of_its_own(rule: str) -> None:
    own_tests = (HERE / "test_script_validator.py").read_text(encoding="utf-8")
    assert rule in {name for name, _, _ in BAD} or f'"{rule}"' in own_tests
