"""Secrets of the environment that leave it: the whole of it at once, or one printed or written."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import called_name
from meta_agent.validators.reading import Script

_ENVIRONMENTS = {"os.environ", "os.environb"}
_SINGLE_USES = {"get", "setdefault", "pop"}
_OUTPUTS = {
    "print", "write", "writelines", "debug", "info", "warning", "warn", "error", "critical", "exception",
    "success", "log", "dump", "jsonify", "write_text", "writerow", "writerows", "pprint", "exit",
    "render_template_string",
}  # fmt: skip


def check_exposure(script: Script) -> Iterator[ValidationIssue]:
    """Findings on environment variables shown or taken wholesale."""
    for node in script.program.nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            if script.evaluator.origins(node) & _ENVIRONMENTS and not _is_single_use(script, node):
                yield rules.WHOLE_ENVIRONMENT.at(
                    node.lineno,
                    "The whole environment is taken, secrets included; read single variables by name.",
                )
        elif isinstance(node, ast.Call) and called_name(node) in _OUTPUTS:
            values = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(script.taint.is_secret(value) for value in values):
                yield rules.SECRET_EXPOSED.at(
                    node.lineno, "A password or database URL would be shown or written here; leave it out."
                )


def _is_single_use(script: Script, node: ast.expr) -> bool:
    """``environ["X"]``, ``environ.get("X")``, ``"X" in environ``, or an alias, judged where it is used."""
    parent = script.program.parents.get(node)
    if isinstance(parent, ast.Subscript):
        return parent.value is node
    if isinstance(parent, ast.Attribute):
        return parent.attr in _SINGLE_USES
    if isinstance(parent, ast.Compare):
        return all(isinstance(op, ast.In | ast.NotIn) for op in parent.ops)
    return isinstance(parent, ast.Assign | ast.AnnAssign | ast.NamedExpr)
