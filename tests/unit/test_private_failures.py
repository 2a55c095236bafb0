"""What a model hears of a failure that must not tell it what is stored."""

from __future__ import annotations

import pytest

from meta_agent.contracts import ExecutionResult, GeneratedScript, SqlQuery, ValidationIssue, ValidationResult
from meta_agent.private_failures import private_findings, private_problem

CANARY = "canary"
SOURCE = f"""SQL = '''
SELECT '{CANARY}'
'''
def transform(rows):
    return [{{'x': rows[0]['total']}}]
"""
SCRIPT = GeneratedScript(
    source=SOURCE, template="console_report", queries=(SqlQuery(title="t", sql=f"SELECT '{CANARY}'"),)
)
FRAME = 'Traceback (most recent call last):\n  File "/work/script.py", line 5, in transform\n    x\n'


def problem(output: str, status: str = "failed") -> str:
    result = ExecutionResult(
        status=status,  # type: ignore[arg-type]
        exit_code=1,
        result=None,
        output=CANARY,
        error_output=output,
        seconds=1.0,
    )
    return private_problem(SCRIPT, result)


def logged(message: str) -> str:
    return f"2026-01-02 03:04:05,678 INFO {CANARY}: 3 rows\n2026-01-02 03:04:05,678 ERROR {message}\n"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ('invalid input syntax for type integer: "canary"', "invalid input syntax for type integer"),
        (
            'invalid input syntax for type timestamp with time zone: "canary"',
            "invalid input syntax for type timestamp with time zone",
        ),
        ('date/time field value out of range: "canary"', "date/time field value out of range"),
        ('value "314159265" is out of range for type integer', "a value is out of range for type integer"),
        ("numeric field overflow\nDETAIL:  canary", "numeric field overflow"),
        ("division by zero\nCONTEXT:  canary", "division by zero"),
        ("cannot take logarithm of zero", "cannot take logarithm of zero"),
        ("permission denied for table canary", "permission denied for table"),
        (
            "more than one row returned by a subquery used as an expression",
            "more than one row returned by a subquery used as an expression",
        ),
    ],
)
def test_a_known_message_of_postgresql_without_its_values(message: str, told: str) -> None:
    assert problem(logged(f"The query failed: {message}")) == (
        f"The script ended with exit status 1: PostgreSQL stopped the query: {told}."
    )


@pytest.mark.parametrize(
    "message",
    [
        "canary owes us 17",
        'invalid input syntax for type mood: "canary"',
        'value "x" is out of range for type canary',
        'LINE 1: SELECT "canary"',
        "ungültige Eingabesyntax für Typ integer: »canary«",
        'duplicate key value violates unique constraint "canary"\nDETAIL:  Key (a)=(canary) exists.',
        "",
    ],
)
def test_any_other_message_is_left_out(message: str) -> None:
    told = problem(logged(f"The query failed: {message}"))
    assert told.endswith("its message is left out, because it may quote stored values.")
    assert CANARY not in told


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        ("IndexError: list index out of range", "IndexError{}: list index out of range"),
        ("KeyError: 'total'", "KeyError: 'total'{}"),
        ("KeyError: 'canary'", "KeyError{}: its message is left out, because it may quote stored values"),
        (
            "ValueError: could not convert string to float: 'canary'",
            "ValueError{}: its message is left out, because it may quote stored values",
        ),
        (
            "TypeError: unsupported operand type(s) for +: 'decimal.Decimal' and 'float'",
            "TypeError{}: unsupported operand type(s) for +: 'decimal.Decimal' and 'float'",
        ),
        ("decimal.DivisionByZero: [<class 'canary'>]", "DivisionByZero{}: its message is left out, because"),
        ("ValueError: x\nCanary: division by zero\ncanary", "ValueError{}: its message is left out, because"),
    ],
)
def test_an_exception_is_told_by_its_class_and_line(raised: str, told: str) -> None:
    line = " in the line return [{'x': rows[0]['total']}]"
    found = problem(f"{FRAME}{raised}\n")
    assert told.format(line) in found
    assert CANARY not in found


def test_a_figure_that_cannot_be_shown() -> None:
    known = "transform() must return a list of dictionaries"
    assert known in problem(logged(f"The figures cannot be shown: {known}"))
    assert CANARY not in problem(logged("The figures cannot be shown: canary"))


@pytest.mark.parametrize("output", ["", "canary", "Traceback (most recent call last):\ncanary", FRAME])
def test_output_that_says_nothing_known(output: str) -> None:
    assert CANARY not in problem(output)
    assert "left out" in problem(output)


def test_a_line_outside_the_functions_is_not_told() -> None:
    told = problem(FRAME.replace("line 5", "line 2") + "ZeroDivisionError: division by zero")
    assert told.endswith("ZeroDivisionError: division by zero.") and CANARY not in told


@pytest.mark.parametrize("status", ["out_of_memory", "ok"])
def test_other_ends_hold_no_values_anyway(status: str) -> None:
    assert CANARY not in problem(CANARY, status)


@pytest.mark.parametrize("sql", ["WHERE a = 'canary'", "WHERE a = 'O''canary' AND b", "WHERE a = 'canar"])
def test_findings_lose_the_texts_of_a_query(sql: str) -> None:
    issue = ValidationIssue(rule="r", severity="BLOCK", line=1, message=f"The SQL {sql}… is bad.")
    verdict = ValidationResult(
        is_valid=False, security_score=0, issues=(issue,), estimated_memory_mb=1, estimated_cpu_cores=1
    )
    assert "canar" not in private_findings(verdict)
    assert private_findings(verdict).startswith("The SQL WHERE a = '…'")
