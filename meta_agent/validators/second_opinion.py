"""bandit's second opinion: those of its tests that are right about ordinary data scripts.

Each chosen test stands for a rule of ours, whose severity counts (bandit ranks a hardcoded
password LOW). What our own checks found on the same line in the same class is not told
twice. The tests left out, and why, are in docs/security.md. bandit is imported only here
and only when a script is validated, and whatever goes wrong inside it is no verdict.
"""

from __future__ import annotations

import ast
import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.rules import Rule

_logger = logging.getLogger(__name__)
_FILE_NAME = "./script.py"
_LONGEST_TEXT = 120
_CHOSEN: dict[Rule, str] = {
    rules.DYNAMIC_CODE: "B102 B307 B612",
    rules.SYSTEM_COMMAND: "B601 B602 B604 B605 B606 B607 B609",
    rules.DESERIALISATION: "B301 B302 B403 B506 B614",
    rules.NETWORK_ACCESS: "B310 B312 B321 B323 B401 B402 B411 B412 B415 B501 B502 B503 B504 B507 B615",
    rules.DEBUG_SERVER: "B201",
    rules.OPERATING_SYSTEM: "B103",
    rules.FILE_OUTSIDE_FOLDERS: "B202",
}
"""bandit's tests by our rule for the same harm."""
RULE_OF_TEST: dict[str, Rule] = {test: rule for rule, tests in _CHOSEN.items() for test in tests.split()}


def second_opinion(source: str, found: Iterable[ValidationIssue]) -> Iterator[ValidationIssue]:
    """What bandit finds in ``source`` beyond ``found``; ``# nosec`` comments are not heeded."""
    known = {(issue.line, rules.HARM_OF[issue.rule]) for issue in found}
    for test, line, text in _results(source):
        rule = RULE_OF_TEST[test]
        if (line, rule.harm) not in known:
            what = " ".join(text.split())[:_LONGEST_TEXT].rstrip(". ")
            yield rule.at(line, f"bandit says ({test}): {what}; leave it out.")


def _results(source: str) -> list[tuple[str, int, str]]:
    """Test, line and text of each finding; none where bandit cannot cope with the script.

    bandit reads from top to bottom, so it is shown all imports first: for us the order means nothing.
    """
    tests = _tests()
    from bandit.core import meta_ast, metrics, node_visitor

    measures = metrics.Metrics()
    measures.begin(_FILE_NAME)
    no_nosec_lines: dict[int, set[str]] = {}
    data = io.BytesIO(source.encode("utf-8", "replace"))
    visitor = node_visitor.BanditNodeVisitor(
        _FILE_NAME, data, meta_ast.BanditMetaAst(), tests, False, no_nosec_lines, measures
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
            visitor.generic_visit(ast.Module([*imports, *tree.body], []))
    except Exception as error:  # noqa: BLE001 - a second opinion never ends a run
        _logger.debug("bandit gave up: %s", error)
        return []
    return sorted({(issue.test_id, issue.lineno, issue.text) for issue in visitor.tester.results})


@cache
def _tests() -> Any:
    """The chosen tests; bandit's way of showing warnings and its log are kept from the user."""
    shown = warnings.formatwarning
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bandit.core import config, test_set
    warnings.formatwarning = shown
    logging.getLogger("bandit").setLevel(logging.CRITICAL + 1)
    return test_set.BanditTestSet(config.BanditConfig(), profile={"include": sorted(RULE_OF_TEST)})
