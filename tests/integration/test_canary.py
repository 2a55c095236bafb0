"""A password and an API key, provoked wherever a run could repeat them, stay in the run's own .env."""

# ruff: noqa: F811 - fixtures are imported, then named as arguments

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary import (
    API_KEY,
    PASSWORD,
    command_lines,
    docker,
    files_with_canary,
    found_in,
    seen_by_docker,
    spelled,
)
from command_line import CommandLine
from pipeline_support import BASE_IMAGE, PORTFOLIO, analysis, left_by, query
from postgres_fixtures import server  # noqa: F401
from postgres_server import RunningPostgres
from scripted_model import Fails, ScriptedModel, ScriptEntry

pytestmark = [pytest.mark.docker, pytest.mark.database]

ROLE = "canary_reader"
REQUEST = f"Show the name and NOI of every property ({PASSWORD} {API_KEY})"
QUERY = "SELECT name, noi FROM properties ORDER BY property_id"
FAILING = "SELECT name, CAST(note AS integer) AS noi FROM properties ORDER BY property_id"
TELLING = '''
"""Tells what it has read in every way a script has: prints, a log, files, an exception."""

import base64
import csv
import json
import os
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2

results, logs, exports = (Path(os.environ[name]) for name in ("OUTPUT_DIR", "LOG_DIR", "EXPORT_DIR"))
connection = psycopg2.connect(os.environ["DATABASE_URL"])
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("SELECT note FROM properties ORDER BY property_id")
notes = [row[0] for row in cursor.fetchall() if row[0]]
for _attempt in range(600):
    cursor.execute("SELECT count(*) FROM go_on")
    if cursor.fetchone()[0]:
        break
    time.sleep(0.1)
for note in notes:
    for begin in ("", "u", "u:"):
        print(note, quote(note), json.dumps(note), base64.b64encode((begin + note).encode()).decode())
rows = [{"note": note, note: 1} for note in notes]
table = {"title": notes[0], "columns": ["note", notes[0]], "rows": rows}
answer = {"tables": [table], "summary": {note: note for note in notes}, "warnings": notes}
(results / "result.json").write_text(json.dumps(answer))
(logs / "script.log").write_text("\\n".join(notes))
(exports / "data" / "notes.bin").write_bytes(b"\\xff\\xfe" + notes[0].encode())
with open(exports / "data" / "notes.csv", "w", newline="") as file:
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([note] for note in notes)
raise RuntimeError(notes)
'''


@pytest.fixture
def database(server: RunningPostgres) -> str:
    """The URL of a database that repeats the secrets in a comment, in rows and in its messages."""
    key = API_KEY.replace("'", "''")
    note = PASSWORD.replace("'", "''")
    server.drop_database("canary")
    server.create_role(ROLE, PASSWORD)
    server.create_database(
        "canary",
        *(statement.replace("pipeline_reader", ROLE) for statement in PORTFOLIO),
        "ALTER TABLE properties ADD note text",
        f"UPDATE properties SET note = '{note}' WHERE property_id = 1",
        f"UPDATE properties SET note = '{key}' WHERE property_id = 2",
        f"COMMENT ON TABLE properties IS 'login with {note}'",
        f"COMMENT ON COLUMN properties.name IS '{key}'",
        "CREATE TABLE go_on (since timestamp)",
        f"GRANT SELECT ON go_on TO {ROLE}",
    )
    return server.url("canary", ROLE, PASSWORD)


@pytest.fixture
def program(database: str, tmp_path: Path) -> Iterator[CommandLine]:
    """The program; of all its files only the runs' own .env may have the secrets, for nobody else to read."""
    settings = {
        "DATABASE_URL": database,
        "LLM_API_KEY": API_KEY,
        "BASE_IMAGE": BASE_IMAGE,
        "META_AGENT_CACHE": str(tmp_path / "cache"),
        "LOG_LEVEL": "TRACE",
    }
    yield CommandLine(tmp_path / "runs", settings)
    places = [folder for folder in (tmp_path / "runs", tmp_path / "cache") if folder.exists()]
    holding = [Path(name) for name in files_with_canary(*places)]
    assert [str(file) for file in holding if file.name != ".env"] == []
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in holding)


def ask(program: CommandLine, *arguments: str, replies: list[ScriptEntry]) -> tuple[str, list[str]]:
    """What was shown on both streams, and what was sent to the model."""
    with ScriptedModel(replies, model="canary-model") as model:
        program.settings |= {"LLM_BASE_URL": model.base_url, "LLM_MODEL_NAME": model.model}
        done = program.run("--debug", *arguments, stdin=REQUEST.encode())
        sent = [json.dumps(call.body, ensure_ascii=False) for call in [*model.test_messages, *model.requests]]
        model._script.clear()  # how often it was asked is not the matter here
    return done.stdout + done.stderr, sent


def only_run(program: CommandLine) -> Path:
    (folder,) = program.runs_dir.iterdir()
    return folder


def test_the_search_finds_every_spelling() -> None:
    for secret in (PASSWORD, API_KEY):
        for text in spelled(secret):
            assert found_in(f"before{text}after"), text
    assert len(spelled(PASSWORD)) > 12
    assert found_in("nothing of it, c@nary or not") == []


