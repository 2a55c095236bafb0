"""Lines for cron, launchd and systemd mean the same command, whatever characters are in it."""

from __future__ import annotations

import plistlib
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from meta_agent.errors import UsageError
from meta_agent.schedule import (
    Every,
    Job,
    Moment,
    cron_line,
    launchd_plist,
    moment_of,
    schedule_as_json,
    schedule_text,
    systemd_service,
    systemd_timer,
)

AWKWARD = 'city=50% of "O\'Fallon" & $HOME; \\ <x> `id`'


def job(folder: Path, *words: str) -> Job:
    return Job("monthly-dscr", ("/usr/bin/printf", "%s\\n", *words), folder, folder / "a log.txt")


def test_cron_runs_the_very_command(tmp_path: Path) -> None:
    """A shell runs what cron makes of the line: everything after the five fields, ``\\%`` being a percent."""
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    line = cron_line(job(folder, AWKWARD), Moment("month", 7, 5))
    assert line.startswith("5 7 1 * * ") and "\n" not in line
    assert re.search(r"(?<!\\)%", line) is None
    subprocess.run(["/bin/sh", "-c", line.split(" ", 5)[5].replace(r"\%", "%")], check=True)
    assert (folder / "a log.txt").read_text() == f"{AWKWARD}\n"


@pytest.mark.parametrize(
    ("every", "fields", "calendar", "launchd"),
    [
        ("hour", "5 * * * *", "*-*-* *:05:00", {"Minute": 5}),
        ("day", "5 7 * * *", "*-*-* 07:05:00", {"Minute": 5, "Hour": 7}),
        ("week", "5 7 * * 1", "Mon *-*-* 07:05:00", {"Minute": 5, "Hour": 7, "Weekday": 1}),
        ("month", "5 7 1 * *", "*-*-01 07:05:00", {"Minute": 5, "Hour": 7, "Day": 1}),
    ],
)
def test_all_three_mean_the_same_time(
    tmp_path: Path, every: Every, fields: str, calendar: str, launchd: dict[str, int]
) -> None:
    moment = Moment(every, 7, 5)
    assert cron_line(job(tmp_path), moment).startswith(f"{fields} cd ")
    assert f"OnCalendar={calendar}\n" in systemd_timer(job(tmp_path), moment)
    assert plistlib.loads(launchd_plist(job(tmp_path), moment).encode())["StartCalendarInterval"] == launchd


def test_launchd_reads_the_very_command(tmp_path: Path) -> None:
    text = launchd_plist(job(tmp_path, AWKWARD, "\ta tab"), Moment("day", 7, 0))
    assert "\n\t" not in text
    found = plistlib.loads(text.encode())
    assert found["ProgramArguments"] == ["/usr/bin/printf", "%s\\n", AWKWARD, "\ta tab"]
    assert (found["Label"], found["WorkingDirectory"]) == ("meta-agent.monthly-dscr", str(tmp_path))


def test_systemd_reads_the_very_command(tmp_path: Path) -> None:
    service = systemd_service(job(tmp_path / "100%", AWKWARD))
    (written,) = re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)
    assert not re.search(r"%", written.replace("%%", "")) and not re.search(r"\$", written.replace("$$", ""))
    words = [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(written)]
    assert words == ["/usr/bin/printf", "%s\\n", AWKWARD]
    assert f"WorkingDirectory={tmp_path}/100%%\n" in service


@pytest.mark.parametrize("text", ["", "7", "24:00", "07:60", "7 am", "07:00:00"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="no time of day"):
        moment_of("day", text)


def test_everything_is_printed_under_its_place(tmp_path: Path) -> None:
    moment = moment_of("day", "7:00")
    text = schedule_text(job(tmp_path), moment)
    assert all(part in text for part in schedule_as_json(job(tmp_path), moment).values())
    assert [line.split(":")[0] for line in text.splitlines() if line.startswith("# ")] == [
        *("# cron", "# launchd (macOS)", "# systemd", "# systemd")
    ]
