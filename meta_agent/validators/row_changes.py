"""The statements of a script that change rows, where a person may be asked about them.

A narrow set: one INSERT, UPDATE, DELETE or MERGE on a plain table, written out in the script.
A script that may write has the rights of its role, whatever is asked about; so one whose SQL is
not known beforehand, or that writes in other ways than by SQL, is not asked about at all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sqlglot import exp

from meta_agent.contracts import RowChange, RowChanges
from meta_agent.validators import rules
from meta_agent.validators.literals import HOLE, called_name
from meta_agent.validators.reading import Script
from meta_agent.validators.sql import sent_sql
from meta_agent.validators.sql_statements import as_sent, judge_sql, parsed
from meta_agent.validators.syntax import parse_script

_OTHER_WAYS = frozenset({"callproc", "copy_from", "copy_to", "copy_expert", "lobject", "to_sql"})
_BUILDERS = frozenset({"sqlalchemy"})
"""Modules that put SQL together, which then stands nowhere in the script."""
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
_OTHER_WRITING = (
    *(exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Into, exp.Copy, exp.Lock, exp.Grant),
    *(exp.Revoke, exp.Comment, exp.Command),
)


def row_changes(source: str) -> RowChanges:
    """What the script would change; nothing where it is no Python, which its validation tells."""
    tree = parse_script(source)
    if not isinstance(tree, ast.Module):
        return RowChanges()
    script = Script(tree)
    found: dict[str, RowChange] = {}
    objections = list(_objections(script))
    for line, node in sent_sql(script):
        texts = script.evaluator.texts(node)
        if any(HOLE in text for text in texts):
            objections.append(f"Line {line} sends SQL that is not written out in the script.")
            continue
        found.update({text: change for text in texts if (change := row_change(text, line))})
    return RowChanges(statements=tuple(found.values()), objections=tuple(dict.fromkeys(objections)))


def row_change(text: str, line: int) -> RowChange | None:
    """A text as a statement that may be asked about; None for any other."""
    roots = parsed(as_sent(text))
    if roots is None or len(roots) != 1 or not isinstance(roots[0], _CHANGES):
        return None
    root = roots[0]
    if [issue.rule for issue in judge_sql(text, line)] != [rules.SQL_WRITE.name]:
        return None
    table = _target(root)
    if table is None or any(_is_hidden_change(node, root) for node in root.walk()):
        return None
    return RowChange(line=line, sql=text, warning=_warning(root, table))


def _target(root: exp.Expr) -> exp.Table | None:
    """The plain table that is changed; None for anything else, and for PostgreSQL's own tables."""
    table = root.this.this if isinstance(root.this, exp.Schema) else root.this
    if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
        return None
    is_internal = table.name.lower().startswith("pg_") or table.db.lower() in (
        "pg_catalog",
        "information_schema",
    )
    return None if is_internal else table


def _is_hidden_change(node: exp.Expr, root: exp.Expr) -> bool:
    """Whether a statement inside another one writes; the branches of a MERGE are its own."""
    if isinstance(node, _OTHER_WRITING):
        return True
    return isinstance(node, _CHANGES) and node is not root and not isinstance(node.parent, exp.When)


def _warning(root: exp.Expr, table: exp.Table) -> str | None:
    """One without a condition on a column: ``WHERE true`` is none."""
    where = root.args.get("where")
    if not isinstance(root, exp.Update | exp.Delete) or (where is not None and where.find(exp.Column)):
        return None
    return f"This {root.key.upper()} has no WHERE that picks rows: it is about every row of {table.name}."


def _objections(script: Script) -> Iterator[str]:
    for call in script.program.calls:
        if called_name(call) in _OTHER_WAYS:
            yield f"Line {call.lineno} writes by {called_name(call)}(), not by a statement that can be shown."
    for module in sorted(script.modules & _BUILDERS):
        yield f"The script uses {module}, whose SQL is not written out in the script."
