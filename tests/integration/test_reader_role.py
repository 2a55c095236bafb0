"""``doctor --create-reader`` against a real PostgreSQL: what the role it makes can and cannot do."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest
from postgres_fixtures import ESTATE, server  # noqa: F401
from postgres_server import RunningPostgres

from meta_agent.consent import Question, Reply
from meta_agent.databases import open_database, parse_url
from meta_agent.doctor import Check
from meta_agent.env_file import set_variable
from meta_agent.errors import DatabaseError, MetaAgentError, UsageError
from meta_agent.reader_setup import ReaderSetup, ReaderWish

pytestmark = pytest.mark.database

OWNER_PASSWORD = "own3r's p@ss/word"
HOSTILE = 'we"ird; DROP TABLE properties; --\nname'


@dataclass
class Desk:
    """Somebody who answers, the .env on their desk, and what was shown to them."""

    env_file: Path
    replies: list[Reply]
    questions: list[Question] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def ask(self, question: Question, /) -> Reply:
        self.questions.append(question)
        return self.replies[min(len(self.questions), len(self.replies)) - 1]

    @property
    def reader(self) -> str | None:
        if not self.env_file.exists():
            return None
        lines = self.env_file.read_text().splitlines()
        return next(
            (line.partition("=")[2] for line in lines if line.startswith("DATABASE_READER_URL=")), None
        )

    def create(self, url: str | None, **wish: object) -> dict[str, Check]:
        self.questions.clear()
        setup = ReaderSetup(url, self.reader, self.env_file, self, self.shown.append)
        return {check.name: check for check in setup.run(ReaderWish(**wish))}  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / ".env", ["terminal", "no"])


@pytest.fixture
def estate(server: RunningPostgres) -> RunningPostgres:
    """A fresh database as PostgreSQL 14 and older made them: PUBLIC may create in ``public``."""
    server.create_database("estate", ESTATE, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    drop_readers(server)
    return server


def drop_readers(server: RunningPostgres) -> None:
    roles = server.fetch(
        "postgres", "SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^(pg_|postgres$)'"
    )
    for (role,) in roles:
        server.execute("estate", f"DROP OWNED BY {role}")
        server.execute("postgres", f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def writable(statement: str) -> str:
    """The statement in a transaction that undoes the role's read-only default."""
    return f"ROLLBACK; BEGIN READ WRITE; {statement}"


def test_the_reader_reads_every_table_and_changes_none(estate: RunningPostgres, desk: Desk) -> None:
    checks = desk.create(estate.url("estate"))
    assert checks["Reader"].finding == "The role estate_reader was made; it may read 8 tables and views"
    reader = desk.reader
    assert reader is not None
    for table in ("properties", "fin.metrics", "cheap", "fin.totals", "income"):
        assert run(reader, f"SELECT count(*) FROM {table}")
    for statement in (
        "INSERT INTO properties VALUES (99, 'x')",
        "UPDATE fin.metrics SET noi = 1",
        "DELETE FROM properties",
        "TRUNCATE income",
        "CREATE SCHEMA mine",
        "CREATE ROLE other",
        "ALTER ROLE estate_reader SUPERUSER",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run(reader, writable(statement))


def test_its_session_is_bounded(estate: RunningPostgres, desk: Desk) -> None:
    desk.create(estate.url("estate"))
    assert desk.reader is not None
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": "2min",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "1min",
    }
    assert {name: run(desk.reader, f"SHOW {name}")[0][0] for name in settings} == settings
    assert estate.fetch("estate", "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'estate_reader'") == [
        (20,)
    ]


def test_tables_to_come_are_read_too(estate: RunningPostgres, desk: Desk) -> None:
    desk.create(estate.url("estate"))
    estate.execute("estate", "CREATE TABLE fin.later AS SELECT 7 AS seven")
    assert desk.reader is not None and run(desk.reader, "SELECT seven FROM fin.later") == [(7,)]


