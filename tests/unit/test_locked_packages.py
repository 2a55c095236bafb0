"""A run's requirements.txt: what is asked for, all that it needs, hashes for every file, and nothing else."""

from __future__ import annotations

import re

import pytest

from meta_agent.locked_packages import LOCK, locked_packages, locked_requirements

KNOWN = [
    line.partition("#")[0].strip()
    for line in LOCK.with_suffix(".txt").read_text().splitlines()
    if not line.startswith("#")
]
MADE_UP = """\
# a heading
alpha==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
    # via -r known.txt
beta==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:ba
    # via
    #   alpha
    #   -r known.txt
beta==2.1 ; python_full_version >= '3.12' \\
    --hash=sha256:bb
    # via alpha
viaduct==3.0 \\
    --hash=sha256:ca
    # via
    #   beta
    #   viaticum
"""


def names(text: str) -> list[str]:
    return re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE)


def pinned(name: str) -> str:
    return next(line for line in KNOWN if line.startswith(f"{name}=="))


def test_the_entries_of_a_lock() -> None:
    lock = locked_packages(MADE_UP)
    assert [p.pinned for p in lock] == ["alpha==1.0", "beta==2.0", "beta==2.1", "viaduct==3.0"]
    assert lock[1].text == "beta==2.0 ; python_full_version < '3.12' \\\n    --hash=sha256:ba\n"
    assert lock[0].needed_by == {"-r"}
    assert [set(p.needed_by) for p in lock[2:]] == [{"alpha"}, {"beta", "viaticum"}]


def test_a_file_of_another_form_is_no_lock() -> None:
    with pytest.raises(ValueError, match="not an entry of a lock: 'alpha>=1'"):
        locked_packages("alpha>=1\n")


def test_what_a_package_needs_comes_with_it_and_after_it() -> None:
    text = locked_requirements([pinned("pandas"), pinned("simplejson")])
    assert names(text)[:2] == ["pandas", "simplejson"]
    assert {"numpy", "python-dateutil"} <= set(names(text)[2:])
    assert "flask" not in text and "matplotlib" not in text


def test_what_those_need_comes_too() -> None:
    assert "markupsafe" in names(locked_requirements([pinned("flask")]))


def test_a_package_asked_for_and_needed_comes_once() -> None:
    text = locked_requirements([pinned("pandas"), pinned("numpy")])
    assert names(text).count("numpy") == 1


def test_the_order_of_the_names_changes_nothing() -> None:
    one, other = pinned("pandas"), pinned("flask")
    assert locked_requirements([one, other, one]) == locked_requirements([other, one])


def test_every_file_has_a_hash_and_the_reader_a_heading() -> None:
    text = locked_requirements([pinned("psycopg2-binary"), pinned("simplejson")])
    assert text.startswith(f"# The script uses {pinned('psycopg2-binary')}, {pinned('simplejson')}.\n")
    assert all(part.count("--hash=sha256:") for part in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:])


def test_no_package_no_text() -> None:
    assert locked_requirements([]) == ""


@pytest.mark.parametrize("line", ["pandas", "pandas==0.1", "a==1\n--index-url=x", "-e .", "x @ file:///"])
def test_only_what_the_lock_has_is_taken(line: str) -> None:
    with pytest.raises(ValueError, match="not a usable requirement"):
        locked_requirements([line])


@pytest.mark.parametrize("requirement", KNOWN)
def test_every_known_package_can_be_had(requirement: str) -> None:
    assert names(locked_requirements([requirement]))[0] == requirement.partition("==")[0]