@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["for people", "for programs"])
def test_a_question_with_the_secrets_in_it(program: CommandLine, arguments: list[str]) -> None:
    """Through request, comments, stored texts, the database's error and the model server's."""
    echo = Fails(500, message=f"the key {API_KEY} and {PASSWORD} were sent")
    drafts = [query(FAILING), query(FAILING), *[query(QUERY)] * 4]
    shown, sent = ask(program, *arguments, replies=[echo, analysis("properties"), *drafts])
    assert "Maple Court" in shown, shown
    assert found_in(shown) == []
    assert sent and any("****" in text for text in sent)
    assert [found_in(text) for text in sent if found_in(text)] == []
    folder = only_run(program)
    assert "NOI of every property (**** ****)" in (folder / "README.md").read_text()
    assert "NOI of every property (**** ****)" in (folder / "script.py").read_text()
    assert found_in((folder / ".env").read_text()), "the search must find it where it belongs"
    assert ".env" in (folder / ".gitignore").read_text().splitlines()
    assert {"docker-compose.yml", "Dockerfile", "deploy.sh", "run.json"} <= {f.name for f in folder.iterdir()}
    record = json.loads((folder / "run.json").read_text())
    assert "The request had a password in it: it was replaced by ****." in record["warnings"]


def test_the_prompts_shown_are_masked_like_those_sent(program: CommandLine) -> None:
    shown = program.run("prompt", "--debug", REQUEST)
    assert "CREATE TABLE properties" in shown.stdout and "****" in shown.stdout, shown.stderr
    assert found_in(shown.stdout + shown.stderr) == []


def test_a_script_that_tells_everything(
    program: CommandLine, server: RunningPostgres, tmp_path: Path
) -> None:
    """While it runs, only its own container has the password; what it prints, raises and writes is masked."""
    (tmp_path / "telling.py").write_text(TELLING)
    command = program.command("execute", "telling.py", "--debug", "--json")
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=program.environment,
        cwd=tmp_path,
        text=True,
    ) as running:
        try:
            await_script(running)
            own, lines = names_left_by(running.pid), command_lines()
            told = seen_by_docker()
        finally:
            server.execute("canary", "INSERT INTO go_on VALUES (now())")
        shown = "".join(running.communicate())
    assert running.returncode == 7, shown
    holding = [name for name, text in told.items() if found_in(text)]
    assert holding == [f"container {name}" for name in own if name.endswith("-script")]
    assert [name for name in own if name.endswith("-gateway")] and any("-door" in name for name in own)
    assert [line for line in lines if found_in(line)] == []
    assert [name for name, text in seen_by_docker().items() if found_in(text)] == []
    assert found_in(shown) == []
    check_what_it_left(json.loads(shown[: shown.rindex("}") + 1][shown.index("{") :]), only_run(program))


def await_script(running: subprocess.Popen[str]) -> None:
    """Return when a script's container of this process runs."""
    until = time.monotonic() + 240
    while not any(name.endswith("-script") and _runs(name) for name in names_left_by(running.pid)):
        assert running.poll() is None and time.monotonic() < until
        time.sleep(0.05)


def names_left_by(pid: int) -> list[str]:
    return [line.split()[0] for line in left_by(pid)]


def _runs(container: str) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", container).strip() == "true"


def check_what_it_left(answer: dict[str, object], folder: Path) -> None:
    """Masked where it is a text, gone where it is not, and both are told."""
    record = json.loads((folder / "run.json").read_text())
    assert record["execution"]["result"]["summary"] == {"****": "****"}
    assert record["execution"]["result"]["tables"][0]["rows"][0] == {"note": "****", "****": 1}
    assert (folder / "logs/script.log").read_text() == "****\n****"
    assert (folder / "exports/data/notes.csv").read_text().count("****") == 2
    assert json.loads((folder / "results/result.json").read_text())["summary"] == {"****": "****"}
    assert not (folder / "exports/data/notes.bin").exists()
    told = " ".join(record["warnings"])
    assert "exports/data/notes.csv: it was replaced by ****" in told
    assert "exports/data/notes.bin, which is no text: the file was removed" in told
    assert answer["warnings"] == record["warnings"]
    assert "exports/data/notes.bin" not in record["execution"]["files"]


def test_a_script_with_the_password_in_its_text_is_refused(program: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"import json\n\nword = {PASSWORD!r}\nprint(json.dumps(word))\n")
    done = program.run("execute", "own.py", "--debug")
    assert done.returncode == 5, done.stderr
    assert "Line 3: A password of your settings stands in the script" in done.stderr
    assert found_in(done.stdout + done.stderr) == []
    assert not (only_run(program) / "script.py").exists()


@pytest.mark.parametrize("command", [["--json"], ["execute", "s.py", "--json"], ["doctor"], ["prompt", "x"]])
@pytest.mark.parametrize("trouble", ["wrong role", "no URL", "bad option"])
def test_what_is_said_of_a_database_that_cannot_be_opened(
    program: CommandLine, server: RunningPostgres, command: list[str], trouble: str, tmp_path: Path
) -> None:
    (tmp_path / "s.py").write_text("import os\n\nprint(len(os.environ['DATABASE_URL']))\n")
    good = program.settings["DATABASE_URL"]
    program.settings["DATABASE_URL"] = {
        "wrong role": server.url("canary", "nobody_like_that", PASSWORD),
        "no URL": f"postgres ql://{ROLE}:{PASSWORD}@localhost/canary",
        "bad option": f"{good}?no_such_option={API_KEY}",
    }[trouble]
    shown, sent = ask(program, *command, replies=[analysis("properties"), "One, two"])
    assert found_in(shown) == [] and not any(map(found_in, sent))
    assert "Traceback" not in shown or "--debug" in shown
