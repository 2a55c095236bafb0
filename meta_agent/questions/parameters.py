"""Finds what of a question may be another value next time: what its conditions and its request both say.

A literal that the query compares with, or that limits its rows, is a parameter where the same year, date,
figure or name stands in the request. Nothing else is: a threshold of the glossary or a constant of a
formula belongs to the question itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from sqlglot import exp

from meta_agent.contracts import SqlQuery
from meta_agent.questions.question import MOST_PARAMETERS, Parameter, ParameterType
from meta_agent.questions.values import checked, one_query, with_names
from meta_agent.ranking import NUMBER_WORDS, asked_ranking

_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?"
    "|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATES = re.compile(
    rf"\d{{4}}-\d\d-\d\d|\b\d{{1,2}} {_MONTH}\.? \d{{4}}\b|\b{_MONTH}\.? \d{{1,2}},? \d{{4}}\b", re.IGNORECASE
)
_FIGURES = re.compile(
    r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?(k|thousand|m|mm|mn|million|bn|billion)\b)?(?![\w]|[.,]\d|-\d\d?-)"
    r"(\s?(?:%|percent|per cent|pct))?",
    re.IGNORECASE,
)
_UNITS = {"k": 3, "thousand": 3, "m": 6, "mm": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = re.compile(r"(\d{4})(-\d\d-\d\d.*)", re.DOTALL)
_SHORTEST_NAME = 2
_BOUNDS = {exp.GTE: "at_least", exp.GT: "above", exp.LTE: "at_most", exp.LT: "below"}
_TURNED = {exp.GTE: exp.LTE, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.LT: exp.GT}
_DATE_BOUNDS = {
    "at_least": "from_date",
    "above": "after_date",
    "at_most": "until_date",
    "below": "before_date",
}


@dataclass(frozen=True)
class Mention:
    """A value as the request says it."""

    start: int
    end: int
    value: str
    is_percent: bool = False


@dataclass(frozen=True)
class Parametrised:
    """A question with names in the place of its values."""

    parameters: tuple[Parameter, ...]
    queries: tuple[SqlQuery, ...]
    request: str
    said: tuple[tuple[str, str], ...] = ()
    """What the request says in the place of each parameter's name."""

    def worded(self, title: str) -> str:
        """A title with ``{name}`` where it says a parameter's value as the request does."""
        for text, name in self.said:
            title = re.sub(rf"(?<![\w.,{{]){re.escape(text)}(?![\w}}]|[.,]\d)", f"{{{name}}}", title)
        return title


def parametrise(request: str, queries: Sequence[SqlQuery]) -> Parametrised:
    """Give names to the values that both the request and the queries say. Raises NotAQuery."""
    finder = _Finder(request)
    named = [finder.with_parameters(query.sql) for query in queries]
    said = tuple((request[m.start : m.end], p.name) for m, p in finder.parameters.items())
    found = Parametrised(tuple(finder.parameters.values()), (), finder.request_with_names(), said)
    titled = zip(queries, named, strict=True)
    return replace(found, queries=tuple(SqlQuery(title=found.worded(q.title), sql=sql) for q, sql in titled))


