"""Ways into the interpreter that name no denied module: special attributes and computed names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import names_policy as policy
from meta_agent.validators import rules
from meta_agent.validators.reading import Script

_DANGEROUS = {
    "__bases__", "__base__", "__mro__", "mro", "__subclasses__", "__globals__", "__builtins__", "__code__",
    "__closure__", "__func__", "__self__", "__import__", "__loader__", "__spec__", "__getattribute__",
    "__reduce__", "__reduce_ex__", "__wrapped__", "__kwdefaults__", "__subclasshook__", "gi_frame",
    "gi_code", "cr_frame", "cr_code", "ag_frame", "ag_code", "tb_frame", "f_globals", "f_locals",
    "f_builtins", "f_back", "f_code", "func_globals", "__class__",
}  # fmt: skip
_SPELLED_OUT = re.compile(
    r"__(class|bases?|mro|subclasses|globals|builtins|code|closure|import|loader|spec|getattribute|reduce(_ex)?)__"
)
_NAMING = {"__name__", "__qualname__", "__doc__", "__module__"}
_SENSITIVE_MODULES = {"os", "sys", "builtins", "shutil", "io", "signal", "importlib", "subprocess", "logging"}
_NAMESPACES = {"builtins.globals", "builtins.locals", "builtins.vars"}
_BY_NAME = {"builtins.getattr": 1, "builtins.setattr": 1, "builtins.delattr": 1}
_REPLACEABLE = {
    "stdout", "stderr", "stdin", "excepthook", "displayhook", "showwarning", "formatwarning", "converter",
    "default",
}  # fmt: skip
"""What libraries mean to be replaced, as ``sys.excepthook``."""
_OPEN_OBJECTS = ("builtins.", "pandas.options", "flask.g", "flask.session", "flask.current_app")
"""What is there to be written to."""
_GETTERS = {"operator.attrgetter", "operator.methodcaller"}


def check_introspection(script: Script) -> Iterator[ValidationIssue]:
    """Findings on special attributes, computed attribute names, namespaces and modules passed around."""
    for node in script.program.nodes:
        if isinstance(node, ast.Attribute):
            yield from _check_attribute(script, node)
            yield from _check_patch(script, node)
        elif isinstance(node, ast.MatchClass):
            yield from (_reaches_in(node.lineno, name) for name in node.kwd_attrs if name in _DANGEROUS)
        elif isinstance(node, ast.Call):
            yield from _check_call(script, node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield from _check_module_value(script, node)
            yield from _check_handed_over(script, node)
        elif isinstance(node, ast.Constant) and not script.program.is_docstring(node):
            yield from _check_texts(node, (str(node.value),) if isinstance(node.value, str) else ())
    for expression, texts in script.text_expressions:
        yield from _check_texts(expression, texts)


def _check_texts(node: ast.expr, texts: tuple[str, ...]) -> Iterator[ValidationIssue]:
    found = next((match for text in texts if (match := _SPELLED_OUT.search(text))), None)
    if found:
        yield _reaches_in(node.lineno, found.group())


def _reaches_in(line: int, name: str) -> ValidationIssue:
    return rules.INTROSPECTION.at(
        line, f"{rules.quoted(name)} reaches into the interpreter; use plain functions and attributes."
    )


def _check_attribute(script: Script, node: ast.Attribute) -> Iterator[ValidationIssue]:
    parent = script.program.parents.get(node)
    if node.attr == "__class__" and isinstance(parent, ast.Attribute) and parent.attr in _NAMING:
        return
    is_module_dict = node.attr == "__dict__" and any(
        "()" not in path for path in script.evaluator.origins(node.value)
    )
    if node.attr in _DANGEROUS or is_module_dict:
        yield _reaches_in(node.lineno, node.attr)
    if node.attr in policy.TELLING_ATTRIBUTES and not script.program.attributes.get(node.attr):
        denial = policy.denial_of(node.attr)
        if denial is not None:
            yield denial.rule.at(node.lineno, denial.message(node.attr))


def _check_patch(script: Script, node: ast.Attribute) -> Iterator[ValidationIssue]:
    """``json.dumps = f``: from then on the name means something else than what is read here."""
    parent = script.program.parents.get(node)
    if not isinstance(parent, ast.Assign) or node not in parent.targets or node.attr in _REPLACEABLE:
        return
    if not isinstance(parent.value, ast.Constant) and _is_of_a_module(script, node.value):
        yield _patches(node.lineno, node.attr)


def _is_of_a_module(script: Script, node: ast.expr) -> bool:
    paths = script.evaluator.origins(node)
    return any("(" not in path and not path.startswith(_OPEN_OBJECTS) for path in paths)


def _patches(line: int, name: str) -> ValidationIssue:
    return rules.MONKEY_PATCH.at(
        line, f"{rules.quoted(name)} of a library is replaced; call a function of your own instead."
    )


def _check_call(script: Script, node: ast.Call) -> Iterator[ValidationIssue]:
    for path in script.evaluator.origins(node.func):
        if path in _NAMESPACES and not _is_harmless_namespace(script, path, node):
            yield rules.NAMESPACE_ACCESS.at(
                node.lineno, f"{path[9:]}() exposes all names of the program; name the value you need."
            )
        position = 0 if path in _GETTERS else _BY_NAME.get(path, -1)
        is_set = path == "builtins.setattr" and len(node.args) == 3
        if is_set and _is_of_a_module(script, node.args[0]):
            yield _patches(node.lineno, script.evaluator.texts(node.args[1])[0])
        if 0 <= position < len(node.args) and not _is_known_name(script, node.args[position]):
            yield rules.DYNAMIC_ATTRIBUTE.at(
                node.lineno,
                f"{path.rpartition('.')[2]} with a computed name can reach anything; write the name out.",
            )


def _check_handed_over(script: Script, node: ast.Name) -> Iterator[ValidationIssue]:
    """``reduce(getattr, names)``: attributes are then looked up by names that nobody sees here."""
    parent = script.program.parents.get(node)
    is_argument = isinstance(parent, ast.Call) and node in parent.args
    if is_argument and script.evaluator.origins(node) & _BY_NAME.keys():
        yield rules.DYNAMIC_ATTRIBUTE.at(
            node.lineno, f"{rules.quoted(node.id)} is handed to another function; write the attribute out."
        )


def _is_harmless_namespace(script: Script, path: str, node: ast.Call) -> bool:
    """``"conn" in locals()`` asks for a name only, and ``vars(args)`` shows one plain object."""
    parent = script.program.parents.get(node)
    if isinstance(parent, ast.Compare) and all(isinstance(op, ast.In | ast.NotIn) for op in parent.ops):
        return True
    if path != "builtins.vars" or not node.args:
        return False
    return all("()" in origin for origin in script.evaluator.origins(node.args[0]))


def _is_known_name(script: Script, name: ast.expr) -> bool:
    """A name that is constant, or in capitals as the levels of ``logging`` are."""
    if isinstance(name, ast.Call) and isinstance(name.func, ast.Attribute) and name.func.attr == "upper":
        return True
    return script.evaluator.constant(name) is not None


def _asks_by_name(script: Script, call: ast.Call) -> bool:
    return bool(script.evaluator.origins(call.func) & {*_BY_NAME, "builtins.hasattr"})


def _check_module_value(script: Script, node: ast.Name) -> Iterator[ValidationIssue]:
    """A module handed to a function or put in a container is used where this reading cannot follow."""
    if not any(binding.kind == "import" for binding in script.program.lookup(node)):
        return
    modules = script.evaluator.origins(node) & _SENSITIVE_MODULES
    parent = script.program.parents.get(node)
    if not modules or isinstance(parent, ast.Attribute | ast.AnnAssign | ast.NamedExpr):
        return
    if isinstance(parent, ast.Assign) and all(isinstance(target, ast.Name) for target in parent.targets):
        return
    if isinstance(parent, ast.Call) and parent.args[:1] == [node] and _asks_by_name(script, parent):
        return
    yield rules.MODULE_AS_VALUE.at(
        node.lineno, f"The module {min(modules)} is passed around as a value; call its functions directly."
    )
