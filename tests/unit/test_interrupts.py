"""Signals in the middle of work and of clean-up; sent to this very process."""

from __future__ import annotations

import signal
import threading

import pytest

from meta_agent.interrupts import SIGNALS, Terminated, interruptible, undisturbed


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts(number: int) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(KeyboardInterrupt) as caught, interruptible() as state:
        signal.raise_signal(number)
    assert state.ends_program == (number != signal.SIGINT)
    assert isinstance(caught.value, Terminated) == state.ends_program
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_clean_up_is_not_cut_short_by_a_second_signal() -> None:
    cleaned = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            cleaned.append(True)
    assert cleaned == [True]


def test_a_first_signal_waits_for_the_end_of_clean_up() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append("cleaned")
        done.append("never")
    assert done == ["cleaned"]


def test_a_signal_during_undisturbed_clean_up_after_another_does_nothing() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            with undisturbed():
                signal.raise_signal(signal.SIGINT)
            done.append("went on")
    assert done == ["went on"]


def test_an_error_in_clean_up_is_kept_beside_the_signal() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, interruptible(), undisturbed():
        signal.raise_signal(signal.SIGINT)
        raise ValueError("first")
    assert isinstance(caught.value.__context__, ValueError)


def test_each_block_can_be_interrupted_anew() -> None:
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), interruptible():
            signal.raise_signal(signal.SIGINT)


def test_other_threads_are_left_alone() -> None:
    seen = []

    def work() -> None:
        with interruptible() as state, undisturbed():
            seen.append(state.ends_program)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