class _Finder:
    """Goes through the queries of one question."""

    def __init__(self, request: str) -> None:
        self._request = request
        self._dates = [m for m in map(_date_mention, _DATES.finditer(request)) if m is not None]
        self._figures = list(_figure_mentions(request, self._dates))
        self.parameters: dict[Mention, Parameter] = {}

    def with_parameters(self, sql: str) -> str:
        """The query with its parameters' names in it."""
        tree = one_query(sql)
        for literal in list(tree.find_all(exp.Literal, bfs=False)):
            place = _place_of(literal)
            if place is not None:
                self._name(place)
        return with_names(tree)

    def request_with_names(self) -> str:
        """The request with ``{name}`` where a parameter's value stands."""
        named = {mention: parameter.name for mention, parameter in self.parameters.items()}
        for other in (*self._dates, *self._figures):  # said twice
            same = (p for p in self.parameters.values() if p.type in ("year", "date"))
            name = next((p.name for p in same if p.value == other.value), None)
            if name is not None:
                named.setdefault(other, name)
        text = self._request
        for mention in sorted(named, key=lambda mention: mention.start, reverse=True):
            text = f"{text[: mention.start]}{{{named[mention]}}}{text[mention.end :]}"
        return text

    # --- one literal -----------------------------------------------------------------

    def _name(self, place: _Place) -> None:
        if place.is_limit:
            mention = self._count_mention(place.literal.name)
            self._put_number(place, mention, "count")
        elif not place.literal.is_string:
            self._name_number(place)
        elif (day := _DAY.fullmatch(place.literal.name)) is not None:
            self._name_date(place, day)
        else:
            self._name_text(place)

    def _name_number(self, place: _Place) -> None:
        value = Decimal(place.literal.name)
        for mention in self._figures:
            said = Decimal(mention.value)
            if said == value:
                self._put_number(place, mention, _number_kind(place, mention))
                return
            if mention.is_percent and said == value * 100 and self._take(mention, "number", place):
                hundred = exp.Literal.number("100.0")
                hundredth = exp.Div(this=self._placeholder(mention), expression=hundred, typed=True)
                place.literal.replace(exp.Paren(this=hundredth))
                return

    def _name_date(self, place: _Place, day: re.Match[str]) -> None:
        """A whole date of the request, or one that its year leads to."""
        whole = next((m for m in self._dates if m.value == place.literal.name), None)
        if whole is not None:
            self._put_text(place, whole, "date", "{name}")
            return
        year, rest = day.groups()
        for mention in self._figures:
            if mention.value == year:
                self._put_text(place, mention, "year", "{name}" + rest)
            elif mention.value == str(int(year) - 1) and rest.startswith("-01-01"):
                self._put_text(place, mention, "year", "{name+1}" + rest)
            else:
                continue
            return

    def _name_text(self, place: _Place) -> None:
        text = place.literal.name
        if _YEAR.fullmatch(text):
            mention = next((m for m in self._figures if m.value == text), None)
            self._put_text(place, mention, "year", "{name}")
            return
        bare = text.strip("%") if place.is_pattern else text
        if len(bare) < _SHORTEST_NAME or any(c in bare for c in "{}%_"):
            return
        said = re.search(rf"(?<!\w){re.escape(bare)}(?!\w)", self._request, re.IGNORECASE)
        if said is None:
            return
        mention = Mention(said.start(), said.end(), said[0] if place.folded else bare)
        self._put_text(place, mention, "text", text.replace(bare, "{name}"))

    # --- putting names ----------------------------------------------------------------

    def _put_number(self, place: _Place, mention: Mention | None, kind: ParameterType) -> None:
        if mention is not None and self._take(mention, kind, place):
            place.literal.replace(self._placeholder(mention))

    def _put_text(self, place: _Place, mention: Mention | None, kind: ParameterType, form: str) -> None:
        if mention is None or not self._take(mention, kind, place):
            return
        filled = exp.Literal.string(form.replace("{name", "{" + self.parameters[mention].name))
        place.literal.replace(place.folded(this=filled) if place.folded and kind == "text" else filled)

    def _take(self, mention: Mention, kind: ParameterType, place: _Place) -> bool:
        """Whether the mention is a parameter of this kind, now if it was none before."""
        if mention in self.parameters:
            known = self.parameters[mention].type
            return known == kind or {known, kind} <= {"count", "number"}
        if len(self.parameters) >= MOST_PARAMETERS or any(
            _overlap(mention, other) for other in self.parameters
        ):
            return False
        taken = {parameter.name for parameter in self.parameters.values()}
        try:
            made = Parameter(name=_free_name(place.name_for(kind), taken), type=kind, value=mention.value)
            checked(made, made.value)
        except ValueError:
            return False
        self.parameters[mention] = made
        return True

    def _placeholder(self, mention: Mention) -> exp.Placeholder:
        return exp.Placeholder(this=self.parameters[mention].name)

    def _count_mention(self, count: str) -> Mention | None:
        """Where the request says how many rows it wants."""
        found = [mention for mention in self._figures if mention.value == count and not mention.is_percent]
        if found:
            return found[0]
        ranking = asked_ranking(self._request)
        if ranking is None or str(ranking.count) != count or ranking.count > len(NUMBER_WORDS):
            return None
        word = re.search(rf"\b{NUMBER_WORDS[ranking.count - 1]}\b", self._request, re.IGNORECASE)
        return Mention(word.start(), word.end(), count) if word else None


