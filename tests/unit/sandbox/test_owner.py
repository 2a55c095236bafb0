from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from meta_agent.sandbox.owner import Owner


def test_this_process_is_not_gone() -> None:
    owner = Owner.parse(Owner.current().label())
    assert owner == Owner.current()
    assert not Owner.current().is_gone()


def test_a_process_that_has_ended_is_gone() -> None:
    code = "from meta_agent.sandbox.owner import Owner; print(Owner.current().label())"
    label = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    owner = Owner.parse(label.strip())
    assert owner is not None
    assert owner.is_gone()


def test_a_later_process_with_the_same_number_is_another() -> None:
    assert replace(Owner.current(), started="1").is_gone()


def test_nothing_lives_through_a_reboot() -> None:
    assert replace(Owner.current(), boot="another").is_gone()


def test_nothing_is_said_about_other_machines() -> None:
    assert not replace(Owner.current(), machine="another", pid=1, started="1").is_gone()


def test_other_peoples_labels_are_not_ours() -> None:
    assert [Owner.parse(label) for label in ("", "x", "a|b|c|d", "a|b|1")] == [None] * 4
