"""For all tests: nothing is written into the user's folders, no error is lost, Ctrl-C is heeded."""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What BITBOOT_STATE_DIR names during one test."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(folder))
    monkeypatch.setenv("BITBOOT_CONFIG", os.devnull)  # nor is anything read that the user configured
    return folder


class _LoopErrors(logging.Handler):
    """Collects what event loops tell of that nobody else will: asyncio only logs it.

    "Task exception was never retrieved", "Task was destroyed but it is pending!", exceptions in callbacks.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        # A formatter shows the traceback, and does not keep the task alive.
        self.seen.append(logging.Formatter().format(record))


_LOOP_ERRORS = _LoopErrors()


def pytest_configure(config: pytest.Config) -> None:
    # Jobs that a shell runs in the background ignore Ctrl-C, and so would all programs that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    logging.getLogger("asyncio").addHandler(_LOOP_ERRORS)
    if config.pluginmanager.hasplugin("hypothesispytest"):  # some environments have no property tests
        from hypothesis import settings  # noqa: PLC0415

        settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
        settings.load_profile("untimed")


def pytest_unconfigure() -> None:
    logging.getLogger("asyncio").removeHandler(_LOOP_ERRORS)


@pytest.fixture
def loop_errors() -> list[str]:
    """What event loops told of during this test. One that expects it clears the list."""
    return _LOOP_ERRORS.seen


def _fail_for_loop_errors(where: str) -> None:
    seen = list(_LOOP_ERRORS.seen)
    _LOOP_ERRORS.seen.clear()
    if seen:
        pytest.fail(
            f"asyncio tells of errors that nobody looked at, {where}:\n" + "\n".join(seen), pytrace=False
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Fail a test whose event loop told of an error, its fixtures' ends included."""
    yield
    _fail_for_loop_errors("in this test")


@pytest.fixture(autouse=True, scope="module")
def _no_lost_errors() -> Iterator[None]:
    """Fail a file's last test where a task that the garbage collector finds has an error that nobody saw.

    Once a file, since a collection after each test would take longer than most tests.
    """
    yield
    gc.collect()
    _fail_for_loop_errors("in one of the tests of this file")