# --- where a literal stands -----------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """A literal that rows are compared with, or that limits them."""

    literal: exp.Literal
    is_limit: bool = False
    bound: str = ""
    """Such as ``at_least``; empty for an equality."""
    other: exp.Expr | None = None
    """What is compared with it."""

    @property
    def is_year(self) -> bool:
        """Whether the other side is a year."""
        if self.other is None:
            return False
        words = re.findall(r"[a-z]+", self.other.sql(dialect="postgres").lower())
        return "year" in words or "yr" in words

    @property
    def is_pattern(self) -> bool:
        """Whether the literal is a pattern."""
        return isinstance(self.literal.parent, exp.Like | exp.ILike)

    @property
    def folded(self) -> type[exp.Lower | exp.Upper] | None:
        """The function that brings the other side into one case; None where there is none."""
        return type(self.other) if isinstance(self.other, exp.Lower | exp.Upper) else None

    def name_for(self, kind: ParameterType) -> str:
        """What a parameter is called that stands here first."""
        if kind == "year":
            return "year"
        if kind == "count":
            return "limit"
        if kind == "date":
            return _DATE_BOUNDS.get(self.bound, "date")
        return self.bound or self._column() or kind

    def _column(self) -> str:
        column = next(iter(self.other.find_all(exp.Column)), None) if self.other is not None else None
        name = re.sub(r"[^a-z0-9_]", "_", column.name.lower()) if column is not None else ""
        return name[:40] if re.match(r"[a-z]", name) else ""


def _place_of(literal: exp.Literal) -> _Place | None:
    if isinstance(literal.parent, exp.Limit | exp.Fetch):
        return None if literal.is_string else _Place(literal, is_limit=True)
    operand: exp.Expr = literal
    while isinstance(operand.parent, exp.Cast | exp.Paren | exp.Date):
        operand = operand.parent
    around = operand.parent
    if isinstance(around, exp.Between) and operand is not around.this:
        return _Place(
            literal, bound="at_least" if operand is around.args["low"] else "at_most", other=around.this
        )
    if isinstance(around, exp.In) and operand is not around.this:
        return _Place(literal, other=around.this)
    if not isinstance(around, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Like | exp.ILike):
        return None
    is_right = operand is around.expression
    kind = type(around) if is_right else _TURNED.get(type(around), type(around))
    return _Place(literal, bound=_BOUNDS.get(kind, ""), other=around.this if is_right else around.expression)


def _number_kind(place: _Place, mention: Mention) -> ParameterType:
    return "year" if place.is_year and _YEAR.fullmatch(mention.value) else "number"


# --- what the request says --------------------------------------------------------------------


def _date_mention(found: re.Match[str]) -> Mention | None:
    text = re.sub(r"[.,]", "", found[0]).lower()
    words = text.split()
    try:
        if len(words) == 1:
            value = date.fromisoformat(text)
        else:
            day, month = sorted(words[:2], key=lambda word: not word.isdigit())
            value = datetime.strptime(f"{day} {month[:3]} {words[2]}", "%d %b %Y").date()
    except ValueError:
        return None
    return Mention(found.start(), found.end(), value.isoformat())


def _figure_mentions(request: str, dates: Sequence[Mention]) -> Iterator[Mention]:
    for found in _FIGURES.finditer(request):
        end = found.end(2) if found[2] else found.end(1)
        plain = Decimal(found[1].replace(",", ""))
        value = plain.scaleb(_UNITS[found[2].lower()]) if found[2] else plain
        mention = Mention(found.start(), end, format(value, "f"), is_percent=bool(found[3]))
        if not any(_overlap(mention, other) for other in dates):
            yield mention


def _overlap(one: Mention, other: Mention) -> bool:
    return one.start < other.end and other.start < one.end


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name[:36]}_{n}" for n in range(2, MOST_PARAMETERS + 2) if f"{name[:36]}_{n}" not in taken)
