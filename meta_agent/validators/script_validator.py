"""The validator's entry: a script's text in, the verdict out, whatever the text is.

The layers run in their order; only a script that is no Python stops before the end.
A bad script is a result, never an exception.
"""

from __future__ import annotations

from meta_agent.contracts import Severity, ValidationIssue, ValidationResult
from meta_agent.validators import resources, rules
from meta_agent.validators.best_practices import check_best_practices
from meta_agent.validators.reach import check_requirements
from meta_agent.validators.reading import Script
from meta_agent.validators.second_opinion import second_opinion
from meta_agent.validators.security import check_obscurity, check_security
from meta_agent.validators.sql import check_sql
from meta_agent.validators.syntax import parse_script, text_issues

MOST_ISSUES = 200
_WORST_FIRST: dict[Severity, int] = {"BLOCK": 0, "HIGH": 1, "MEDIUM": 2, "LOW": 3}


class ScriptValidator:
    """Validates generated scripts; keeps nothing between two of them."""

    def validate(
        self, source: str, *, requirements: tuple[str, ...] = (), permitted: tuple[str, ...] = ()
    ) -> ValidationResult:
        """The verdict on ``source`` and on the packages it wants installed.

        ``permitted``: its statements that change rows, where these may be asked about (``row_changes``).
        Findings are in line order, at most 200 of them, the worst kept; the score counts all.
        """
        tree = parse_script(source)
        if isinstance(tree, ValidationIssue):
            return _verdict([tree], resources.UNKNOWN_SCRIPT)
        script = Script(tree)
        issues = [*text_issues(source), *check_requirements(requirements), *_check(script, permitted)]
        issues += second_opinion(source.removeprefix("\ufeff"), issues)
        return _verdict(issues, resources.estimate(script))


def _check(script: Script, permitted: tuple[str, ...]) -> list[ValidationIssue]:
    """Findings of all layers. How well it is made is told only of a script that may run."""
    issues = [*check_security(script), *check_sql(script, permitted)]
    if all(issue.severity not in ("BLOCK", "HIGH") for issue in issues):
        issues += check_best_practices(script)
    return [*issues, *check_obscurity(script)]


def _verdict(found: list[ValidationIssue], needs: tuple[int, float]) -> ValidationResult:
    issues = list({(i.rule, i.line, i.message): i for i in found}.values())
    score = rules.security_score(issues)
    shown = sorted(issues, key=lambda i: (_WORST_FIRST[i.severity], i.line or 0, i.rule, i.message))[
        :MOST_ISSUES
    ]
    return ValidationResult(
        is_valid=rules.accepts(score, issues),
        security_score=score,
        issues=tuple(sorted(shown, key=lambda i: (i.line or 0, _WORST_FIRST[i.severity], i.rule, i.message))),
        estimated_memory_mb=needs[0],
        estimated_cpu_cores=needs[1],
    )
