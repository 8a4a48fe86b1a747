"""The kit for plugins that bring commands finds what it is there to find, and nothing else."""

from __future__ import annotations

import pytest

from bitboot_core.testing.contract import CommandsContract

from .conftest import Install

pytestmark = pytest.mark.once

PLUGIN = """
from bitboot_core import hookimpl

BITBOOT_API = 1


@hookimpl
def bitboot_commands():
    import click

    @click.command()
    def mine():
        "Do it."

    return [mine]
"""


class Contract(CommandsContract):
    entry_point = "model"


CHECKS = {name.removeprefix("test_") for name in dir(CommandsContract) if name.startswith("test_")}


def failures() -> dict[str, str]:
    failed = {}
    for name in sorted(CHECKS):
        try:
            getattr(Contract(), f"test_{name}")()
        except pytest.skip.Exception:
            continue
        except pytest.fail.Exception as error:
            failed[name] = str(error)
    return failed


def in_the_hook(line: str) -> str:
    return PLUGIN.replace("    import click\n", f"    {line}\n    import click\n")


BROKEN = {
    "no api version": ("it_brings_commands", PLUGIN.replace("BITBOOT_API = 1", ""), "BITBOOT_API"),
    "a hook that raises": ("it_brings_commands", in_the_hook("raise OSError(5)"), "OSError"),
    "a built-in name": ("it_brings_commands", PLUGIN.replace("mine", "watch"), "bitboot itself"),
    "no command": ("it_brings_commands", PLUGIN.replace("[mine]", "[]"), "brings no command"),
    "no click": ("it_brings_commands", PLUGIN.replace("[mine]", "[5]"), "5 is not a click.Command"),
    "no help": (
        "every_command_says_what_it_does",
        PLUGIN.replace('"Do it."', "pass"),
        "give it a docstring",
    ),
    "reads a file": ("hooks_do_no_io", in_the_hook("open('nothing.txt', 'w').close()"), "nothing.txt"),
    "a heavy import": (
        "asking_for_commands_imports_nothing_heavy",
        in_the_hook("import heavy_library"),
        "heavy_library",
    ),
}


def test_a_good_plugin_passes(install: Install) -> None:
    install(PLUGIN)
    assert failures() == {}


@pytest.mark.parametrize("case", BROKEN)
def test_each_fault_is_found(
    install: Install, case: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, source, words = BROKEN[case]
    install(source)
    monkeypatch.chdir(str(tmp_path))
    failed = failures()
    assert list(failed) == [check]
    assert words in failed[check]


def test_every_check_has_a_plugin_that_fails_it() -> None:
    assert {check for check, _, _ in BROKEN.values()} == CHECKS
