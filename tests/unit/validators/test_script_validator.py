"""The validator as a whole: score, hostile text, requirements, resources, and its properties."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_agent.contracts import Severity, ValidationIssue, ValidationResult
from meta_agent.validators import rules
from meta_agent.validators.rules import ALL_RULES, accepts, may_be_asked_about, security_score
from meta_agent.validators.script_validator import ScriptValidator


def validate(source: str, requirements: tuple[str, ...] = ()) -> ValidationResult:
    return ScriptValidator().validate(source, requirements=requirements)


def rules_of(source: str) -> set[str]:
    return {issue.rule for issue in validate(source).issues}


# --- text that is no script ------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("empty-script", ""),
        ("empty-script", "   \n\n"),
        ("empty-script", '"""Only a docstring."""'),
        ("source-unreadable", "print(1)\n\0"),
        ("source-unreadable", "x = '\ud800'"),
        ("source-too-large", "x = 1\n" * 100_000),
        ("source-too-large", "x = '" + "é" * 300_000 + "'"),
        ("syntax-error", "(" * 400_000),
        ("syntax-error", "x = [" + "[" * 5000 + "]" * 5000 + "]"),
        ("too-deeply-nested", "x = " + "-" * 100_000 + "1"),
        ("too-deeply-nested", "x = " + "not " * 50_000 + "1"),
        ("too-deeply-nested", "x" + ".a" * 3000),
        ("too-deeply-nested", "x = " + "+".join(["1"] * 1000)),
        ("too-deeply-nested", "x = " + "+".join(["1"] * 20_000)),
        ("syntax-error", "x = " + "1" * 10_000),
        ("syntax-error", "def f(:\n  pass"),
        ("syntax-error", "return 1 2"),
        ("syntax-error", "print 'hello'"),
        ("source-encoding", "#!/usr/bin/python\n# vim: set fileencoding=rot13 :\nprint(1)"),
    ],
)
def test_hostile_text_is_a_finding(rule: str, source: str) -> None:
    result = validate(source)
    assert not result.is_valid
    assert result.security_score == 0.0
    assert [issue.rule for issue in result.issues] == [rule]


def test_syntax_error_names_its_line() -> None:
    (issue,) = validate("x = 1\ny = 2\nz = (\n").issues
    assert issue.line == 3


def test_utf8_cookie_and_byte_order_mark_are_fine() -> None:
    assert validate("\ufeff# -*- coding: utf-8 -*-\nprint(1)").issues == ()


@pytest.mark.parametrize(
    "source",
    [
        "x = '\\d'\nprint(x)",
        "".join(f"a{i} = a{i - 1} + 'x'\n" for i in range(1, 5000)) + "print(a4999)",
        "a = 'x'\n" + "a = a + a\n" * 500 + "print(a)",
        "a = 'x' * 1000000000\nprint('y' * 10**9, a)",
        "def f(x): return f(x)\nprint(f(f(f(1))))",
        "a = b\nb = a\ncursor.execute(a + b)",
        "x = {}\nx['a'] = x\nprint(x['a']['a']['a'])",
        "f = lambda: f()\nf()()()",
        "a, (b, *c), a = c, (a, b)\nprint(getattr(a, b))",
        "def f(" + ", ".join(f"a{i}='x'" for i in range(200)) + "): pass\n" + "f('y')\n" * 500,
        "def f(x): cursor.execute(x)\n" * 300 + "f('SELECT 1')\n" * 300,
        "q = 'SELECT 1'\n" + "q += ' '\n" * 2000 + "cursor.execute(q)",
        "cursor.execute('" + "(" * 20_000 + "')",
        "cursor.execute('SELECT " + "(" * 90 + "1" + ")" * 90 + "')",
        "cursor.execute(\"SELECT 'unterminated\")",
        "cursor.execute('SELECT 1 ' + '\\ue000' * 50)",
        "x = f'{1:{2}}' + '%s %d' % (1,) + '{} {}'.format(1) + '%(a)s' % {}\nprint(x)",
        "match command:\n    case [x, *y]:\n        print(x, y)\n",
        "x = 1\n" * 3000 + "print(x)\n" * 3000,
        "def f():\n" + "    return 'x'\n" * 2000 + "print(f())\n" * 2000,
        "X = [" + "'a', " * 20_000 + "]\nfor x in X:\n" + "    print(x + 'b')\n" * 500,
        "print('" + "%0" * 50_000 + "' % 1, '%" + "0" * 100_000 + "' % 1)",
        "print('{" + "a" * 100_000 + "'.format(1))",
        "q = 'grant " + "x" * 100_000 + "'\nr = 'with " + "( " * 50_000 + "'\ncursor.execute(z)",
        "cursor.execute('" + "/*" * 15_000 + "')",
        "".join("    " * i + "while True:\n" for i in range(90)) + "    " * 90 + "x = 1\n",
        "print('" + "a://b" * 80_000 + "')",
        "import os as ｏｓ\nprint(ｏｓ.path)",
        "print('{:>{}}'.format(1, 10**9), '%*d' % (10**9, 1), f'{1:{10**9}}', 'x'.ljust(10**9))\n" * 100,
        "x = 9**9**9**9\ny = 1 << 9**9\nz = int('9'*4000)**2\nprint(round(5, -(10**9)))\n" * 100,
        "print([a+b+c for a in range(1000) for b in range(1000) for c in range(1000)])\n" * 50,
        "x = [[[1]*100 for _ in range(100)] for _ in range(100)]\nprint(x == x, str(x), sorted(x))\n" * 50,
        "x = [1]\n" + "x = [x, x]\n" * 90 + "print(hash(str((x, x))), [x, x] == [x, x])\n",
        "f = lambda x: f(x)\nprint(list(map(lambda y: f(y), range(5000))))\n" * 50,
        "a = 'x'*90000\nb = a + a\n" + "print(a.replace('x', 'yy'), a.join(b), a.translate({9: b}))\n" * 90,
        "".join(f"def f{i}():\n    return f{(i + 1) % 3000}()\n" for i in range(3000)),
        "from flask import request\n" + "open(request.args['x'])\n" * 3000,
        "import threading\n" + "threading.Event().wait()\n" * 3000,
        "x = 1\n" * 90 + "while x:\n    print(x)\n" * 1000,
        "\n".join(f"x{i} = ''.join(chr(c) for c in [{'70,' * 200}])" for i in range(200)),
        "".join(f"n{i} = {i}\nn{i} = {i + 1}\n" for i in range(30))
        + ("import time\ntime.sleep(" + "+".join(f"n{i}" for i in range(30)) + ")\n") * 50,
        "q = 'a'\n" + ("q = q + 'b' + ''.join([" + "'x'," * 300 + "])\n") * 200 + "cursor.execute(q)",
        "import json\nprint(json.loads('" + "[" * 50_000 + "'))",
        "import ast\nprint(ast.literal_eval('" + "(" * 50_000 + "'))",
        "import logging.config\nd = {}\nd['a'] = d\nlogging.config.dictConfig({'a': [d] * 3, **d})\n" * 50,
        "match x:\n" + "".join(f"    case [a{i}, *b{i}] | P(q=[a{i}, *b{i}]): pass\n" for i in range(1000)),
        "from reportlab.platypus import Paragraph\nParagraph('" + "<img " * 90_000 + "')",
    ],
)  # fmt: skip
@pytest.mark.timeout(240)
def test_strange_programs_are_read_to_the_end(source: str) -> None:
    result = validate(source)
    assert 0.0 <= result.security_score <= 1.0
    assert "too-deeply-nested" not in {issue.rule for issue in result.issues}


def test_values_too_long_to_work_out_are_a_finding() -> None:
    chain = "".join(f"a{i} = a{i - 1} + 'x'\n" for i in range(499, 0, -1))
    assert "obscured-code" in rules_of(chain + "a0 = 'q'\ncursor.execute(a499)")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "1, " * 20_000 + "1",
        "SELECT " + "(" * 500 + "1" + ")" * 500,
        'SELECT U&"pg\\005fsleep"(1)',
    ],
)
def test_sql_that_cannot_be_checked_is_a_finding(sql: str) -> None:
    assert "sql-unchecked" in rules_of(f"cursor.execute({sql!r})")


def test_sqlglot_does_not_talk_to_the_user(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        validate("cursor.execute('VACUUM FULL x')\ncursor.execute('EXPLAIN SELECT 1')")
    assert caplog.records == []


def test_many_findings_are_cut_to_the_worst_and_all_scored() -> None:
    result = validate("open('report.csv')\n" * 500 + "eval('1')\n")
    assert len(result.issues) == 200
    assert result.issues[-1].rule == "dynamic-code"
    assert result.security_score == 0.0


def test_secrets_are_not_repeated_in_messages() -> None:
    source = "password = 'hunter2hunter2'\nurl = 'postgresql://me:hunter2hunter2@db/x'\n"
    source += "key = 'AKIAABCDEFGHIJKLMNOP'"
    result = validate(source)
    assert len(result.issues) == 3
    assert not any("hunter2" in issue.message or "AKIA" in issue.message for issue in result.issues)


# --- remarks ------------------------------------------------------------------------------


def test_a_fragment_that_does_not_parse_is_a_remark() -> None:
    result = validate("cursor.execute('SELECT FROM WHERE (')")
    assert result.is_valid
    assert [(issue.rule, issue.severity) for issue in result.issues] == [("sql-unparsed", "LOW")]


def test_careless_script_gets_remarks_and_passes() -> None:
    result = validate("import psycopg2\nconn = psycopg2.connect(host='db', dbname='x')\nprint(conn)")
    assert result.is_valid
    assert {issue.rule for issue in result.issues} == {
        "hardcoded-configuration", "no-error-handling", "no-logging", "connection-not-closed",
    }  # fmt: skip
    assert result.security_score == 0.8


@pytest.mark.parametrize(
    ("rule", "requirement"),
    [
        ("requirement-not-allowed", "evil-package==1.0"),
        ("requirement-source", "https://example.com/x.whl"),
        ("requirement-source", "flask @ git+https://example.com/x"),
        ("requirement-source", "--index-url=https://example.com"),
        ("requirement-source", "-r other.txt"),
        ("requirement-source", "./local"),
    ],
)
def test_requirements_are_checked(rule: str, requirement: str) -> None:
    result = validate("print(1)", ("psycopg2-binary==2.9.13", requirement))
    assert [issue.rule for issue in result.issues] == [rule]
    assert not result.is_valid


def test_ordinary_requirements_pass() -> None:
    wanted = (
        "psycopg2-binary==2.9.13",
        "SQLAlchemy>=2",
        "python_dotenv",
        "pandas[excel]==2.2.0 ; python_version > '3'",
    )
    assert validate("print(1)", wanted).issues == ()


def test_every_package_of_the_run_images_is_allowed() -> None:
    known = Path(rules.__file__).parents[1] / "templates/package/known_packages.txt"
    lines = [line.partition("#")[0].strip() for line in known.read_text(encoding="utf-8").splitlines()]
    pinned = tuple(line for line in lines if line)
    assert len(pinned) > 10
    assert validate("print(1)", pinned).issues == ()


# --- resources ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "memory", "cores"),
    [
        ("print(1)", 64, 0.25),
        ("import psycopg2", 128, 0.5),
        ("import psycopg2, pandas", 320, 1.0),
        ("import pandas", 256, 1.0),
        ("import pandas, matplotlib", 384, 1.0),
        ("from flask import Flask", 256, 1.0),
        ("from concurrent.futures import ThreadPoolExecutor", 64, 2.0),
        ("def broken(", 128, 0.5),
    ],
)
def test_resources_follow_the_imports(source: str, memory: int, cores: float) -> None:
    result = validate(source)
    assert (result.estimated_memory_mb, result.estimated_cpu_cores) == (memory, cores)


@given(
    st.sets(
        st.sampled_from(
            [
                "psycopg2",
                "pandas",
                "numpy",
                "matplotlib",
                "flask",
                "openpyxl",
                "reportlab",
                "scipy",
                "threading",
                "PIL",
            ]
        )
    )
)
def test_resources_stay_within_their_bounds(modules: set[str]) -> None:
    result = validate("print(1)\n" + "".join(f"import {module}\n" for module in modules))
    assert 64 <= result.estimated_memory_mb <= 1024
    assert 0.25 <= result.estimated_cpu_cores <= 2.0


# --- score ----------------------------------------------------------------------------------


def issue(rule: str, severity: Severity) -> ValidationIssue:
    return ValidationIssue(rule=rule, severity=severity, line=1, message="x.")


def test_score_counts_the_worst_of_each_class() -> None:
    assert security_score([]) == 1.0
    assert security_score([issue("file-misplaced", "MEDIUM")] * 5) == 0.8
    assert security_score([issue("file-misplaced", "MEDIUM"), issue("file-outside-folders", "HIGH")]) == 0.5
    assert security_score([issue("file-misplaced", "MEDIUM"), issue("endless-loop", "HIGH")]) == 0.3
    assert security_score([issue("dynamic-code", "BLOCK"), issue("endless-loop", "HIGH")]) == 0.0


def test_remarks_together_cost_a_fifth_at_most() -> None:
    low = [issue(rule.name, "LOW") for rule in ALL_RULES if rule.severity == "LOW"]
    assert len(low) >= 5
    assert security_score(low) == 0.8
    assert security_score(low[:1]) == 0.95


@pytest.mark.parametrize(
    ("score", "severity", "accepted", "asked_about"),
    [
        (0.7, "MEDIUM", True, True),
        (0.69, "MEDIUM", False, True),
        (0.5, "HIGH", False, True),
        (0.49, "HIGH", False, False),
        (0.9, "BLOCK", False, False),
    ],
)
def test_a_script_is_accepted_asked_about_or_refused(
    score: float, severity: Severity, accepted: bool, asked_about: bool
) -> None:
    issues = [issue("file-misplaced", severity)]
    assert (accepts(score, issues), may_be_asked_about(score, issues)) == (accepted, asked_about)


def test_how_well_it_is_made_is_told_only_of_a_script_that_may_run() -> None:
    careless = "import psycopg2\nconn = psycopg2.connect(host='db', dbname='x')\nprint(conn)\n"
    assert {issue.severity for issue in validate(careless).issues} == {"LOW"}
    assert rules_of(careless + "while True: pass") == {"endless-loop"}


def test_a_block_is_never_accepted() -> None:
    assert not accepts(0.9, [issue("dynamic-code", "BLOCK")])
    assert accepts(0.7, [issue("file-misplaced", "MEDIUM")])
    assert not accepts(0.69, [])
