"""Folders that cannot be written, a disk that is full, a closed stdin, and .env as people write it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from fault_support import (
    AS_A_USER,
    Arrange,
    Fault,
    Place,
    given,
    model_says,
    needs_root,
    read_until,
)
from pipeline_support import analysis, query
from scripted_model import ChatCall

from meta_agent.errors import ExitCode

pytestmark = [pytest.mark.docker, pytest.mark.database]

USAGE, DATABASE = ExitCode.USAGE, ExitCode.DATABASE


# --- where runs are kept -----------------------------------------------------------


@contextmanager
def read_only(place: Place) -> Iterator[None]:
    place.program.runs_dir.mkdir()
    place.program.runs_dir.chmod(0o555)
    place.program.prefix = AS_A_USER
    yield
    place.program.prefix = ()
    place.program.runs_dir.chmod(0o755)


@contextmanager
def a_file(place: Place) -> Iterator[None]:
    place.program.runs_dir.write_text("")
    yield
    place.program.runs_dir.unlink()


@contextmanager
def a_link_to_nowhere(place: Place) -> Iterator[None]:
    place.program.runs_dir.symlink_to(place.folder / "gone")
    yield
    place.program.runs_dir.unlink()


# --- .env ------------------------------------------------------------------------------


def env_file(content: bytes | None, *, mode: int = 0o600, **settings: str) -> Arrange:
    """This as the only .env (None: no such file), and settings besides; corrected afterwards."""

    @contextmanager
    def arrange(place: Place) -> Iterator[None]:
        right = settings_for_env_file(place)
        file = place.env_file
        if content is not None:
            file.write_bytes(content)
            file.chmod(mode)
        place.program.prefix = AS_A_USER
        with given(**settings)(place):
            yield
        place.program.prefix = ()
        file.unlink(missing_ok=True)
        file.write_text("".join(f"{name}={value}\n" for name, value in right.items()))

    return arrange


def settings_for_env_file(place: Place) -> dict[str, str]:
    """Where model and database are; from now on, the program has it from the place's .env or not at all."""
    place.program.env_file = place.env_file
    names = ("LLM_BASE_URL", "LLM_MODEL_NAME", "LLM_API_KEY", "DATABASE_URL")
    return {name: place.program.settings.pop(name) for name in names}


@contextmanager
def no_env_file(place: Place) -> Iterator[None]:
    """Only where the model is; what else there is to know is said nowhere."""
    known = {name: place.program.settings[name] for name in ("LLM_BASE_URL", "LLM_MODEL_NAME")}
    with env_file(None, **known)(place), model_says(analysis("properties"))(place):
        yield


@contextmanager
def half_filled(place: Place) -> Iterator[None]:
    """As copied from .env.example, with the model's name filled in and nothing else."""
    name, url = place.program.settings["LLM_MODEL_NAME"], place.program.settings["LLM_BASE_URL"]
    content = f"DATABASE_URL=\nLLM_BASE_URL={url}\nLLM_MODEL_NAME={name}\nLLM_API_KEY\nPORT=\n"
    with env_file(content.encode())(place), model_says(analysis("properties"))(place):
        yield


