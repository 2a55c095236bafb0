"""Which statements of a script a person may be asked about, and which scripts never are."""

from __future__ import annotations

import pytest

from meta_agent.validators.row_changes import row_change, row_changes
from meta_agent.validators.script_validator import ScriptValidator

ASKED = (
    "INSERT INTO t (a) VALUES (%s)",
    "INSERT INTO t SELECT a FROM u",
    "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2",
    "UPDATE fin.t SET a = 1 WHERE b = %(x)s",
    "WITH x AS (SELECT 1 AS b) UPDATE t SET a = 1 FROM x WHERE t.b = x.b",
    "DELETE FROM t WHERE a = 1 RETURNING a",
    "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = 1"
    " WHEN NOT MATCHED THEN INSERT (a) VALUES (1)",
)
NEVER_ASKED = (
    "SELECT 1",
    "DROP TABLE t",
    "TRUNCATE t",
    "CREATE TABLE t AS SELECT 1 AS a",
    "GRANT ALL ON t TO PUBLIC",
    "COPY t FROM PROGRAM 'id'",
    "SELECT * INTO x FROM t",
    "DO $$ BEGIN DELETE FROM t; END $$",
    "EXPLAIN ANALYZE DELETE FROM t",
    "UPDATE t SET a = 1; DELETE FROM t",
    "WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x",
    "WITH x AS (UPDATE u SET a = 1 RETURNING a) UPDATE t SET a = 1 WHERE b = 2",
    "UPDATE t SET a = lo_unlink(3) WHERE b = 1",
    "UPDATE t SET a = pg_sleep(9) WHERE b = 1",
    "INSERT INTO t VALUES (dblink('host=elsewhere', 'DROP TABLE t'))",
    "DELETE FROM t WHERE a = nextval('s')",
    "UPDATE pg_catalog.pg_class SET relname = 'x' WHERE relname = 'y'",
    "UPDATE pg_authid SET rolsuper = true WHERE rolname = 'me'",
    "INSERT INTO t SELECT * FROM u FOR UPDATE",
    'DELETE FROM U&"\\0074" WHERE a = 1',
)


@pytest.mark.parametrize("sql", ASKED)
def test_a_change_of_rows_may_be_asked_about(sql: str) -> None:
    change = row_change(sql, 3)
    assert change is not None and (change.line, change.sql) == (3, sql)


@pytest.mark.parametrize("sql", NEVER_ASKED)
def test_anything_else_may_not(sql: str) -> None:
    assert row_change(sql, 1) is None


@pytest.mark.parametrize(
    ("sql", "is_warned"),
    [
        ("UPDATE t SET a = 1", True),
        ("DELETE FROM t", True),
        ("DELETE FROM t -- WHERE a = 1", True),
        ("DELETE FROM t WHERE true", True),
        ("DELETE FROM t WHERE a = 1", False),
        ("INSERT INTO t (a) VALUES (1)", False),
    ],
)
def test_every_row_is_warned_of(sql: str, is_warned: bool) -> None:
    change = row_change(sql, 1)
    assert change is not None
    assert (change.warning is not None and "every row of t" in change.warning) is is_warned


def script(*lines: str) -> str:
    head = (
        "import os",
        "import sys",
        "",
        "import psycopg2",
        "",
        'connection = psycopg2.connect(os.environ["DATABASE_URL"])',
        "cursor = connection.cursor()",
    )
    return "\n".join((*head, *lines)) + "\n"


def verdict(source: str) -> tuple[bool, set[str]]:
    """As a run with --allow-writes comes to it."""
    permitted = tuple(change.sql for change in row_changes(source).statements)
    found = ScriptValidator().validate(source, permitted=permitted)
    return found.is_valid, {issue.rule for issue in found.issues if issue.severity == "BLOCK"}


def test_statements_are_found_with_their_lines_and_then_accepted() -> None:
    source = script(
        'STATEMENT = "UPDATE t " + "SET a = 1 WHERE b = 2"',
        "cursor.execute(STATEMENT)",
        'cursor.execute("DELETE FROM t WHERE a = %s", (4,))',
        'cursor.execute("SELECT count(*) FROM t")',
    )
    changes = row_changes(source)
    assert [(c.line, c.sql) for c in changes.statements] == [
        (9, "UPDATE t SET a = 1 WHERE b = 2"),
        (10, "DELETE FROM t WHERE a = %s"),
    ]
    assert changes.objections == ()
    assert verdict(source) == (True, set())
    assert not ScriptValidator().validate(source).is_valid


@pytest.mark.parametrize("sql", ["DROP TABLE t", "TRUNCATE t", "UPDATE t SET a = pg_sleep(9)"])
def test_beside_a_change_nothing_else_is_let_through(sql: str) -> None:
    source = script('cursor.execute("DELETE FROM t WHERE a = 1")', f'cursor.execute("{sql}")')
    is_valid, blocks = verdict(source)
    assert not is_valid and blocks


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cursor.execute(open('data/x.sql').read())", "not written out"),
        ("cursor.execute('DELETE FROM ' + sys.argv[1])", "not written out"),
        ("cursor.copy_from(open('data/x'), 't')", "copy_from"),
        ("cursor.callproc('wipe')", "callproc"),
        ("connection.lobject(0, 'w')", "lobject"),
        ("import pandas; pandas.DataFrame().to_sql('t', connection)", "to_sql"),
        ("import sqlalchemy", "sqlalchemy"),
    ],
)
def test_a_script_that_could_do_more_than_is_shown_is_objected_to(line: str, why: str) -> None:
    changes = row_changes(script('cursor.execute("DELETE FROM t WHERE a = 1")', line))
    assert len(changes.statements) == 1
    assert any(why in objection for objection in changes.objections)


@pytest.mark.parametrize("source", ["def", "", "x = (" * 500])
def test_what_is_no_python_changes_nothing(source: str) -> None:
    assert row_changes(source).statements == ()
