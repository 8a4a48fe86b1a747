"""The kit for plugins that bring only definitions finds what it is there to find, and nothing else."""

from __future__ import annotations

import pytest

from bitboot_core.testing.contract import DefinitionsContract

from .conftest import Install

pytestmark = pytest.mark.once

PLUGIN = """
from bitboot_core import KnownHost, NetworkDefinition, hookimpl

BITBOOT_API = 1


@hookimpl
def bitboot_networks():
    contacts = [KnownHost("dht1.example.org", 4000)]
    return [NetworkDefinition("mine", "mainline", contacts, "nodes of mine")]
"""


class Contract(DefinitionsContract):
    entry_point = "model"


CHECKS = {name.removeprefix("test_") for name in dir(DefinitionsContract) if name.startswith("test_")}


def outcomes() -> tuple[dict[str, str], dict[str, str]]:
    """What failed and what was skipped, with the reasons."""
    failed, skipped = {}, {}
    for name in sorted(CHECKS):
        try:
            getattr(Contract(), f"test_{name}")()
        except pytest.skip.Exception as skip:
            skipped[name] = str(skip)
        except pytest.fail.Exception as error:
            failed[name] = str(error)
    return failed, skipped


def in_the_hook(line: str) -> str:
    return PLUGIN.replace("    contacts =", f"    {line}\n    contacts =")


BROKEN = {
    "no api version": ("it_brings_definitions", PLUGIN.replace("BITBOOT_API = 1", ""), "BITBOOT_API"),
    "a hook that raises": ("it_brings_definitions", in_the_hook("raise OSError(5)"), "OSError"),
    "a misspelt hook": (
        "it_brings_definitions",
        PLUGIN.replace("bitboot_networks", "bitboot_network"),
        "bitboot_network",
    ),
    "an invalid name": ("it_brings_definitions", PLUGIN.replace('"mine"', '"mi ne"'), "mi ne"),
    "no port": ("it_brings_definitions", PLUGIN.replace("4000", "0"), "nobody can be reached"),
    "no hookimpl": ("it_brings_definitions", PLUGIN.replace("@hookimpl", ""), "hookimpl"),
    "a built-in name": (
        "it_brings_definitions",
        PLUGIN.replace('"mine"', '"mainline"'),
        "named mainline",
    ),
    "a contact twice": ("contacts_are_stated_once", PLUGIN.replace("contacts, ", "contacts * 2, "), "twice"),
    "no description": ("every_network_is_described", PLUGIN.replace('"nodes of mine"', '""'), "one line"),
    "asks the DNS": (
        "hooks_do_no_io",
        in_the_hook("import socket; socket.getaddrinfo('127.0.0.1', 1)"),
        "socket.getaddrinfo",
    ),
    "reads a file": ("hooks_do_no_io", in_the_hook("import os; open(os.devnull).close()"), "open"),
    "a socket when imported": (
        "hooks_do_no_io",
        f"import socket\nsocket.socket().close()\n{PLUGIN}",
        "socket.__new__",
    ),
    "imports a library": ("hooks_import_nothing_heavy", f"import heavy_library\n{PLUGIN}", "heavy_library"),
}
"""A plugin by what is wrong with it: the check that fails, its source, and a word of the message."""


def test_a_plugin_that_keeps_the_contract_passes(install: Install) -> None:
    install(PLUGIN)
    assert outcomes() == ({}, {})


def test_a_placeholder_s_name_may_be_taken(install: Install) -> None:
    install(PLUGIN.replace('"mine"', '"bitcoin"'))
    assert outcomes() == ({}, {})


def test_importing_inside_a_hook_is_no_io(install: Install) -> None:
    install(in_the_hook("import wave"))
    assert outcomes() == ({}, {})


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_fails_one_check_and_only_that(name: str, install: Install) -> None:
    check, source, word = BROKEN[name]
    install(source)
    failed, _ = outcomes()
    assert list(failed) == [check], failed
    assert word in failed[check]


def test_every_check_has_a_plugin_that_breaks_it() -> None:
    assert {check for check, _, _ in BROKEN.values()} == CHECKS


def test_a_plugin_that_is_not_installed_is_told_so() -> None:
    failed, skipped = outcomes()
    assert list(failed) == ["it_brings_definitions"]
    assert "is the plugin installed" in failed["it_brings_definitions"]
    assert set(skipped) == CHECKS - set(failed)
