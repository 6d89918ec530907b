"""shield.py: a signal waits while something must not be cut in two."""

import signal
import threading
from collections.abc import Iterator

import pytest

from attsync.problems import Stopped
from attsync.shield import Shield


@pytest.fixture(autouse=True)
def _stop_on_signals() -> Iterator[None]:
    """Do as the command line does."""

    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


def test_signal_waits_for_the_end_of_the_block() -> None:
    """Then it stops the program as ever."""
    done = []

    def work(shield: Shield) -> None:
        with shield.held(), shield.held():
            signal.raise_signal(signal.SIGTERM)
            done.append("recorded")
        done.append("never")

    with Shield() as shield, pytest.raises(Stopped) as stopped:
        work(shield)
    assert done == ["recorded"]
    assert stopped.value.exit_code == 143


def test_signal_outside_of_blocks_stops_at_once() -> None:
    """A query that takes minutes can be interrupted."""
    with Shield(), pytest.raises(Stopped):
        signal.raise_signal(signal.SIGINT)


def test_handlers_are_given_back() -> None:
    """And a second signal later stops as well."""
    before = signal.getsignal(signal.SIGTERM)
    with Shield() as shield:
        with pytest.raises(Stopped), shield.held():
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) is before


def test_ignored_signal_stays_ignored() -> None:
    """Nohup means it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Shield() as shield, shield.held():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_are_let_be() -> None:
    """No signal is handled there, and Python refuses to set handlers."""
    done = []

    def work() -> None:
        with Shield() as shield, shield.held():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
