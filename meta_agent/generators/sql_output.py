"""Gives every result column a name of its own.

Rows are read as dictionaries: of two columns with one name, the second would
silently replace the first.
"""

from __future__ import annotations

from sqlglot import exp


def name_outputs_apart(tree: exp.Expression) -> list[str]:
    """Drop projections that stand twice, and rename different ones of the same name; one line for each kind."""
    if not isinstance(tree, exp.Select) or tree.is_star:
        return []
    kept: list[exp.Expression] = []
    repairs: dict[str, None] = {}
    taken: set[str] = set()
    for number, projection in enumerate(tree.selects, 1):
        if projection in kept:
            repairs["a column that stood twice is shown once"] = None
            continue
        name = projection.alias_or_name or f"column_{number}"
        if name in taken or not projection.alias_or_name:
            name = _free_name(projection, name, taken)
            projection = exp.alias_(projection.unalias().copy(), name, quoted=not name.isidentifier())
            repairs[f"a column was named {name}"] = None
        taken.add(name)
        kept.append(projection)
    if repairs:
        tree.set("expressions", kept)
    return list(repairs)


def _free_name(projection: exp.Expression, name: str, taken: set[str]) -> str:
    bare = projection.unalias()
    owner = bare.table if isinstance(bare, exp.Column) else ""
    wanted = f"{owner}_{name}" if owner and f"{owner}_{name}" not in taken else name
    number = 2
    while wanted in taken:
        wanted, number = f"{name}_{number}", number + 1
    return wanted
