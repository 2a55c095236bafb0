"""What the script can reach: every import and every dotted name against the policy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from meta_agent.contracts import ValidationIssue
from meta_agent.validators import names_policy as policy
from meta_agent.validators import rules
from meta_agent.validators.reading import Script

_REQUIREMENT = re.compile(
    r"^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[\w,\s.-]*\])?\s*([<>=!~][^@:/]*)?$"
)
_LONGEST_REQUIREMENT = 200
_SPECIAL_ATTRIBUTE = re.compile(r"__")
_PANDAS_NAME = re.compile(r"@\s*(\w+)\s*[.(\[]")


def check_reach(script: Script) -> Iterator[ValidationIssue]:
    """Findings on imports, on denied names however they are spelled, and on denied methods."""
    for node in script.program.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _check_import(node)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Call):
            yield from _check_name(script, node)


def check_requirements(requirements: tuple[str, ...]) -> Iterator[ValidationIssue]:
    """Findings on the packages that would be installed for the script."""
    for requirement in requirements:
        text = requirement.partition("#")[0].partition(";")[0].strip()
        match = _REQUIREMENT.match(text[:_LONGEST_REQUIREMENT])
        if text and (match is None or len(text) > _LONGEST_REQUIREMENT):
            yield rules.REQUIREMENT_SOURCE.at(
                None,
                f"The requirement {rules.quoted(text)} is no plain package and version; write name==version.",
            )
        elif match and re.sub(r"[-_.]+", "-", match.group(1)).lower() not in policy.ALLOWED_PACKAGES:
            yield rules.REQUIREMENT_NOT_ALLOWED.at(
                None,
                f"The package {rules.quoted(match.group(1))} is not on the allowed list; use a listed one.",
            )


def _check_import(node: ast.Import | ast.ImportFrom) -> Iterator[ValidationIssue]:
    if isinstance(node, ast.ImportFrom) and node.level:
        yield rules.IMPORT_NOT_ALLOWED.at(
            node.lineno,
            "A relative import finds nothing beside a single script; write the code into the script.",
        )
        return
    module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        if alias.name == "*":
            yield rules.STAR_IMPORT.at(
                node.lineno,
                f"A star import of {rules.quoted(module)} hides what is used; name what you need.",
            )
        path = module if alias.name == "*" else f"{module}.{alias.name}".lstrip(".")
        yield from judge_import(path, node.lineno)


def judge_import(path: str, line: int) -> Iterator[ValidationIssue]:
    """Findings on loading the module, or the name of a module, that ``path`` spells."""
    denial = policy.denial_of(path)
    if denial is not None:
        yield denial.rule.at(line, denial.message(path))
    elif not policy.is_allowed_import(path):
        top = path.partition(".")[0]
        instead = policy.ALTERNATIVES.get(top, "use one of the allowed libraries or the standard library")
        yield rules.IMPORT_NOT_ALLOWED.at(
            line, f"The module {rules.quoted(top)} is not on the allowed list; {instead}."
        )


def _check_name(script: Script, node: ast.Name | ast.Attribute | ast.Call) -> Iterator[ValidationIssue]:
    if isinstance(node, ast.Call):
        yield from _check_call(script, node)
    elif not isinstance(node.ctx, ast.Load):
        return
    if isinstance(script.program.parents.get(node), ast.Attribute):
        return
    for path in sorted(script.evaluator.origins(node)):
        denial = policy.denial_of(path)
        if denial is not None:
            yield denial.rule.at(node.lineno, denial.message(path.removeprefix("builtins.")))


def _check_call(script: Script, node: ast.Call) -> Iterator[ValidationIssue]:
    if isinstance(node.func, ast.Attribute):
        yield from _check_method(script, node, node.func)
    position = 2 if "numpy.load" in script.evaluator.origins(node.func) else len(node.args)
    allows_pickle = script.given(node, position, "allow_pickle")
    if allows_pickle is not None and script.evaluator.constants.values(allows_pickle) != [False]:
        yield rules.DESERIALISATION.at(node.lineno, "allow_pickle can run code hidden in data; leave it out.")


def _check_method(script: Script, node: ast.Call, func: ast.Attribute) -> Iterator[ValidationIssue]:
    name = func.attr
    denial = policy.DENIED_METHODS.get(name)
    if denial is None and name in policy.TELLING_METHODS and _is_nobodys(script, func):
        denial = policy.denial_of(policy.TELLING_METHODS[name] + name)
    if denial is not None:
        yield denial.rule.at(node.lineno, denial.message(f".{name}()"))
    if name in ("eval", "query") and node.args:
        texts = script.evaluator.texts(node.args[0])
        if any(_escapes(script, text) for text in texts) or script.taint.from_outside(node.args[0]):
            yield rules.DYNAMIC_CODE.at(
                node.lineno,
                f"The expression given to .{name}() can reach Python objects; filter with plain pandas.",
            )


def _escapes(script: Script, expression: str) -> bool:
    """Whether an expression for pandas goes through a module, as ``@pd.io`` does, or a special attribute."""
    names = set(_PANDAS_NAME.findall(expression))
    return bool(_SPECIAL_ATTRIBUTE.search(expression) or names & script.imported_names)


def _is_nobodys(script: Script, func: ast.Attribute) -> bool:
    """Whether neither the object is known nor the script itself defines such a method."""
    if func.attr in script.program.functions or func.attr in script.program.attributes:
        return False
    return not script.evaluator.origins(func.value)
