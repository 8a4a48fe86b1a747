"""The README says what is so: its blocks are run, its commands are those that exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from bitboot_core import Registry
from bitboot_core._cli.program import commands as all_commands
from bitboot_core.testing import FakeEntryPoint

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def shell_commands() -> list[list[str]]:
    """The shell blocks' commands, each as a list of words."""
    return [shlex.split(line, comments=True) for block in blocks("sh") for line in block.splitlines()]


@pytest.mark.usefixtures("mainline_here")
def test_the_example_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    example, _ = blocks("python")
    assert 'network="mainline"' in example
    assert len(example.splitlines()) <= 25
    exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.splitlines() == [
        "stored; looking for others",
        "127.0.0.1:6881 from mainline",
        "failures: {}",
    ]


def test_the_plugin_loads() -> None:
    _, source = blocks("python")
    module = ModuleType("my_plugin.plugin")
    exec(compile(source, "README.md", "exec"), module.__dict__)
    entry_point = FakeEntryPoint("mine", module)
    registry = Registry(entry_points=lambda: [entry_point], environ={})
    assert registry.problems() == []
    assert list(registry.backends()) == ["mine"]
    with pytest.raises(ModuleNotFoundError, match="my_plugin"):
        registry.backend("mine").factory(None)  # type: ignore[arg-type]


def test_the_plugin_s_entry_point_is_in_our_group() -> None:
    (source,) = blocks("toml")
    assert tomllib.loads(source) == {"project": {"entry-points": {"bitboot": {"mine": "my_plugin.plugin"}}}}


def test_its_shell_commands_exist() -> None:
    commands = shell_commands()
    assert len(commands) >= 6
    for program, *words in commands:
        if words[:3] == ["-m", "pip", "install"]:
            pass  # tests/packaging/test_pages_install.py
        elif program == "python3":
            assert (ROOT / words[0]).is_file()
        else:
            assert program == "bitboot"
            name, *arguments = words
            all_commands()[name].make_context(name, arguments)  # raises where it does not understand them


def test_ci_runs_its_command_for_the_tests() -> None:
    (tests,) = (words for words in shell_commands() if words == ["python3", "scripts/test.py"])
    assert " ".join(tests) in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(
        r"`((?:bitboot_core|plugins|scripts)/[\w/.]+)`", README
    )
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
