"""Resolves the columns of one SELECT, and mends those that have one meaning only.

A repair must never change how many rows a query counts: a table is joined in only
where it adds none, or where the rows it adds are the ones that were asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from meta_agent.contracts import DatabaseSchema, Table
from meta_agent.generators.metric_formulas import Formulas
from meta_agent.generators.sql_joins import (
    Neighbour,
    distinct_meanings,
    join_of,
    links,
    neighbours,
    siblings,
    wants_rows_of,
)
from meta_agent.generators.sql_parsing import (
    aggregates_of,
    calculated_with,
    catalogue_table,
    column_of,
    identifier,
)
from meta_agent.generators.sql_similar import named_with_table, nearest_name, prefixed_name, suggestions
from meta_agent.glossary import normalise


class ScopeNames:
    """The columns of one SELECT, held against the tables and subqueries it reads."""

    def __init__(self, scope: Scope, schema: DatabaseSchema, formulas: Formulas) -> None:
        self.repairs: list[str] = []
        self.problems: list[str] = []
        self.concerned: list[Table] = []
        """Tables that the problems are about."""
        self._scope = scope
        self._schema = schema
        self._formulas = formulas
        self._select: exp.Expr = scope.expression
        self._outputs = {p.alias: p.unalias() for p in getattr(self._select, "selects", []) if p.alias}
        self._added: dict[str, exp.Table] = {}

    def mend(self) -> None:
        """Mend what is clear; fills ``repairs`` and ``problems``."""
        self._mend_all(self._own_columns())

    def _mend_all(self, columns: Iterable[exp.Column]) -> None:
        for column in columns:
            if isinstance(column.this, exp.Star) or self._resolves(column):
                continue
            if not self._mend(column):
                self._report(column)

    # --- what there is -----------------------------------------------------------------

    def _own_columns(self) -> list[exp.Column]:
        """The columns written in this SELECT itself, those of its joins first.

        A subquery's are looked at in the subquery's own turn.
        """
        own = [c for c in self._scope.find_all(exp.Column) if c.find_ancestor(exp.Select) is self._select]
        return sorted(own, key=lambda column: column.find_ancestor(exp.Join) is None)

    def _sources(self) -> dict[str, exp.Table | Scope]:
        return {**self._scope.sources, **self._added}

    def _outer_sources(self) -> dict[str, exp.Table | Scope]:
        """What the queries around a subquery read, the nearest one's names first."""
        outer: dict[str, exp.Table | Scope] = {}
        scope = self._scope
        while scope.is_subquery and scope.parent is not None:
            scope = scope.parent
            outer = {**scope.sources, **outer}
        return outer

    def _names_of(self, source: exp.Table | Scope) -> list[str] | None:
        """The columns of a source; None where they cannot be known (a function, a subquery's ``*``)."""
        if isinstance(source, exp.Table):
            table = self._table(source)
            renamed = source.args.get("alias") is not None and source.args["alias"].columns
            return None if table is None or renamed else [c.name for c in table.columns]
        around = source.expression.parent
        while isinstance(around, exp.SetOperation):
            around = around.parent
        alias = around.args.get("alias") if around is not None else None
        if isinstance(alias, exp.TableAlias) and alias.columns:
            return [column.name for column in alias.columns]
        if not isinstance(source.expression, exp.Query) or source.expression.is_star:
            return None
        names = [projection.output_name for projection in source.expression.selects]
        return names if all(names) else None

    def _table(self, source: exp.Table | Scope) -> Table | None:
        return catalogue_table(source, self._schema) if isinstance(source, exp.Table) else None

    def _tables(self) -> list[tuple[str, Table]]:
        found = ((alias, self._table(source)) for alias, source in self._sources().items())
        return [(alias, table) for alias, table in found if table is not None]

    def _having(self, name: str, sources: dict[str, exp.Table | Scope]) -> list[str]:
        """Aliases of the sources that are known to have the column."""
        return [alias for alias, source in sources.items() if name in (self._names_of(source) or ())]

    # --- what resolves -----------------------------------------------------------------

    def _resolves(self, column: exp.Column) -> bool:
        visible = {**self._outer_sources(), **self._sources()}
        if column.table:
            source = visible.get(column.table)
            return source is not None and self._may_have(source, column.name)
        if column.name in self._outputs and column.find_ancestor(exp.Order, exp.Group) is not None:
            return True
        if column.name in visible or self._is_merged(column.name):
            return True  # a whole row, or the common column of USING
        if len(self._having(column.name, self._sources())) > 1:
            return False
        return any(self._may_have(source, column.name) for source in visible.values())

    def _may_have(self, source: exp.Table | Scope, name: str) -> bool:
        names = self._names_of(source)
        return names is None or name in names

    def _is_merged(self, name: str) -> bool:
        return any(
            join.args.get("method") == "NATURAL"
            or name in [using.name for using in join.args.get("using") or ()]
            for join in self._select.args.get("joins") or ()
        )

    # --- what can be mended ------------------------------------------------------------

    def _mend(self, column: exp.Column) -> bool:
        if not column.table and len(self._having(column.name, self._sources())) > 1:
            return self._use_equated_source(column) or self._use_companion(column)
        return (
            self._use_alias(column)
            or self._use_exact_case(column)
            or self._use_output(column)
            or self._use_formula(column)
            or self._use_foreign_key(column)
            or self._use_other_source(column)
            or self._use_companion(column)
            or self._join_neighbour(column)
            or self._use_nearest_name(column)
            or self._use_prefixed_name(column)
            or self._use_table_word(column)
        )

    def _searched(self, column: exp.Column) -> dict[str, exp.Table | Scope]:
        """Where the column must be: in the source it names, or else in any."""
        sources = self._sources()
        return {column.table: sources[column.table]} if column.table in sources else sources

    def _use_equated_source(self, column: exp.Column) -> bool:
        """An unqualified name that several tables have means the same in all that a join equates in it."""
        having = self._having(column.name, self._sources())
        plain = all(not j.side or j.side == "LEFT" for j in self._select.args.get("joins") or ())
        pairs = {
            frozenset((eq.this.table, eq.expression.table))
            for join in self._select.args.get("joins") or ()
            for eq in join.find_all(exp.EQ)
            if isinstance(eq.this, exp.Column)
            and isinstance(eq.expression, exp.Column)
            and eq.this.name == eq.expression.name == column.name
        }
        if not plain or any(frozenset((having[0], other)) not in pairs for other in having[1:]):
            return False
        return self._rename(column, having[0], column.name)

    def _use_alias(self, column: exp.Column) -> bool:
        """A table's name stands for its alias, which hides it."""
        owners = [
            alias
            for alias, table in self._tables()
            if table.name == column.table and any(c.name == column.name for c in table.columns)
        ]
        return len(owners) == 1 and self._rename(column, owners[0], column.name)

    def _use_formula(self, column: exp.Column) -> bool:
        """A metric of the glossary that is written as if it were stored: its formula takes its place."""
        formula = self._formulas.get(normalise(column.name))
        if formula is None or self._having(column.name, self._sources()):
            return False
        tree = formula.read_from(self._tables())
        if tree is None:
            return False
        meant = exp.paren(tree)
        self.repairs.append(f"{column.name} is computed: {formula.text()}")
        is_output = isinstance(column.parent, exp.Select)
        column.replace(exp.alias_(meant, column.name) if is_output else meant)
        self._mend_all(list(meant.find_all(exp.Column)))
        return True

    def _use_table_word(self, column: exp.Column) -> bool:
        """``loan_balance`` of the table loans is its only number with that word: ``current_balance``."""
        found = [
            (alias, name)
            for alias, table in self._tables()
            if not column.table or column.table == alias
            for name in named_with_table(column.name, table)
        ]
        return len(found) == 1 and self._rename(column, *found[0])

    def _use_exact_case(self, column: exp.Column) -> bool:
        found = [
            (alias, name)
            for alias, source in self._searched(column).items()
            for name in self._names_of(source) or ()
            if name.lower() == column.name.lower()
        ]
        return len(found) == 1 and self._rename(column, *found[0])

    def _use_output(self, column: exp.Column) -> bool:
        """WHERE, HAVING and other outputs may not name an output column: they get its expression."""
        meant = self._outputs.get(column.name)
        if column.table or meant is None or meant.find(exp.Window) is not None:
            return False
        if any(found is column for found in meant.find_all(exp.Column)):
            return False
        place = column.find_ancestor(exp.Where, exp.Having, exp.Join, exp.Select)
        grouped = meant.find(exp.AggFunc) is not None
        if isinstance(place, exp.Join) or (isinstance(place, exp.Where) and grouped):
            return False
        column.replace(exp.paren(meant.copy()))
        self.repairs.append(f"{column.name} stands for the result column of that name")
        return True

    def _use_foreign_key(self, column: exp.Column) -> bool:
        """A guessed join column, where the other side of the comparison is the other end of a foreign key."""
        comparison = column.parent
        if not isinstance(comparison, exp.EQ) or column.find_ancestor(exp.Join) is None:
            return False
        other = comparison.expression if comparison.this is column else comparison.this
        tables = dict(self._tables())
        if not isinstance(other, exp.Column) or column.table not in tables or other.table not in tables:
            return False
        found = list(links(other.table, tables[other.table], tables[column.table]))
        if len(found) != 1 or len(found[0].pairs) != 1 or found[0].pairs[0][0] != other.name:
            return False
        return self._rename(column, column.table, found[0].pairs[0][1])

    def _use_other_source(self, column: exp.Column) -> bool:
        having = self._having(column.name, self._sources())
        if len(having) != 1 or self._is_compared_with(column, having[0]):
            return False
        return self._rename(column, having[0], column.name)

    def _use_companion(self, column: exp.Column) -> bool:
        """Of several tables with the column that one which alone has all others of the same calculation."""
        beside = calculated_with(column)
        having = [
            alias
            for alias in self._having(column.name, self._sources())
            if beside and beside <= set(self._names_of(self._sources()[alias]) or ())
        ]
        return len(having) == 1 and self._rename(column, having[0], column.name)

    def _is_compared_with(self, column: exp.Column, alias: str) -> bool:
        """Whether a join equates the column with one of ``alias``: renamed to it, it would join nothing."""
        comparison = column.parent
        if not isinstance(comparison, exp.EQ) or column.find_ancestor(exp.Join) is None:
            return False
        other = comparison.expression if comparison.this is column else comparison.this
        return isinstance(other, exp.Column) and other.table == alias

    def _use_nearest_name(self, column: exp.Column) -> bool:
        options = [
            (alias, name)
            for alias, source in self._searched(column).items()
            for name in self._names_of(source) or ()
        ]
        near = nearest_name(column.name, (name for _, name in options))
        owners = [alias for alias, name in options if name == near]
        return near is not None and len(owners) == 1 and self._rename(column, owners[0], near)

    def _use_prefixed_name(self, column: exp.Column) -> bool:
        options = [
            (alias, name)
            for alias, source in self._searched(column).items()
            if (name := prefixed_name(column.name, self._names_of(source) or []))
        ]
        return len(options) == 1 and self._rename(column, *options[0])

    def _rename(self, column: exp.Column, owner: str, name: str) -> bool:
        self.repairs.append(f"column {_written(column)} is {owner}.{name}")
        meant = column_of(owner, name)
        column.set("this", meant.this)
        column.set("table", meant.args["table"])
        column.set("db", None)
        return True

    # --- the table that was not joined -------------------------------------------------

    def _join_neighbour(self, column: exp.Column) -> bool:
        """Join the one neighbouring table that has the column, if the rows stay what was asked for."""
        if not isinstance(self._select, exp.Select) or self._having(column.name, self._outer_sources()):
            return False
        options = distinct_meanings(self._select, list(self._neighbours_having(column.name)))
        quiet = [option for option in options if not option.adds_rows(self._schema)]
        chosen = quiet if len(quiet) == 1 and not aggregates_of(self._select) else options
        if len(chosen) != 1:
            return False
        if not quiet and not wants_rows_of(chosen[0].table, column, self._select, self._resolves):
            return False
        alias = self._free_alias(chosen[0].table.name)
        self._pin_unqualified()
        join = join_of(chosen[0], alias, self._schema)
        self._select.append("joins", join)
        self._added[alias] = join.this
        rows = "" if quiet else ", one row for each of its rows"
        self.repairs.append(f"joined {chosen[0].table.name}, which has the column {column.name}{rows}")
        column.set("table", identifier(alias))
        return True

    def _neighbours_having(self, name: str) -> Iterator[Neighbour]:
        joined = [table for _, table in self._tables()]
        for alias, table in self._tables():
            for neighbour in neighbours(alias, table, self._schema):
                if neighbour.table not in joined and any(c.name == name for c in neighbour.table.columns):
                    yield neighbour
            for sibling in siblings(alias, table, self._schema):
                if sibling.table not in joined and any(c.name == name for c in sibling.table.columns):
                    yield sibling

    def _pin_unqualified(self) -> None:
        """Say of what was unambiguous until now, names and stars, which table it is of."""
        sources = self._sources()
        for column in self._own_columns():
            having = self._having(column.name, sources)
            is_output = column.name in self._outputs and column.find_ancestor(exp.Order) is not None
            if not column.table and len(having) == 1 and not is_output:
                column.set("table", identifier(having[0]))
        shown = self._select.expressions
        if any(isinstance(projection, exp.Star) for projection in shown):
            stars = [exp.Column(this=exp.Star(), table=identifier(alias)) for alias in sources]
            rest = [projection for projection in shown if not isinstance(projection, exp.Star)]
            self._select.set("expressions", [*stars, *rest])

    def _free_alias(self, wanted: str) -> str:
        taken = {**self._outer_sources(), **self._sources()}
        alias, number = wanted, 2
        while alias in taken:
            alias, number = f"{wanted}_{number}", number + 1
        return alias

    # --- what is told to the model -----------------------------------------------------

    def _report(self, column: exp.Column) -> None:
        having = self._having(column.name, self._sources())
        owners = [t for t in self._schema.tables if any(c.name == column.name for c in t.columns)]
        if not column.table and len(having) > 1:
            problem = f"The column {column.name} is in {' and in '.join(having)}: say which."
        elif owners:
            names = ", ".join(t.name for t in owners)
            problem = f"There is no column {_written(column)}. {column.name} is a column of {names}."
            problem += self._rows_hint(owners)
        else:
            near = suggestions(column.name, self._known_names())
            hint = f" Similar columns: {', '.join(near)}." if near else ""
            problem = f"There is no column {_written(column)}.{hint}"
        if problem not in self.problems:
            self.problems.append(problem)
        self.concerned += [t for _, t in self._tables()] + owners

    def _known_names(self) -> list[str]:
        return [
            n
            for alias, s in self._sources().items()
            for n in (f"{alias}.{own}" for own in self._names_of(s) or ())
        ]

    def _rows_hint(self, owners: list[Table]) -> str:
        adding = [
            n for alias, t in self._tables() for n in neighbours(alias, t, self._schema) if n.table in owners
        ]
        if len(adding) == 1 and adding[0].adds_rows(self._schema):
            own, many = adding[0].own.name, adding[0].table.name
            return f" A row of {own} has many in {many}: use a subquery over {many}, or EXISTS, not a join."
        return ""


def _written(column: exp.Column) -> str:
    return f"{column.table}.{column.name}" if column.table else column.name
