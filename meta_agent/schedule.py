"""Ready lines for the schedulers of the system, which run a saved question again and again.

There is no daemon of ours: cron, launchd and systemd do this better. Every name in a command is quoted
for the program that reads it.
"""

from __future__ import annotations

import plistlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meta_agent.errors import UsageError

Every = Literal["hour", "day", "week", "month"]
MONDAY = 1
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True)
class Moment:
    """When something is to happen, in this machine's time."""

    every: Every
    hour: int
    minute: int


@dataclass(frozen=True)
class Job:
    """What is to happen."""

    name: str
    """Of the question, which is also part of file names."""
    command: tuple[str, ...]
    folder: Path
    """Where it is run."""
    log: Path
    """Where what it prints goes."""


def moment_of(every: Every, at: str) -> Moment:
    """Read a time of day. Raises UsageError."""
    found = _TIME.fullmatch(at.strip())
    if found is None:
        raise UsageError(f"{at!r} is no time of day.", "Write it as 07:00.")
    return Moment(every, int(found[1]), int(found[2]))


def cron_line(job: Job, moment: Moment) -> str:
    """A line for ``crontab -e``. Weekly is Monday, monthly the first day."""
    hour = "*" if moment.every == "hour" else str(moment.hour)
    day = "1" if moment.every == "month" else "*"
    weekday = str(MONDAY) if moment.every == "week" else "*"
    command = (
        f"cd {shlex.quote(str(job.folder))} && {shlex.join(job.command)} >> {shlex.quote(str(job.log))} 2>&1"
    )
    return f"{moment.minute} {hour} {day} * {weekday} " + command.replace("%", r"\%")  # cron's line end


def launchd_plist(job: Job, moment: Moment) -> str:
    """A file for ``~/Library/LaunchAgents``."""
    when = {"Minute": moment.minute}
    if moment.every != "hour":
        when["Hour"] = moment.hour
    if moment.every == "week":
        when["Weekday"] = MONDAY
    if moment.every == "month":
        when["Day"] = 1
    text = plistlib.dumps(
        {
            "Label": f"meta-agent.{job.name}",
            "ProgramArguments": list(job.command),
            "WorkingDirectory": str(job.folder),
            "StartCalendarInterval": when,
            "StandardOutPath": str(job.log),
            "StandardErrorPath": str(job.log),
        },
        sort_keys=False,
    ).decode()
    return re.sub(r"^\t+", lambda tabs: "  " * len(tabs[0]), text, flags=re.MULTILINE)


def systemd_service(job: Job) -> str:
    """A file for ``~/.config/systemd/user``."""
    command = " ".join(map(_systemd_word, job.command))
    return (
        f"[Unit]\nDescription=Meta-Agent question {job.name}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={_systemd_path(job.folder)}\nExecStart={command}\n"
        f"StandardOutput=append:{_systemd_path(job.log)}\nStandardError=inherit\n"
    )


def systemd_timer(job: Job, moment: Moment) -> str:
    """The file beside it that says when."""
    time = f"{moment.hour:02}:{moment.minute:02}:00"
    when = {
        "hour": f"*-*-* *:{moment.minute:02}:00",
        "day": f"*-*-* {time}",
        "week": f"Mon *-*-* {time}",
        "month": f"*-*-01 {time}",
    }[moment.every]
    return (
        f"[Unit]\nDescription=When the question {job.name} is asked\n\n"
        f"[Timer]\nOnCalendar={when}\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )


def schedule_text(job: Job, moment: Moment) -> str:
    """All of them, each under a line that says where it goes."""
    unit = f"meta-agent-{job.name}"
    parts: Sequence[tuple[str, str]] = (
        ("cron: add this line with `crontab -e`", cron_line(job, moment) + "\n"),
        (
            f"launchd (macOS): ~/Library/LaunchAgents/meta-agent.{job.name}.plist, then `launchctl load` it",
            launchd_plist(job, moment),
        ),
        (f"systemd: ~/.config/systemd/user/{unit}.service", systemd_service(job)),
        (
            f"systemd: {unit}.timer beside it, then `systemctl --user enable --now {unit}.timer`",
            systemd_timer(job, moment),
        ),
    )
    return "\n".join(f"# {heading}\n{text}" for heading, text in parts)


def schedule_as_json(job: Job, moment: Moment) -> dict[str, str]:
    """The object that ``schedule --json`` prints."""
    return {
        "cron": cron_line(job, moment),
        "launchd": launchd_plist(job, moment),
        "systemd_service": systemd_service(job),
        "systemd_timer": systemd_timer(job, moment),
    }


def _systemd_word(word: str) -> str:
    """One argument of ExecStart, in which %, $, quotes and backslashes have a meaning."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _systemd_path(path: Path) -> str:
    return str(path).replace("%", "%%")
