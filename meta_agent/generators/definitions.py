"""The definitions a request needs, said in terms of the user's own schema.

A metric that is stored is named by its column, with the column's comment (which
tells that 85 % is stored as 85); only one that is not stored is given by its formula.
A formula beside a stored column would invite the model to compute what is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from meta_agent.contracts import DatabaseSchema
from meta_agent.generators.metric_formulas import formula_of
from meta_agent.glossary import Metric, normalise

_COMMENT_LENGTH = 80


def definition_lines(metrics: tuple[Metric, ...], schema: DatabaseSchema) -> tuple[str, ...]:
    """One line for each metric, for the prompt and for the assumptions of the answer."""
    return tuple(_line(metric, schema) for metric in metrics)


def _line(metric: Metric, schema: DatabaseSchema) -> str:
    name = (
        metric.name if metric.name.lower() == metric.meaning.lower() else f"{metric.name} ({metric.meaning})"
    )
    stored = list(_stored_as(metric, schema))
    if stored:
        return f"{name} is stored in {' and in '.join(stored)}"
    formula = formula_of(metric, schema)
    return f"{name} = {formula.text() if formula is not None else metric.formula}"


def _stored_as(metric: Metric, schema: DatabaseSchema) -> Iterator[str]:
    for table in schema.tables:
        for column in table.columns:
            if normalise(column.name) in metric.names:
                comment = " ".join((column.comment or "").split())[:_COMMENT_LENGTH]
                yield f"{table.name}.{column.name}" + (f" ({comment})" if comment else "")
