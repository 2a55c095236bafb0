"""``doctor --create-reader`` as it is typed, and the runs that come after it."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import re
from pathlib import Path

import pexpect
import pytest
from command_line import CommandLine
from pipeline_support import BASE_IMAGE, COMPARED, PORTFOLIO, REQUEST
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import ScriptedModel, unused_url

pytestmark = [pytest.mark.docker, pytest.mark.database]

PASSWORD = "own3r's p@ss/word"


@pytest.fixture
def owned(server: RunningPostgres) -> RunningPostgres:
    """A portfolio of the role ``ada``, and no reader yet."""
    for role in ("books_reader", "ada"):
        if server.fetch("postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            server.drop_database("books")
            server.execute("postgres", f"DROP OWNED BY {role}", f"DROP ROLE {role}")
    server.create_role("ada", PASSWORD, "LOGIN CREATEROLE")
    server.create_database("books", *PORTFOLIO[:2], "ALTER TABLE properties OWNER TO ada")
    server.execute("postgres", "ALTER DATABASE books OWNER TO ada")
    return server


@pytest.fixture
def program(tmp_path: Path, owned: RunningPostgres) -> CommandLine:
    env_file = tmp_path / ".env"
    env_file.write_text(f"# mine\nDATABASE_URL={owned.url('books', 'ada', PASSWORD)}\n")
    env_file.chmod(0o600)
    settings = {
        "BASE_IMAGE": BASE_IMAGE,
        "META_AGENT_CACHE": str(tmp_path / "cache"),
        "TERM": "xterm-256color",
        "LLM_BASE_URL": unused_url(),
    }
    return CommandLine(tmp_path / "runs", settings, env_file)


def reader_in(program: CommandLine) -> str | None:
    assert program.env_file is not None
    found = re.search(r"^DATABASE_READER_URL=(.*)$", program.env_file.read_text(), re.MULTILINE)
    return found.group(1) if found else None


def is_there(server: RunningPostgres) -> bool:
    return bool(server.fetch("postgres", "SELECT 1 FROM pg_roles WHERE rolname = 'books_reader'"))


def test_shown_asked_and_made_at_the_terminal(program: CommandLine, owned: RunningPostgres) -> None:
    command, *rest = program.command("doctor", "--create-reader")
    folder = str(program.runs_dir.parent)
    child = pexpect.spawn(
        command, rest, env=program.environment, cwd=folder, encoding="utf-8", timeout=60, dimensions=(60, 160)
    )
    child.logfile_read = log = (program.runs_dir.parent / "screen").open("w+", encoding="utf-8")
    child.expect_exact('CREATE ROLE "books_reader"')
    child.expect_exact("Run it? [y/N] ")
    assert not is_there(owned)
    child.send("y\r")
    child.expect_exact("The role books_reader was made; it may read 1 table or view")
    child.expect_exact("affects all roles")
    child.expect_exact("Take these rights from PUBLIC? [y/N] ")
    child.send("\r")
    child.expect_exact("may only read")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0 and is_there(owned)
    reader = reader_in(program)
    assert reader is not None
    log.seek(0)
    screen = log.read()
    log.close()
    assert "PASSWORD :'reader_password'" in screen
    assert reader.partition("books_reader:")[2].partition("@")[0] not in screen


@pytest.mark.parametrize("answer", [b"", b"y\ny\n"])
def test_without_a_terminal_the_sql_is_all_there_is(
    program: CommandLine, owned: RunningPostgres, answer: bytes
) -> None:
    finished = program.run("doctor", "--create-reader", stdin=answer)
    assert finished.returncode == 2 and "--yes" in finished.stderr
    assert 'CREATE ROLE "books_reader"' in finished.stdout
    assert reader_in(program) is None and not is_there(owned)


def test_yes_makes_it_and_a_run_then_knows_no_other_login(
    program: CommandLine, owned: RunningPostgres
) -> None:
    finished = program.run("doctor", "--create-reader", "--yes")
    assert finished.returncode == 0, finished.stderr
    assert "PUBLIC keeps" in finished.stdout and "DATABASE_READER_URL is in" in finished.stdout
    reader = reader_in(program)
    assert reader is not None
    with ScriptedModel(COMPARED) as model:
        program.settings.update(LLM_BASE_URL=model.base_url, LLM_MODEL_NAME=model.model)
        answer = program.json(REQUEST)
    assert answer["status"] == "ok" and answer["warnings"] == [], answer
    folder = Path(answer["run_dir"])
    assert (folder / ".env").read_text() == f"DATABASE_URL={reader}\n"
    ours = [p.name for p in folder.rglob("*") if p.is_file() and "own3r" in p.read_text("utf-8", "replace")]
    assert ours == []
    secret = reader.partition("books_reader:")[2].partition("@")[0]
    kept = [*folder.rglob("*"), *(program.runs_dir.parent / "cache").rglob("*")]
    holders = [p.name for p in kept if p.is_file() and secret.encode() in p.read_bytes()]
    assert holders == [".env"]


def test_a_role_that_can_write_is_warned_of_with_the_remedy(program: CommandLine) -> None:
    with ScriptedModel(COMPARED) as model:
        program.settings.update(LLM_BASE_URL=model.base_url, LLM_MODEL_NAME=model.model)
        (warning,) = program.json(REQUEST, "--dry-run")["warnings"]
    assert "ada may write" in warning and "doctor --create-reader" in warning


def test_a_reader_that_can_write_is_warned_of(program: CommandLine, owned: RunningPostgres) -> None:
    program.settings["DATABASE_READER_URL"] = owned.url("books", "ada", PASSWORD)
    with ScriptedModel(COMPARED) as model:
        program.settings.update(LLM_BASE_URL=model.base_url, LLM_MODEL_NAME=model.model)
        (warning,) = program.json(REQUEST, "--dry-run")["warnings"]
    assert "ada may write" in warning and "Let DATABASE_READER_URL name a role that may only read" in warning


def test_the_doctor_names_what_every_role_may_without_a_warning(program: CommandLine) -> None:
    program.run("doctor", "--create-reader", "--yes")
    line = next(line for line in program.run("doctor").stdout.splitlines() if "books on PostgreSQL" in line)
    assert line.startswith("✓ Database") and "role books_reader may only read" in line
    assert "write large objects" in line and "as every role here" in line


def test_a_broken_reader_url_is_named_as_such(program: CommandLine, owned: RunningPostgres) -> None:
    program.settings["DATABASE_READER_URL"] = owned.url("books", "ada", "wrong")
    shown = program.run("doctor").stdout
    assert "Check user and password in DATABASE_READER_URL" in shown


@pytest.mark.parametrize("option", [["--reader-name", "x"], ["--revoke-public"]])
def test_options_of_the_reader_alone_are_refused(program: CommandLine, option: list[str]) -> None:
    assert program.run("doctor", *option).returncode == 2


def test_the_sample_portfolio_needs_no_other_reader(program: CommandLine) -> None:
    finished = program.run("doctor", "--demo", "--create-reader", "--yes")
    assert finished.returncode == 2 and "has its reader already" in finished.stderr
