"""The signals that end a command."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from bitboot_core._cli.signals import Handled

if sys.platform == "win32":
    pytest.skip("there is no SIGHUP", allow_module_level=True)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


def test_they_call_the_handler_and_are_as_before_in_the_end() -> None:
    called = []
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with Handled(lambda number, _: called.append(number)):
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.raise_signal(one)
    assert called == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_under_nohup_a_command_outlives_its_terminal() -> None:
    called = []
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Handled(lambda number, _: called.append(number)):
        signal.raise_signal(signal.SIGHUP)
    assert called == []
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
