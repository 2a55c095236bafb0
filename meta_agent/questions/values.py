"""Values of parameters: read from the command line, checked, and put where they belong.

In SQL a value becomes a literal of the query's tree, which is written out as a whole afterwards: no
text is ever put together to SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from meta_agent.errors import UsageError
from meta_agent.generators.sql_parsing import NotAQuery, parse_queries, to_sql
from meta_agent.questions.question import Parameter, ParameterType, Question

LONGEST_VALUE = 200
MOST_ROWS_ASKED = 1_000_000
_NUMERIC = frozenset({"year", "count", "integer", "number"})
_SLOT = re.compile(r"\{([a-z][a-z0-9_]*)(\+1)?\}")
_KINDS: dict[ParameterType, str] = {
    "year": "a year of four digits",
    "date": "a date such as 2026-01-31",
    "count": f"a whole number from 1 to {MOST_ROWS_ASKED:,}",
    "integer": "a whole number",
    "number": "a number such as 1.25",
    "text": f"a text of at most {LONGEST_VALUE} ordinary characters",
}

Values = Mapping[str, str]
"""Checked values by the names of their parameters, each in its one spelling."""


def values_for(question: Question, given: Iterable[str]) -> dict[str, str]:
    """All values of a question, those given as ``NAME=VALUE`` in the place of its own. Raises UsageError."""
    known = {parameter.name: parameter for parameter in question.parameters}
    values = {name: checked(parameter, parameter.value) for name, parameter in known.items()}
    for text in given:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise UsageError(f"The parameter {text!r} has no value.", f"Write NAME=VALUE. {_known(question)}")
        if name not in known:
            raise UsageError(f"{question.name} has no parameter {name!r}.", _known(question))
        try:
            values[name] = checked(known[name], value)
        except ValueError as error:
            raise UsageError(f"{name}={value!r} cannot be used: {error}.", _known(question)) from error
    return values


def checked(parameter: Parameter, value: str) -> str:
    """A value in its one spelling. Raises ValueError that says what it should be."""
    text = value.strip()
    found = _READERS[parameter.type](text)
    if found is None:
        raise ValueError(f"it must be {_KINDS[parameter.type]}")
    return found


def filled_sql(sql: str, parameters: Iterable[Parameter], values: Values) -> exp.Query:
    """The query with the values in it, as a tree. Raises NotAQuery where the SQL is not one query."""
    known = {parameter.name: parameter for parameter in parameters}
    tree = one_query(sql)
    for node in list(tree.find_all(exp.Placeholder)):
        if node.name not in known or known[node.name].type not in _NUMERIC:
            raise NotAQuery(f":{node.name} is no parameter that stands for a number.")
        node.replace(number_literal(values[node.name]))
    for text in list(tree.find_all(exp.Literal)):
        if text.is_string and _SLOT.search(text.name):
            text.replace(exp.Literal.string(filled_text(text.name, values)))
    return tree


def one_query(sql: str) -> exp.Query:
    """The only query of a text. Raises NotAQuery."""
    trees = parse_queries(sql)
    if len(trees) != 1:
        raise NotAQuery("Each report has exactly one query.")
    return trees[0]


def number_literal(value: str) -> exp.Expr:
    """A number as a literal; a negative one is the negation of one."""
    literal = exp.Literal.number(value.removeprefix("-"))
    return exp.Neg(this=literal) if value.startswith("-") else literal


def filled_text(text: str, values: Values) -> str:
    """A text with the values in the place of ``{name}``; other braces stay as they are."""

    def value_of(slot: re.Match[str]) -> str:
        value = values.get(slot[1])
        if value is None or (slot[2] and not value.isdecimal()):
            return slot[0]
        return str(int(value) + 1) if slot[2] else value

    return _SLOT.sub(value_of, text)


def worded(text: str, parameters: Iterable[Parameter], values: Values) -> str:
    """A request or title with the values in it, figures as people write them."""
    plain = {parameter.name for parameter in parameters if parameter.type in ("count", "integer", "number")}
    return filled_text(text, {n: f"{Decimal(v):,}" if n in plain else v for n, v in values.items()})


def names_in(sql: str) -> set[str]:
    """The parameters that a query names. Raises NotAQuery."""
    tree = one_query(sql)
    texts = (node.name for node in tree.find_all(exp.Literal) if node.is_string)
    return {node.name for node in tree.find_all(exp.Placeholder)} | {
        slot[1] for text in texts for slot in _SLOT.finditer(text)
    }


def with_names(tree: exp.Query) -> str:
    """A query as it stands in a file, its placeholders as ``:name``."""
    shown = tree.copy()
    for node in list(shown.find_all(exp.Placeholder)):
        node.replace(exp.Var(this=f":{node.name}"))
    return to_sql(shown)


def _known(question: Question) -> str:
    told = [f"{p.name} ({p.type}, now {p.value})" for p in question.parameters]
    return f"Its parameters are {', '.join(told)}." if told else "It has no parameters."


# --- reading ------------------------------------------------------------------------------


def _year(text: str) -> str | None:
    return text if re.fullmatch(r"[1-9][0-9]{3}", text) else None


def _date(text: str) -> str | None:
    try:
        return date.fromisoformat(text).isoformat() if re.fullmatch(r"[0-9-]{10}", text) else None
    except ValueError:
        return None


def _count(text: str) -> str | None:
    found = _integer(text)
    return found if found is not None and 1 <= int(found) <= MOST_ROWS_ASKED else None


def _integer(text: str) -> str | None:
    return str(int(text)) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _number(text: str) -> str | None:
    if not re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,20})?", text):
        return None
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return None


def _text(text: str) -> str | None:
    return text if text and len(text) <= LONGEST_VALUE and text.isprintable() else None


_READERS: dict[ParameterType, Callable[[str], str | None]] = {
    "year": _year,
    "date": _date,
    "count": _count,
    "integer": _integer,
    "number": _number,
    "text": _text,
}