FAULTS = [
    Fault("read-only", USAGE, "Permission denied", "may write to", read_only, leaves_record=False),
    Fault("a file", USAGE, "it is no folder", "Choose a folder", a_file, leaves_record=False),
    Fault(
        "a link to nowhere",
        USAGE,
        "it is no folder",
        "Choose a folder",
        a_link_to_nowhere,
        leaves_record=False,
    ),
    Fault("no .env", DATABASE, "no database is configured", "Set DATABASE_URL in .env", no_env_file),
    Fault("half of .env", DATABASE, "no database is configured", "Set DATABASE_URL in .env", half_filled),
    Fault(
        ".env of another encoding",
        USAGE,
        ".env cannot be read: it is not UTF-8 text",
        ".env.example shows its form",
        env_file("DATABASE_URL=postgresql://müller@h/d".encode("latin-1")),
        leaves_record=False,
    ),
    Fault(
        "an unreadable .env",
        USAGE,
        ".env cannot be read: Permission denied",
        ".env.example shows its form",
        env_file(b"PORT=9000", mode=0),
        leaves_record=False,
    ),
    Fault(
        "a wrong value in .env",
        USAGE,
        "The setting PORT is not usable",
        "Correct PORT",
        env_file(b"PORT=eighty\n"),
        leaves_record=False,
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_the_next_run_works(fault: Fault, meet: Callable[[Fault], None]) -> None:
    meet(fault)


ODD_PASSWORD = "p#a$HOME\"q'${x}&w"


@pytest.mark.parametrize(
    ("written", "quote"),
    [("\ufeff{lines}\r\n", ""), ("# mine\n\nexport {lines}  # the test server\n", '"'), ("{lines}", "'")],
    ids=["BOM and Windows line ends", "double quotes and remarks", "single quotes"],
)
def test_an_env_file_as_people_write_it(place: Place, written: str, quote: str) -> None:
    """With a password that has everything in it that a file, a shell or a URL could take for its own."""
    password = ODD_PASSWORD.replace(quote, "") if quote else ODD_PASSWORD
    place.portfolio.create_role("odd", password)
    place.portfolio.execute("pipeline", "GRANT SELECT ON properties TO odd")
    settings = settings_for_env_file(place)
    settings["DATABASE_URL"] = f"postgresql://odd:{password}@127.0.0.1:{place.portfolio.port}/pipeline"
    lines = [f"{name}={quote}{value}{quote}" for name, value in settings.items()]
    end = "\r\n" if "\r" in written else "\n"
    place.env_file.write_bytes(written.format(lines=end.join(lines)).encode())
    place.next_run_works()
    place.portfolio.execute("pipeline", "REVOKE ALL ON properties FROM odd")


def test_a_link_to_a_folder_is_a_folder(place: Place) -> None:
    (place.folder / "elsewhere").mkdir()
    place.program.runs_dir.symlink_to(place.folder / "elsewhere")
    place.next_run_works()


def test_stdin_that_is_closed_is_no_request(place: Place) -> None:
    place.program.prefix = ("sh", "-c", 'exec "$@" <&-', "sh")
    told = place.end(place.program.start("--json"))
    told.check(Fault("closed", USAGE, "is empty", "Say what you want to know", given()))
    place.next_run_works()


# --- a disk that is full -----------------------------------------------------------


@contextmanager
def small_disk(place: Place) -> Iterator[Callable[[], None]]:
    """The runs lie on a disk of their own; yields what fills it to its last byte."""
    runs = place.program.runs_dir
    runs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(runs)], check=True)

    def fill() -> None:
        with suppress(OSError), (runs / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass

    try:
        yield fill
    finally:
        subprocess.run(["umount", str(runs)], check=True)


FULL = Fault("full", USAGE, "No space left on device", "has space left", given())


@needs_root
def test_a_disk_that_is_full_from_the_beginning(place: Place) -> None:
    with small_disk(place) as fill:
        fill()
        place.run().check(FULL)
        assert [file.name for file in place.program.runs_dir.iterdir()] == ["filler"]
        (place.program.runs_dir / "filler").unlink()
        place.next_run_works()


@needs_root
def test_a_disk_that_becomes_full_while_the_model_writes(place: Place) -> None:
    with small_disk(place) as fill, given(LLM_CACHE="off")(place):

        def fill_and_answer(_call: ChatCall) -> str:
            fill()
            return query()

        place.model.say(query(), fill_and_answer)
        place.check(FULL, place.run())
        (place.program.runs_dir / "filler").unlink()
        place.next_run_works()


@needs_root
def test_a_disk_that_becomes_full_while_the_script_runs(place: Place) -> None:
    (place.folder / "scripts").mkdir()
    source = (
        "import time\n\nprint('running')\ntime.sleep(5)\nopen('results/a.csv', 'w').write('a' * 100_000)\n"
    )
    (place.folder / "scripts" / "given.py").write_text(source)
    with small_disk(place) as fill:
        process = place.program.start("execute", "scripts/given.py", "--json", "--debug")
        read_until(process, "script: running")
        fill()
        place.check(FULL, place.end(process))
        (place.program.runs_dir / "filler").unlink()
        place.next_run_works()
