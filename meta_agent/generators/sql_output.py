"""Gives every result column a name of its own.

Rows are read as dictionaries: of two columns with one name, the second would
silently replace the first. And what has no name (``COUNT(*)``) cannot be totalled or
compared, so it gets the one its expression suggests.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.optimizer.scope import build_scope

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.sql_origin import origin_of
from meta_agent.generators.sql_parsing import catalogue_table, column_of, identifier


def name_outputs_apart(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Spell out stars, drop what stands twice, name what has no name of its own; one line for each kind.

    Only the outermost query counts; of a union, its first branch gives the names.
    """
    united = isinstance(tree, exp.SetOperation)
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if not isinstance(select, exp.Select):
        return []
    if not united:
        _spell_out_stars(select, schema)
    if select.is_star:
        return []
    return _rename(select, drop_twins=not united and select.args.get("distinct") is None)


def show_what_ranks(tree: exp.Expr) -> list[str]:
    """Show the figure by which the first rows were chosen, where the query does not; one line for it.

    "The five highest" says little without how high they are.
    """
    order = tree.args.get("order")
    if not isinstance(tree, exp.Select) or order is None or tree.args.get("limit") is None or tree.is_star:
        return []
    ranking = order.expressions[0].this
    shown = [projection.unalias() for projection in tree.selects]
    named = isinstance(ranking, exp.Column) and not ranking.table and ranking.name in tree.named_selects
    plain = isinstance(ranking, exp.Column | exp.AggFunc | exp.Div | exp.Round)
    if tree.args.get("distinct") is not None or ranking in shown or named or not plain:
        return []
    name = _suggested_name(ranking)
    if name in tree.named_selects:
        return []
    tree.append("expressions", exp.Alias(this=ranking.copy(), alias=identifier(name)))
    return [f"{name} is shown, because the rows are chosen by it"]


def show_the_time(tree: exp.Expr, schema: DatabaseSchema) -> list[str]:
    """Show the date that a plain list is ordered by: twelve figures without their months say little."""
    order = tree.args.get("order")
    if (
        not isinstance(tree, exp.Select)
        or order is None
        or tree.is_star
        or tree.args.get("group") is not None
    ):
        return []
    key, scope = order.expressions[0].this, build_scope(tree)
    if not isinstance(key, exp.Column) or scope is None or tree.args.get("distinct") is not None:
        return []
    origin = origin_of(key, scope, schema)
    if origin is None or not origin[1].type.startswith(("date", "timestamp")) or tree.find(exp.AggFunc):
        return []
    if key.name in tree.named_selects or any(key == c for p in tree.selects for c in p.find_all(exp.Column)):
        return []
    tree.append("expressions", key.copy())
    return [f"{key.name} is shown, because the rows are in its order"]


def _rename(select: exp.Select, *, drop_twins: bool) -> list[str]:
    kept: list[exp.Expr] = []
    repairs: dict[str, None] = {}
    taken: set[str] = set()
    for projection in select.selects:
        if drop_twins and projection in kept:
            repairs["a column that stood twice is shown once"] = None
            continue
        name = projection.output_name or _suggested_name(projection)
        if name in taken:
            name = _free_name(projection, name, taken)
            repairs[f"a column of a name that was taken is named {name}"] = None
        if name != projection.output_name:
            projection = exp.Alias(this=projection.unalias(), alias=identifier(name))
        taken.add(name)
        kept.append(projection)
    select.set("expressions", kept)
    return list(repairs)


def _suggested_name(projection: exp.Expr) -> str:
    """``sum_noi`` for SUM(noi), ``count`` for COUNT(*), ``noi_per_units`` for noi / units."""
    bare = projection
    while isinstance(bare, exp.Paren | exp.Round | exp.Cast | exp.Coalesce | exp.Filter | exp.Nullif):
        bare = bare.this
    if isinstance(bare, exp.Column):
        return bare.name
    if isinstance(bare, exp.Div):
        return f"{_suggested_name(bare.this)}_per_{_suggested_name(bare.expression)}"
    column = bare.find(exp.Column)
    words = [bare.sql_name().lower()] if isinstance(bare, exp.AggFunc) else []
    words += [column.name] if column is not None and isinstance(column.this, exp.Identifier) else []
    return "_".join(words) or "value"


def _free_name(projection: exp.Expr, name: str, taken: set[str]) -> str:
    bare = projection.unalias()
    owner = bare.table if isinstance(bare, exp.Column) else ""
    wanted = f"{owner}_{name}" if owner and f"{owner}_{name}" not in taken else name
    number = 2
    while wanted in taken:
        wanted, number = f"{name}_{number}", number + 1
    return wanted


def _spell_out_stars(select: exp.Select, schema: DatabaseSchema) -> None:
    """``*`` and ``t.*`` as columns, where all of them are known."""
    scope = build_scope(select)
    joins = select.args.get("joins") or ()
    if not select.is_star or scope is None or any(j.args.get("using") or j.args.get("method") for j in joins):
        return
    columns: dict[str, list[str]] = {}
    for alias, source in scope.selected_sources.items():
        names = _columns_of(source[1], schema)
        if names is None:
            return
        columns[alias] = names
    spelled: list[exp.Expr] = []
    for projection in select.selects:
        if not projection.is_star:
            spelled.append(projection)
            continue
        wanted = [projection.table] if isinstance(projection, exp.Column) else list(columns)
        if isinstance(projection, exp.Star) and projection.args.get("except_"):
            return
        spelled += [column_of(alias, name) for alias in wanted for name in columns.get(alias, [])]
    select.set("expressions", spelled)


def _columns_of(source: object, schema: DatabaseSchema) -> list[str] | None:
    if isinstance(source, exp.Table):
        table = catalogue_table(source, schema)
        renamed = source.args.get("alias") is not None and source.args["alias"].columns
        return None if table is None or renamed else [column.name for column in table.columns]
    query = getattr(source, "expression", None)
    if not isinstance(query, exp.Query) or query.is_star or getattr(source, "outer_columns", None):
        return None
    names = [projection.output_name for projection in query.selects]
    return names if all(names) else None
