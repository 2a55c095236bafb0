"""Undoes a what-if's change that the model wrote into the query itself.

The scenarios are applied to the tables afterwards; a factor left in the query would
apply the change twice, and to the base case.
"""

from __future__ import annotations

from sqlglot import exp

from meta_agent.contracts import Scenario


def take_out_change(tree: exp.Expr, scenarios: tuple[Scenario, ...]) -> list[str]:
    """Undo a change that the model applied itself (``noi * 0.9``), so that it is not applied twice."""
    factors = {round(1 + s.change_percent / 100, 9): s.name for s in scenarios}
    repairs = []
    for product in list(tree.find_all(exp.Mul)):
        for factor_side, other in ((product.expression, product.this), (product.this, product.expression)):
            constant = _constant(factor_side)
            name = factors.get(constant) if constant is not None else None
            if name is not None:
                product.replace(other.copy())
                repairs.append(
                    f"the change {name} stood in the query; it is applied beside the base case instead"
                )
                break
    return repairs


def _constant(node: exp.Expr) -> float | None:
    """The value of ``0.9`` or ``(1 - 0.10)`` or ``(1 - 10 / 100.0)``."""
    if isinstance(node, exp.Paren):
        return _constant(node.this)
    if isinstance(node, exp.Literal):
        return None if node.is_string else round(float(node.name), 9)
    if isinstance(node, exp.Add | exp.Sub | exp.Div):
        left, right = _constant(node.this), _constant(node.expression)
        if left is None or right is None:
            return None
        if isinstance(node, exp.Div):
            return round(left / right, 9) if right else None
        return round(left + right if isinstance(node, exp.Add) else left - right, 9)
    return None
