"""Reads SQL into trees in which names are spelled as PostgreSQL understands them.

PostgreSQL folds unquoted names to lower case: ``AS DSCR`` gives a column ``dscr``. In
the trees made here that has happened already, so that names can be compared with the
catalogue, and with the columns of a result, letter by letter.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.tokenizer_core import Token, TokenType

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.databases.names import quote_name, without_escapes

DIALECT = "postgres"
_LONGEST_SQL = 50_000


class NotAQuery(Exception):
    """The text holds something else than SELECT queries; the message says what, in one sentence."""


def parse_queries(sql: str) -> list[exp.Query]:
    """The queries of a text, at least one. Raises NotAQuery."""
    if not sql.strip():
        raise NotAQuery("There is no SQL in the answer.")
    if len(sql) > _LONGEST_SQL:
        raise NotAQuery("The SQL is far too long.")
    try:
        trees = [tree for tree in _parsed(sql) if tree is not None]
        queries = [normalize_identifiers(tree, dialect=DIALECT) for tree in trees]
    except (SqlglotError, RecursionError, ValueError) as error:
        raise NotAQuery(f"The SQL does not parse: {_plain(str(error))}") from error
    for query in queries:
        if not isinstance(query, exp.Query):
            raise NotAQuery("Only SELECT queries are possible.")
    if not queries:
        raise NotAQuery("There is no SQL in the answer.")
    return [query for query in queries if isinstance(query, exp.Query)]


def _parsed(sql: str) -> list[exp.Expr | None]:
    dialect = Dialect.get_or_raise(DIALECT)
    return dialect.parser().parse(list(_with_plain_names(dialect.tokenize(sql))), sql)


def _with_plain_names(tokens: list[Token]) -> Iterator[Token]:
    """Names in escapes (``U&"two\\000alines"``), which sqlglot does not know, become usual quoted ones."""
    place = 0
    while place < len(tokens):
        first, *rest = tokens[place : place + 3]
        if first.text in ("U", "u") and _is_escaped_name(first, rest):
            name = rest[1]
            yield Token(
                TokenType.IDENTIFIER, without_escapes(name.text), name.line, name.col, first.start, name.end
            )
            place += 3
        else:
            yield first
            place += 1


def _is_escaped_name(first: Token, rest: list[Token]) -> bool:
    """Whether ``&`` and a quoted name follow without a blank."""
    return (
        [token.token_type for token in rest] == [TokenType.AMP, TokenType.IDENTIFIER]
        and first.end + 1 == rest[0].start
        and rest[0].end + 1 == rest[1].start
    )


def to_sql(tree: exp.Expr) -> str:
    """The query as PostgreSQL takes it, over several lines."""
    return tree.sql(dialect=DIALECT, pretty=True)


def identifier(name: str) -> exp.Identifier:
    """A name, quoted where PostgreSQL would otherwise read another one."""
    return exp.to_identifier(name, quoted=quote_name(name) != name)


def column_of(owner: str, name: str) -> exp.Column:
    """``owner.name``; ``owner`` is an alias of the query."""
    return exp.Column(this=identifier(name), table=identifier(owner))


def leaf_selects(tree: exp.Expr) -> list[exp.Select]:
    """The SELECTs whose rows a query returns: itself, or the branches of its unions."""
    if isinstance(tree, exp.Select):
        return [tree]
    if isinstance(tree, exp.SetOperation):
        return [*leaf_selects(tree.this), *leaf_selects(tree.expression)]
    return leaf_selects(tree.this) if isinstance(tree, exp.Subquery) else []


def aggregates_of(select: exp.Expr) -> list[exp.Expr]:
    """The aggregates and window functions of a SELECT itself, those of its subqueries left out."""
    found = select.find_all(exp.AggFunc, exp.Window)
    return [node for node in found if node.find_ancestor(exp.Select) is select]


def calculated_with(column: exp.Column) -> set[str]:
    """Names of the other columns in the same calculation."""
    around = column.parent
    while isinstance(around, exp.Binary | exp.Paren | exp.Nullif) and isinstance(
        around.parent, exp.Binary | exp.Paren | exp.Nullif
    ):
        around = around.parent
    if not isinstance(around, exp.Binary | exp.Paren | exp.Nullif):
        return set()
    return {other.name for other in around.find_all(exp.Column)} - {column.name}


def catalogue_table(source: exp.Table, schema: DatabaseSchema) -> Table | None:
    """The catalogue's entry for a table of a query; None for a function, a CTE's name, an unknown table."""
    if not isinstance(source.this, exp.Identifier):
        return None
    wanted = (source.db or schema.default_schema, source.name)
    found = next((t for t in schema.tables if (t.schema_name, t.name) == wanted), None)
    return None if found is not None and not source.db and _is_cte(source) else found


def _is_cte(source: exp.Table) -> bool:
    """Whether a WITH around the table gives its name to a subquery, which hides a table of that name."""
    around = source.parent
    while around is not None:
        if any(cte.alias_or_name == source.name for cte in getattr(around, "ctes", ())):
            return True
        around = around.parent
    return False


def _plain(text: str) -> str:
    """sqlglot underlines its findings with terminal codes."""
    return " ".join(text.replace("\x1b[4m", "").replace("\x1b[0m", "").split())[:400]
