"""Secrets of the environment that leave it: the whole of it at once, or one printed, written or raised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import rules
from meta_agent.validators.literals import called_name, plain_text
from meta_agent.validators.reading import Script

_ENVIRONMENTS = {"os.environ", "os.environb"}
_SINGLE_USES = {"get", "setdefault", "pop"}
_OUTPUTS = {
    "print", "write", "writelines", "debug", "info", "warning", "warn", "error", "critical", "exception",
    "success", "log", "dump", "jsonify", "write_text", "write_bytes", "writerow", "writerows", "pprint",
    "exit",
    "render_template", "render_template_string", "Response", "make_response", "Markup", "tabulate", "add_row",
    "title", "suptitle", "set_title", "set_xlabel", "set_ylabel", "figtext", "drawString", "drawRightString",
    "drawCentredString", "Paragraph", "write_string", "echo",
}  # fmt: skip
_WRITING_METHODS = {"to_csv", "to_json", "to_excel", "to_html", "to_string", "to_markdown", "to_parquet"}
_CELL = re.compile(r"[A-Z]{1,3}\d{1,7}")
_ROUTES = {"route", "get", "post", "put", "delete", "patch", "errorhandler"}


def check_exposure(script: Script) -> Iterator[ValidationIssue]:
    """Findings on environment variables shown or taken wholesale."""
    for node in script.program.nodes:
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            if script.evaluator.origins(node) & _ENVIRONMENTS and not _is_single_use(script, node):
                yield rules.WHOLE_ENVIRONMENT.at(
                    node.lineno,
                    "The whole environment is taken, secrets included; read single variables by name.",
                )
        elif any(script.secrets.is_secret(value) for value in _put_out(node)):
            yield rules.SECRET_EXPOSED.at(
                getattr(node, "lineno", None),
                "A password or database URL would be shown or written here; leave it out.",
            )
    yield from _check_pages(script)


def _put_out(node: ast.AST) -> list[ast.expr]:
    """The expressions that become visible outside the script through ``node``."""
    if isinstance(node, ast.Raise):
        raised = node.exc
        return [*raised.args] if isinstance(raised, ast.Call) else []
    if isinstance(node, ast.Assign):
        return [node.value] if any(map(_is_cell, node.targets)) else []
    if isinstance(node, ast.Assert):
        return [node.msg] if node.msg is not None else []
    if not isinstance(node, ast.Call):
        return []
    if called_name(node) in _OUTPUTS:
        return [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(node.func, ast.Attribute) and node.func.attr in _WRITING_METHODS:
        return [node.func.value]
    return []


def _is_cell(target: ast.expr) -> bool:
    """``sheet["A1"] = …`` and ``sheet.cell(1, 1).value = …``."""
    if isinstance(target, ast.Subscript):
        return bool(_CELL.fullmatch(str(plain_text(target.slice))))
    return isinstance(target, ast.Attribute) and target.attr == "value" and isinstance(target.value, ast.Call)


def _check_pages(script: Script) -> Iterator[ValidationIssue]:
    """What the function of a page returns is sent to every visitor."""
    for function, results in script.program.returns.items():
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        decorators = [item for item in function.decorator_list if isinstance(item, ast.Call)]
        if "flask" in script.modules and any(called_name(item) in _ROUTES for item in decorators):
            yield from (
                rules.SECRET_EXPOSED.at(
                    value.lineno, "A password or database URL would be sent to every visitor; leave it out."
                )
                for value in results
                if script.secrets.is_secret(value)
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
