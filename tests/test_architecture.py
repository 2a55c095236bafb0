"""The rules of docs/architecture.md about who may know whom, how long things may be, and who may print."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = PROJECT / "meta_agent"
ROOT_MODULES = ("script_executor.py", "config.py")
NOT_OURS = PACKAGE / "templates"
"""What is emitted, not run by us."""

STAGES = ("analyzers", "planners", "generators", "validators", "executors")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
HEAVY = (
    *("rich", "docker", "sqlalchemy", "psycopg2", "langchain_core", "langchain_openai", "openai", "httpx"),
    *(
        "sqlglot",
        "pydantic",
        "pydantic_settings",
        "loguru",
        "jinja2",
        "prompt_toolkit",
        "requests",
        "yaml",
        "bandit",
    ),
)


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def modules(*folders: str) -> list[Path]:
    """Our modules below these folders of the package; all of them without a name."""
    places = [PACKAGE / folder for folder in folders] or [PACKAGE]
    found = (file for place in places for file in place.rglob("*.py"))
    return sorted(file for file in found if NOT_OURS not in file.parents)


def everything() -> list[Path]:
    return [*(PROJECT / name for name in ROOT_MODULES), *modules()]


def with_tools() -> list[Path]:
    return [*everything(), *sorted((PROJECT / "tools").rglob("*.py"))]


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a module imports, wherever in it; ``a.b`` for ``from a import b``."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(file, node.lineno)} imports relatively"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def place(file: Path, line: int) -> str:
    return f"{file.relative_to(PROJECT)}:{line}"


def offenders(files: list[Path], *forbidden: str) -> list[str]:
    """Imports of forbidden packages, as ``file:line name``."""
    return [
        f"{place(file, line)} {name}"
        for file in files
        for line, name in imports(file)
        if any(name == package or name.startswith(f"{package}.") for package in forbidden)
    ]


def outside(*allowed: str) -> list[Path]:
    """All modules but those below these places (folders or files of the package)."""
    places = [PACKAGE / name for name in allowed]
    return [file for file in everything() if not any(file == p or p in file.parents for p in places)]


def test_the_tests_see_the_code() -> None:
    assert len(modules()) > 50
    assert {file.parent.name for file in modules(*STAGES)} == set(STAGES)


def test_contracts_and_errors_import_nothing_of_ours() -> None:
    files = [PACKAGE / "contracts.py", PACKAGE / "errors.py"]
    assert offenders(files, "meta_agent", "config", "script_executor", "tools") == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_knows_no_other_stage_and_no_front_end(stage: str) -> None:
    others = [f"meta_agent.{other}" for other in STAGES if other != stage]
    front_ends = [f"meta_agent.{name}" for name in ("display", "runs", "jobs", "api", "pipeline", "doctor")]
    assert offenders(modules(stage), *others, *front_ends) == []


def test_nothing_below_knows_the_pipeline_or_the_display() -> None:
    files = modules("llm", "databases", "sandbox", "utils", "runs")
    assert offenders(files, "meta_agent.pipeline", "meta_agent.display", "meta_agent.doctor") == []


def test_nothing_in_the_package_imports_what_stands_above_it() -> None:
    """The evaluation is a command of its own and reads the settings itself."""
    assert offenders([file for file in modules() if "evaluation" not in file.parts], "config") == []
    assert offenders(modules(), "script_executor", "tools", "tests") == []


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("rich", ("display",)),
        ("prompt_toolkit", ("display",)),
        ("docker", ("sandbox",)),
        ("psycopg2", ("databases",)),
        ("sqlalchemy", ("databases",)),
        ("langchain_openai", ("llm",)),
        ("langchain_core", ("llm", "evaluation/systems/langchain_chain.py")),
        ("openai", ("llm", "evaluation/systems/langchain_chain.py")),
        ("simplejson", ("display", "runs")),
        ("bandit", ("validators/second_opinion.py",)),
    ],
)
def test_a_library_has_one_home(library: str, home: tuple[str, ...]) -> None:
    assert offenders(outside(*home), library) == []


def test_only_the_display_prints() -> None:
    found = [
        place(file, node.lineno)
        for file in outside("display")
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert found == []


def test_only_config_reads_the_environment() -> None:
    files = [file for file in everything() if file.name != "config.py"]
    read = [
        place(file, node.lineno)
        for file in files
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Attribute)
        and node.attr in ("environ", "environb", "getenv")
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    ]
    assert read == []
    assert offenders(files, "os.environ", "os.environb", "os.getenv", "dotenv", "pydantic_settings") == []


def test_no_file_is_too_long() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in with_tools()}
    assert {place(file, n) for file, n in lengths.items() if n > LONGEST_FILE} == set()


def test_no_function_is_too_long() -> None:
    found = [
        f"{place(file, node.lineno)} {node.name}"
        for file in with_tools()
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert found == []


def test_every_module_says_why_it_exists() -> None:
    assert [str(file) for file in with_tools() if not (ast.get_docstring(tree_of(file)) or "").strip()] == []


def test_nothing_cleans_up_in_a_destructor() -> None:
    found = [
        place(file, node.lineno)
        for file in everything()
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.FunctionDef) and node.name == "__del__"
    ]
    assert found == []


def test_the_entry_pulls_in_nothing_heavy() -> None:
    program = "import sys, script_executor; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    loaded = set(shown.stdout.split())
    assert "typer" in loaded
    assert loaded & set(HEAVY) == set()
