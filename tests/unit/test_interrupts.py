"""Signals in the middle of work and of clean-up; sent to this very process."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from meta_agent.interrupts import REPEAT_SECONDS, SIGNALS, Terminated, interruptible, undisturbed


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


def test_a_signal_that_the_main_thread_slept_through_reaches_it() -> None:
    """The system may hand it to any thread; then no call of the main thread returns early."""

    def take_it() -> None:
        time.sleep(0.2)  # the main thread waits by then; earlier the test would prove less, not fail
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    taker = threading.Thread(target=take_it)
    begin = time.monotonic()
    with pytest.raises(Terminated), interruptible():
        taker.start()
        time.sleep(60)
    assert time.monotonic() - begin < 50
    taker.join()


def test_other_signals_are_not_repeated() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGWINCH, lambda number, _frame: seen.append(number))
    try:
        with interruptible():
            signal.raise_signal(signal.SIGWINCH)
            time.sleep(5 * REPEAT_SECONDS)
    finally:
        signal.signal(signal.SIGWINCH, before)
    assert seen == [signal.SIGWINCH]


def test_nothing_goes_on_after_the_block() -> None:
    before = threading.active_count()
    with interruptible():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert signal.set_wakeup_fd(-1) == -1