def test_the_password_stands_in_env_and_nowhere_else(
    estate: RunningPostgres, desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    estate.execute("postgres", "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    desk.env_file.write_text("DATABASE_URL=mine\n# kept\n")
    checks = desk.create(estate.url("estate"))
    assert desk.reader is not None
    password = parse_url(desk.reader).password
    assert password is not None and len(password) >= 32
    said = [*desk.shown, repr(desk.questions), repr(checks), *capfd.readouterr()]
    assert [text for text in said if password in text] == []
    log = estate.log.read_text(errors="replace")
    assert "SCRAM-SHA-256" in log and password not in log
    assert desk.env_file.read_text().startswith(
        "DATABASE_URL=mine\n# kept\nDATABASE_READER_URL=postgresql://"
    )
    assert desk.env_file.stat().st_mode & 0o777 == 0o600


def test_what_public_may_write_is_asked_apart_and_left_alone_without_a_yes(
    estate: RunningPostgres, desk: Desk
) -> None:
    checks = desk.create(estate.url("estate"))
    assert len(desk.questions) == 2 and "affects all roles" in desk.questions[1].warnings[0]
    assert any("lo_creat" in statement for statement in desk.questions[1].shown)
    assert checks["PUBLIC"].state == checks["Rights"].state == "warning"
    assert "may create tables in the schema public" in checks["Rights"].finding
    assert desk.reader is not None
    run(desk.reader, writable("SELECT lo_creat(-1)"))
    run(desk.reader, writable("CREATE TEMP TABLE mine (a integer)"))


def test_with_a_yes_of_its_own_public_loses_what_writes(estate: RunningPostgres, desk: Desk) -> None:
    desk.replies = ["terminal"]
    checks = desk.create(estate.url("estate"))
    assert checks["Rights"] == Check("Rights", "ok", "role estate_reader may only read")
    assert desk.reader is not None
    for statement in (
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_logical_emit_message(false, 'x', 'y')",
        "CREATE TEMP TABLE mine (a integer)",
        "CREATE TABLE public.mine (a integer)",
    ):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run(desk.reader, writable(statement))
    with closing(open_database(desk.reader)) as database:
        assert database.rights().leftovers == ()


@pytest.mark.parametrize(("revoke", "state"), [(False, "warning"), (True, "ok")])
def test_yes_beforehand_speaks_for_public_only_with_its_flag(
    estate: RunningPostgres, desk: Desk, revoke: bool, state: str
) -> None:
    desk.replies = ["--yes"]
    assert desk.create(estate.url("estate"), revoke_public=revoke)["PUBLIC"].state == state


@pytest.mark.parametrize("reply", ["no", "nobody"])
def test_without_agreement_nothing_happens(estate: RunningPostgres, desk: Desk, reply: Reply) -> None:
    desk.replies = [reply]
    with pytest.raises(UsageError) as caught:
        desk.create(estate.url("estate"))
    assert caught.value.exit_code == 2
    assert 'CREATE ROLE "estate_reader"' in "".join(desk.shown)
    assert not desk.env_file.exists()
    assert estate.fetch("estate", "SELECT 1 FROM pg_roles WHERE rolname = 'estate_reader'") == []


def test_run_again_the_password_stays_while_it_works(estate: RunningPostgres, desk: Desk) -> None:
    desk.create(estate.url("estate"))
    before = desk.reader
    estate.execute("estate", "CREATE SCHEMA added", "CREATE TABLE added.t AS SELECT 1 AS a")
    checks = desk.create(estate.url("estate"))
    assert "kept its password" in checks["Reader"].finding
    assert before is not None and desk.reader == before and run(before, "SELECT a FROM added.t") == [(1,)]
    assert "PASSWORD" not in desk.shown[-1]


def test_run_again_without_its_url_the_password_is_new(estate: RunningPostgres, desk: Desk) -> None:
    desk.create(estate.url("estate"))
    before = desk.reader
    desk.env_file.unlink()
    checks = desk.create(estate.url("estate"))
    assert "has a new password" in checks["Reader"].finding
    assert any("cannot log in any more" in warning for warning in desk.questions[0].warnings)
    assert before is not None and desk.reader not in (None, before)
    with pytest.raises(psycopg2.OperationalError):
        run(before, "SELECT 1")


def test_a_role_of_somebody_else_is_left_alone(estate: RunningPostgres, desk: Desk) -> None:
    estate.create_role("estate_reader", "theirs")
    with pytest.raises(UsageError, match="not made by this tool"):
        desk.create(estate.url("estate"))
    assert run(estate.url("estate", "estate_reader", "theirs"), "SELECT 1") == [(1,)]
    assert desk.create(estate.url("estate"), name="other reader")["Reader"].state == "ok"
    assert desk.reader is not None and parse_url(desk.reader).user == "other reader"


@pytest.mark.parametrize("name", ["pg_reader", "PUBLIC", "none", "", "x" * 64, "a\nb"])
def test_a_name_that_postgresql_would_not_take_is_refused(
    estate: RunningPostgres, desk: Desk, name: str
) -> None:
    with pytest.raises(UsageError):
        desk.create(estate.url("estate"), name=name)
    assert desk.shown == []


def test_hostile_names_are_quoted(estate: RunningPostgres, desk: Desk) -> None:
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    estate.execute("estate", f"CREATE SCHEMA {quoted}", f"CREATE TABLE {quoted}.{quoted} AS SELECT 5 AS five")
    desk.create(estate.url("estate"), name='re"ader; DROP ROLE x')
    assert desk.reader is not None
    assert run(desk.reader, f"SELECT five FROM {quoted}.{quoted}") == [(5,)]
    assert run(desk.reader, "SELECT count(*) FROM properties") == [(10,)]


# --- a role that is no superuser ---------------------------------------------------------


@pytest.fixture
def owned(estate: RunningPostgres) -> RunningPostgres:
    """The role ``owner`` has the schema ``own`` with a table, and may read some of what postgres has."""
    estate.create_role("owner", OWNER_PASSWORD, "LOGIN CREATEROLE")
    estate.execute(
        "estate",
        "CREATE SCHEMA own AUTHORIZATION owner",
        "CREATE TABLE own.mine AS SELECT 1 AS a",
        "ALTER TABLE own.mine OWNER TO owner",
        "GRANT SELECT ON properties TO owner WITH GRANT OPTION",
        "GRANT SELECT ON unit TO owner",
    )
    return estate


def owner_url(server: RunningPostgres) -> str:
    return server.url("estate", "owner", OWNER_PASSWORD)


def test_the_reader_gets_what_may_be_passed_on_and_the_rest_is_told(
    owned: RunningPostgres, desk: Desk
) -> None:
    desk.replies = ["terminal"]
    setup = ReaderSetup(owner_url(owned), None, desk.env_file, desk, desk.shown.append)
    checks = list(setup.run(ReaderWish()))
    assert desk.reader is not None
    assert run(desk.reader, "SELECT a FROM own.mine") == [(1,)]
    assert run(desk.reader, "SELECT count(*) FROM properties") == [(10,)]
    for table in ("unit", "fin.metrics"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            run(desk.reader, f"SELECT * FROM {table}")
    not_done = [check.finding for check in checks if check.name == "Not done"]
    assert any('GRANT SELECT ON TABLE "public"."unit"' in finding for finding in not_done)
    assert any("lo_creat" in finding for finding in not_done)
    assert not any("fin" in finding for finding in not_done)  # what it cannot read, its reader need not
    run(owner_url(owned), "CREATE TABLE own.later AS SELECT 2 AS b")
    assert run(desk.reader, "SELECT b FROM own.later") == [(2,)]


def test_a_role_that_may_not_create_roles_gets_the_sql_for_somebody_who_may(
    owned: RunningPostgres, desk: Desk
) -> None:
    owned.execute("estate", "ALTER ROLE owner NOCREATEROLE")
    with pytest.raises(DatabaseError, match="owner may not create roles") as caught:
        desk.create(owner_url(owned))
    assert caught.value.exit_code == 4 and desk.questions == []
    script = "".join(desk.shown)
    assert ":'reader_password'" in script and 'GRANT SELECT ON TABLE "public"."unit"' in script
    # The administrator's psql has the variable; here its value is put in.
    owned.execute("estate", script.replace(":'reader_password'", "'chosen by hand'"))
    reader = owned.url("estate", "estate_reader", "chosen by hand")
    assert run(reader, "SELECT a FROM own.mine") == [(1,)]
    with closing(open_database(reader)) as database:
        assert not database.rights().can_write


def test_a_role_that_may_only_read_needs_no_other(owned: RunningPostgres, desk: Desk) -> None:
    owned.execute("estate", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    owned.create_role("looks", "only looks")
    owned.execute("estate", "GRANT SELECT ON properties TO looks")
    checks = desk.create(owned.url("estate", "looks", "only looks"))
    assert list(checks) == ["Reader"] and "may only read already" in checks["Reader"].finding
    assert desk.shown == [] and desk.questions == []


def test_a_search_path_of_its_own_is_passed_on(owned: RunningPostgres, desk: Desk) -> None:
    owned.execute("estate", "ALTER ROLE owner SET search_path = own, public")
    desk.create(owner_url(owned))
    assert desk.reader is not None and run(desk.reader, "SELECT a FROM mine") == [(1,)]


def test_row_security_is_told(owned: RunningPostgres, desk: Desk) -> None:
    owned.execute("estate", "ALTER TABLE own.mine ENABLE ROW LEVEL SECURITY")
    desk.create(owner_url(owned))
    assert any("Row security is on for own.mine" in warning for warning in desk.questions[0].warnings)


def refuse_by_rule(server: RunningPostgres, role: str) -> None:
    """Have the server let a role in from nowhere, and wait until it does so."""
    rules = server.socket_folder / "pg_hba.conf"
    rules.write_text(f"host all {role},probe all reject\n{rules.read_text()}")
    server.create_role("probe", "probe")
    server.execute("postgres", "SELECT pg_reload_conf()")
    deadline = time.monotonic() + 30
    while True:
        assert time.monotonic() < deadline, "the rule never came into force"
        try:
            run(server.url("postgres", "probe", "probe"), "SELECT 1")
        except psycopg2.OperationalError:
            return


def test_a_reader_that_cannot_log_in_does_not_get_into_env(estate: RunningPostgres, desk: Desk) -> None:
    refuse_by_rule(estate, "kept_out")
    with pytest.raises(DatabaseError, match="cannot be used") as caught:
        desk.create(estate.url("estate"), name="kept_out")
    assert "DATABASE_READER_URL" in caught.value.remedy and not desk.env_file.exists()


@pytest.mark.parametrize("url", [None, "postgresql://nobody:x@127.0.0.1:1/d"])
def test_without_a_database_it_says_so(desk: Desk, url: str | None) -> None:
    with pytest.raises(MetaAgentError) as caught:
        desk.create(url)
    assert caught.value.remedy and desk.shown == []


def test_an_env_file_that_cannot_be_written_is_told(estate: RunningPostgres, desk: Desk) -> None:
    desk.env_file.mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        set_variable(desk.env_file, "DATABASE_READER_URL", "x")
