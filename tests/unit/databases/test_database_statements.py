from __future__ import annotations

import pytest

from meta_agent.databases.statements import objection_to

ONE_SELECT = [
    "SELECT 1",
    "select 1;",
    "SELECT 1 ; -- done\n ;",
    "  /* a; /* nested; */ b; */ SELECT 1",
    "WITH x AS (SELECT 1) SELECT * FROM x",
    "((SELECT 1) UNION (SELECT 2))",
    "VALUES (1), (2)",
    "TABLE t",
    "SELECT ';'",
    'SELECT 1 AS ";"',
    "SELECT $$;$$, $tag$ ; $$ ; $tag$",
    "SELECT 'it''s;'",
    "SELECT '\\d+;'",
    'SELECT U&"a\\003b; b" FROM t',
    "SELECT E'it\\'s'",
    "-- first; line\nSELECT 1",
]

NOT_ONE = [
    "SELECT 1; SELECT 2",
    "SELECT 1; COMMIT; DROP TABLE t",
    "SELECT 'a'; DROP TABLE t; SELECT 'b'",
    "SELECT $1$a$; DROP TABLE t; SELECT 1",
    # A character that Python holds for a symbol and PostgreSQL for a letter: no dollar quote begins here.
    "SELECT 1 AS €$a$; DROP TABLE t; SELECT 1 AS €$a$",
    "SELECT 1 AS x$a$; DROP TABLE t; SELECT 1 AS x$a$",
    # An escaped quote: to PostgreSQL the string ends at the second quote that is not escaped.
    "SELECT E'\\'; DROP TABLE t; --'",
    "SELECT e'\\'; DROP TABLE t; --'",
    "SELECT 1 AS e, E'\\\\'; DROP TABLE t",
    "SELECT E'a'\n'\\'; DROP TABLE t; --'",
    "SELECT /* ; */ 1; DROP TABLE t",
    "SELECT 1 -- ;\n; DROP TABLE t",
]


@pytest.mark.parametrize("sql", ONE_SELECT)
def test_one_select_passes(sql: str) -> None:
    assert objection_to(sql) is None


@pytest.mark.parametrize("sql", NOT_ONE)
def test_more_than_one_statement_is_refused(sql: str) -> None:
    assert objection_to(sql) == "Only one statement may be asked, and this is more than one."


@pytest.mark.parametrize("sql", ["", "  ", ";", "-- nothing", "/* nothing"])
def test_nothing_is_refused(sql: str) -> None:
    assert objection_to(sql) == "The query is empty."


@pytest.mark.parametrize("verb", ["DELETE", "ANALYZE", "EXPLAIN", "COPY", "EXECUTE", "SET", "DO"])
def test_other_statements_are_refused_by_name(verb: str) -> None:
    assert objection_to(f"/* SELECT */ {verb.lower()} something") == (
        f"Only a SELECT may be asked, and this begins with {verb}."
    )


@pytest.mark.parametrize("sql", ["SELECT '\0'", "SELECT '\ud800'"])
def test_characters_no_database_can_hold(sql: str) -> None:
    assert objection_to(sql) == "The query holds characters that no database text can hold."
