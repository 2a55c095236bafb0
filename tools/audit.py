"""``make audit``: looks up known vulnerabilities of every locked package, ours and those of run images.

pip-audit asks OSV, and tells OSV which versions of which packages are used. It passes a package
that it could not look up, so its exit status is not ours: 0 nothing is known, 1 something is,
3 not everything could be looked up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meta_agent.locked_packages import LOCK, locked_packages

LOCKS = (*sorted(Path(__file__).with_name("locks").glob("*.txt")), LOCK)
SERVICE = "https://api.osv.dev/v1/query"
VULNERABLE, UNKNOWN = 1, 3


@dataclass
class Findings:
    """What was found out about packages, as ``name==version``."""

    checked: set[str] = field(default_factory=set)
    vulnerable: list[str] = field(default_factory=list)
    """One line for each package and vulnerability."""
    trouble: str = "pip-audit passed them over"
    """Why packages were not checked, where there are such."""


def main(arguments: list[str] | None = None) -> int:
    """Check the lock files and give back the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.audit", description=__doc__)
    parser.add_argument("locks", nargs="*", type=Path, default=LOCKS, metavar="LOCK")
    parser.add_argument("--service", default=SERVICE, metavar="URL", help="another that speaks as OSV does")
    options = parser.parse_args(arguments)
    pins = {p.pinned for lock in options.locks for p in locked_packages(lock.read_text(encoding="utf-8"))}
    return _report(pins, look_up(pins, options.service))


def look_up(pins: Iterable[str], service: str) -> Findings:
    """Ask the service about every pinned package; ends where it cannot be asked."""
    findings = Findings()
    for group in _without_doubles(sorted(pins)):
        said = _pip_audit(group, service)
        answer = _answer(said.stdout)
        if answer is None:
            lines = [line for line in said.stderr.splitlines() if line[:1].isalpha()] or ["no word"]
            findings.trouble = f"pip-audit ended with {lines[-1].partition(': ')[0][:100]}"
            break
        for package in answer:
            _note(package, findings)
    return findings


def _without_doubles(pins: list[str]) -> Iterator[list[str]]:
    """The pins in groups that have each package once: pip-audit takes no second version of one."""
    while pins:
        group = {pin.partition("==")[0]: pin for pin in pins}
        yield list(group.values())
        pins = [pin for pin in pins if pin not in group.values()]


def _pip_audit(pins: list[str], service: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(listed)]
        command += ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        command += ["--vulnerability-service", "osv", "--osv-url", service]
        return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell


def _answer(text: str) -> list[dict[str, Any]] | None:
    try:
        packages: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None
    return packages


def _note(package: dict[str, Any], findings: Findings) -> None:
    pin = f"{package['name']}=={package.get('version')}"  # none where it was passed over
    findings.checked.add(pin)
    for vulnerability in package.get("vulns", []):
        fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        findings.vulnerable.append(f"{pin}  {vulnerability['id']}  fixed in {fixed}")


def _report(pins: set[str], findings: Findings) -> int:
    for line in findings.vulnerable:
        print(line)
    missing = len(pins - findings.checked)
    if missing:
        print(
            f"{missing} of {len(pins)} packages could not be looked up: {findings.trouble}."
            " Connect to the internet, or name a service that can be reached with --service.",
            file=sys.stderr,
        )
    if findings.vulnerable:
        return VULNERABLE
    if missing:
        return UNKNOWN
    print(f"{len(pins)} packages, no known vulnerability.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
