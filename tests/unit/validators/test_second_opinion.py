"""bandit's second opinion: mapped to our rules, told once, blind to ``nosec``, never in the way."""

from __future__ import annotations

import subprocess
import sys

import pytest

from meta_agent.validators import rules, second_opinion
from meta_agent.validators.script_validator import ScriptValidator

TAPE = "import tarfile\ntarfile.open('data/x.tar').extractall('data')\n"


def opinions(source: str) -> list[tuple[str, int | None]]:
    return [(issue.rule, issue.line) for issue in second_opinion.second_opinion(source, [])]


@pytest.mark.parametrize(
    ("rule", "line", "source"),
    [
        ("dynamic-code", 1, "exec('x = 1')"),
        ("system-command", 2, "import os\nos.system('ls')"),
        ("deserialisation", 2, "import yaml\nyaml.load('a')"),
        ("network-access", 2, "import urllib.request\nurllib.request.urlopen('http://example.com')"),
        ("debug-server", 3, "from flask import Flask\napp = Flask(__name__)\napp.run(debug=True)"),
        ("operating-system", 2, "import os\nos.chmod('results', 0o777)"),
        ("file-outside-folders", 2, TAPE),
    ],
)
def test_a_chosen_test_stands_for_a_rule_of_ours(rule: str, line: int, source: str) -> None:
    assert (rule, line) in opinions(source)


def test_nosec_comments_are_not_heeded() -> None:
    assert opinions("exec('x = 1')  # nosec") == opinions("exec('x = 1')") != []


def test_the_order_of_imports_does_not_matter() -> None:
    first, second = TAPE.splitlines()
    assert {rule for rule, _ in opinions(f"{second}\n{first}")} == {rule for rule, _ in opinions(TAPE)}


def test_what_we_found_on_the_line_is_not_told_again() -> None:
    ours = [rules.DYNAMIC_CODE.at(1, "Ours.")]
    assert list(second_opinion.second_opinion("exec('x = 1')", ours)) == []
    elsewhere = [rules.DYNAMIC_CODE.at(7, "Ours.")]
    assert len(list(second_opinion.second_opinion("exec('x = 1')", elsewhere))) == 1


def test_the_validator_asks_for_it() -> None:
    (issue,) = [i for i in ScriptValidator().validate(TAPE).issues if "bandit" in i.message]
    assert (issue.rule, issue.severity, issue.line) == ("file-outside-folders", "HIGH", 2)
    assert issue.message.endswith("; leave it out.")


@pytest.mark.parametrize(
    "source",
    [
        "password = 'x' * 3\nassert password",
        "import random, hashlib\nprint(random.random(), hashlib.md5(b''))",
    ],
)
def test_tests_that_are_wrong_about_data_scripts_are_left_out(source: str) -> None:
    assert opinions(source) == []


def test_a_failure_inside_bandit_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    from bandit.core.node_visitor import BanditNodeVisitor

    def fail(*_: object) -> None:
        raise KeyError("lineno")

    monkeypatch.setattr(BanditNodeVisitor, "generic_visit", fail)
    assert opinions("exec('x = 1')") == []
    assert ScriptValidator().validate("exec('x = 1')").security_score == 0.0


def test_bandit_neither_talks_nor_changes_how_warnings_look() -> None:
    """In a fresh interpreter, since bandit does both when it is first imported."""
    program = (
        "import warnings; shown = warnings.formatwarning\n"
        "from meta_agent.validators.script_validator import ScriptValidator\n"
        f"issues = ScriptValidator().validate({TAPE!r} + 'x = \"\\\\d\"').issues\n"
        "print(len(issues), warnings.formatwarning is shown)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ran.stdout.split(), ran.stderr) == (["2", "True"], "")
