"""Outputs that are gone, closed or full: an end without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .conftest import COMMAND

WATCH = ["join", "mynet", "--port", "6881", "--network", "local"]
LISTS = ["networks"]
LOOKUP = ["lookup", "mynet", "--network", "local"]

posix = pytest.mark.skipif(sys.platform == "win32", reason="pipes and file descriptors of POSIX")


@posix
@pytest.mark.parametrize("arguments", [WATCH, LISTS, LOOKUP, ["--help"], ["plugins"]], ids=lambda one: one[0])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["lines", "json"])
def test_a_reader_that_has_gone_ends_it_quietly(arguments: list[str], form: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*COMMAND, *arguments, *(form if arguments[0] != "--help" else [])],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.stderr, done.returncode) == ("", 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [WATCH, LISTS, LOOKUP, ["--help"], ["plugins"]], ids=lambda one: one[0])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr


@posix
@pytest.mark.parametrize("arguments", [WATCH, LISTS, LOOKUP], ids=lambda one: one[0])
def test_a_closed_stdout_is_one_line(arguments: list[str]) -> None:
    script = 'exec "$@" >&-'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *COMMAND, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "stdout is closed" in done.stderr
