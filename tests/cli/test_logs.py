"""What `-v` shows, and that nobody else sees it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence

import pytest

from bitboot_core import KnownHost
from bitboot_core.aio.logs import logger

from .conftest import Cli


@pytest.fixture
def lookup(contacts: Sequence[KnownHost]) -> list[str]:
    """A lookup on a mainline network of this machine."""
    return ["lookup", "mynet", "--listen", "127.0.0.1:0", "--bootstrap", str(contacts[0])]


def test_v_tells_what_is_done_on_stderr(cli: Cli, lookup: list[str]) -> None:
    result = cli(*lookup, "-v", "--json")
    assert [event["event"] for event in result.events] == ["ready", "done"]
    assert " INFO    bitboot_core._networks.guard: mainline: btdht listens on 127.0.0.1:" in result.err
    # Whichever is in touch first: the lookup begins at the contacts too.
    assert "1 of 1 contacts answered" in result.err or "nodes have answered a lookup" in result.err
    assert "DEBUG" not in result.err


def test_vv_tells_of_every_message(cli: Cli, lookup: list[str]) -> None:
    assert " DEBUG   bitboot_btdht.udp: 127.0.0.1:" in cli(*lookup, "-vv").err
    assert " answers get_peers: " in cli(*lookup, "--verbose", "--verbose").err


def test_without_it_there_is_silence_and_nothing_is_left_behind(cli: Cli, lookup: list[str]) -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    assert cli(*lookup, "-vv").err
    assert (root.level, list(root.handlers)) == before
    assert cli(*lookup).err == ""


def test_warnings_are_shown(cli: Cli, lookup: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITBOOT_STATE_DIR", __file__)
    result = cli(*lookup)
    assert result.status == 0
    assert result.err.startswith("WARNING: the contacts ")


def test_the_api_is_silent() -> None:
    code = (
        "from bitboot_core.aio.logs import logger\n"
        "logger('bitboot_core._networks.kept_contacts').warning('nobody asked')\n"
        "logger('my_plugin.node').error('nobody asked')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == done.stdout == ""


def test_each_module_has_a_logger_of_its_package() -> None:
    assert logger("bitboot_core._networks.network").name == "bitboot_core._networks.network"
    assert any(isinstance(one, logging.NullHandler) for one in logging.getLogger("bitboot_core").handlers)
