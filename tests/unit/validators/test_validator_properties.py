"""What must hold for any script: no bad line makes it better, no way of writing it makes a difference."""

from __future__ import annotations

import ast
import builtins
import copy
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script_lists import BAD, GOOD

from meta_agent.contracts import ValidationResult
from meta_agent.validators.rules import accepts
from meta_agent.validators.script_validator import ScriptValidator

pytestmark = pytest.mark.timeout(240)
"""A validator that hangs is found here; none of the tests measures speed."""

NO_PROGRAM = {"syntax-error", "source-encoding", "hidden-characters", "empty-script"}


@cache
def validate(source: str) -> ValidationResult:
    return ScriptValidator().validate(source)


@cache
def outcome(source: str) -> tuple[float, tuple[str, ...]]:
    result = validate(source)
    return result.security_score, tuple(sorted({issue.rule for issue in result.issues}))


def is_complete(statement: ast.stmt) -> bool:
    """Whether every name in it is its own or a builtin."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    own = {name.id for name in names if isinstance(name.ctx, ast.Store)} | set(dir(builtins))
    own |= {node.arg for node in ast.walk(statement) if isinstance(node, ast.arg)}
    return all(name.id in own for name in names)


SOURCES = sorted(
    (text for text in [*(text for _, text in GOOD), *(text for _, _, text in BAD)]
     if NO_PROGRAM.isdisjoint(issue.rule for issue in validate(text).issues)),
    key=len,
)  # fmt: skip
"""Shortest first, so that hypothesis shrinks towards short scripts."""
BAD_SOURCES = [text for text in SOURCES if not validate(text).is_valid]
GOOD_SOURCES = [text for text in SOURCES if validate(text).is_valid]
BAD_STATEMENTS = sorted(
    {
        ast.unparse(statement)
        for text in BAD_SOURCES
        for statement in ast.parse(text).body
        if is_complete(statement) and not validate(ast.unparse(statement)).is_valid
    },
    key=len,
)
"""Single statements that are refused by themselves and need no name of another one."""

sources = st.sampled_from(SOURCES)
checked = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def futures(tree: ast.Module) -> int:
    """How many statements must stay first: docstring and ``from __future__``."""
    first = [isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body]
    return max((place for place, is_future in enumerate(first, 1) if is_future), default=0)


def inserted(source: str, addition: str, place: int) -> str:
    """``source`` with the statements of ``addition`` at some place of its top level."""
    tree, more = ast.parse(source), ast.parse(addition)
    start = futures(tree)
    position = start + place % (len(tree.body) - start + 1)
    own_futures = futures(more)
    tree.body[position:position] = more.body[own_futures:]
    return ast.unparse(tree)


def test_there_is_something_to_choose_from() -> None:
    assert len(SOURCES) > 700
    assert len(BAD_STATEMENTS) > 200


@checked
@given(sources, st.sampled_from(BAD_SOURCES), st.integers(0, 50))
def test_adding_a_bad_script_never_raises_the_score(source: str, bad: str, place: int) -> None:
    mixed = validate(inserted(source, bad, place))
    assert mixed.security_score <= min(validate(source).security_score, validate(bad).security_score)
    assert not mixed.is_valid


@checked
@given(sources, st.sampled_from(BAD_STATEMENTS), st.integers(0, 50))
def test_adding_a_bad_line_never_raises_the_score(source: str, bad: str, place: int) -> None:
    mixed = validate(inserted(source, bad, place))
    assert mixed.security_score <= min(validate(source).security_score, validate(bad).security_score)
    assert not mixed.is_valid


@checked
@given(st.sampled_from(BAD_SOURCES), st.sampled_from(GOOD_SOURCES), st.integers(0, 50))
def test_a_good_script_around_it_does_not_make_a_bad_one_pass(bad: str, good: str, place: int) -> None:
    assert not validate(inserted(bad, good, place)).is_valid


@checked
@given(sources)
def test_reformatting_changes_nothing(source: str) -> None:
    assert outcome(ast.unparse(ast.parse(source))) == outcome(source)


@checked
@given(
    sources,
    st.lists(
        st.sampled_from(["# eval('x')", "# DROP TABLE x", "# password = 'abc12345'  # nosec", "", "\n\n"])
    ),
)
def test_comments_and_blank_lines_change_nothing(source: str, lines: list[str]) -> None:
    statements = [ast.unparse(statement) for statement in ast.parse(source).body]
    for number, line in enumerate(lines):
        statements.insert((number * 7) % (len(statements) + 1), line)
    assert outcome("\n".join(statements)) == outcome(source)


@checked
@given(sources, st.randoms(use_true_random=False))
def test_order_of_statements_changes_nothing(source: str, shuffler: random.Random) -> None:
    tree = ast.parse(source)
    start = futures(tree)
    rest = tree.body[start:]
    shuffler.shuffle(rest)
    tree.body[start:] = rest
    assert outcome(ast.unparse(tree)) == outcome(source)


class Splitter(ast.NodeTransformer):
    """Writes every text of four letters or more as a sum of two; texts with a meaning by place stay."""

    def __init__(self, where: float) -> None:
        self.where = where

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if not isinstance(node.value, str) or len(node.value) < 4:
            return node
        middle = 1 + int(self.where * (len(node.value) - 2))
        return ast.BinOp(ast.Constant(node.value[:middle]), ast.Add(), ast.Constant(node.value[middle:]))

    def stay(self, node: ast.AST) -> ast.AST:
        return node

    visit_JoinedStr = visit_MatchValue = visit_MatchMapping = stay

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)


@checked
@given(sources, st.floats(0, 1))
def test_splitting_texts_changes_nothing(source: str, where: float) -> None:
    tree = ast.fix_missing_locations(Splitter(where).visit(ast.parse(source)))
    assert outcome(ast.unparse(tree)) == outcome(source)


class Renamer(ast.NodeTransformer):
    """Gives some names another beginning, everywhere; their ends, as in ``db_password``, mean something."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def renamed(self, name: str) -> str:
        return f"own_{name}" if name in self.names else name

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.renamed(node.id)
        return node

    def visit_Global(self, node: ast.Global | ast.Nonlocal) -> ast.AST:
        node.names = [self.renamed(name) for name in node.names]
        return node

    visit_Nonlocal = visit_Global

    def visit_capture(self, node: ast.MatchAs | ast.MatchStar) -> ast.AST:
        node.name = self.renamed(node.name) if node.name else None
        return self.generic_visit(node)

    visit_MatchAs = visit_MatchStar = visit_capture

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.name = self.renamed(node.name) if node.name else None
        return self.generic_visit(node)


def local_names(tree: ast.Module) -> set[str]:
    """Names of variables: bound by assignment, loop or ``as``, and nothing else besides."""
    nodes = list(ast.walk(tree))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    in_classes = {
        n.id
        for definition in nodes
        if isinstance(definition, ast.ClassDef)
        for n in ast.walk(definition)
        if isinstance(n, ast.Name)
    }
    defined = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    given_names = {n.arg for n in nodes if isinstance(n, ast.arg)}
    imported = {
        alias.asname or alias.name
        for n in nodes
        if isinstance(n, ast.Import | ast.ImportFrom)
        for alias in n.names
    }
    texts = " ".join(n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
    others = in_classes | defined | given_names | imported | set(dir(builtins))
    return {name for name in stored - others if name not in texts}


@checked
@given(sources)
def test_renaming_variables_changes_nothing(source: str) -> None:
    tree = ast.parse(source)
    renamed = Renamer(local_names(tree)).visit(copy.deepcopy(tree))
    assert outcome(ast.unparse(ast.fix_missing_locations(renamed))) == outcome(source)


# --- any text, any program: a verdict ------------------------------------------------------


def spliced(source: str, other: str, target: int, part: int) -> str:
    """``source`` with one of its expressions replaced by one of another script."""
    tree = ast.parse(source)
    places = [n for n in ast.walk(tree) if isinstance(n, ast.Expr | ast.Return | ast.Assign | ast.keyword)]
    parts = [n for n in ast.walk(ast.parse(other)) if isinstance(n, ast.expr)]
    place = places[target % len(places)] if places else None
    if isinstance(place, ast.Expr | ast.Return | ast.Assign | ast.keyword) and parts:
        place.value = parts[part % len(parts)]
    for node in ast.walk(tree):
        if (
            hasattr(node, "ctx")
            and not isinstance(node.ctx, ast.Load)
            and node is getattr(place, "value", None)
        ):
            node.ctx = ast.Load()
    return ast.unparse(tree)


@checked
@given(sources, sources, st.integers(0, 200), st.integers(0, 200))
def test_any_mixture_of_programs_has_a_verdict(source: str, other: str, target: int, part: int) -> None:
    result = validate(spliced(source, other, target, part))
    assert result.is_valid == accepts(result.security_score, result.issues)


@checked
@given(sources, st.integers(0, 10_000), st.text(max_size=8))
def test_any_damaged_program_has_a_verdict(source: str, place: int, damage: str) -> None:
    cut = place % (len(source) + 1)
    result = validate(source[:cut] + damage + source[cut + len(damage) :])
    assert result.is_valid == accepts(result.security_score, result.issues)


@checked
@given(st.text(max_size=200))
def test_any_text_has_a_verdict(source: str) -> None:
    result = validate(source)
    assert result.is_valid == accepts(result.security_score, result.issues)
