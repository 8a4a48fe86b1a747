"""docs/contract.md: everything that the kit has is listed, and its example is one that works."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from bitboot_core.testing.contract import (
    BackendContract,
    CommandsContract,
    DefinitionsContract,
    PortMapperContract,
    RouterWorld,
    World,
)

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")


def listed(title: str) -> set[str]:
    """The names in the first column of the table under a title."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_every_check_is_listed() -> None:
    checks = {name.removeprefix("test_") for name in dir(BackendContract) if name.startswith("test_")}
    assert listed("The checks") == checks


def test_every_check_of_definitions_is_listed() -> None:
    checks = {name.removeprefix("test_") for name in dir(DefinitionsContract) if name.startswith("test_")}
    assert listed("A plugin that brings only definitions") == checks


def test_every_check_of_commands_is_listed() -> None:
    checks = {name.removeprefix("test_") for name in dir(CommandsContract) if name.startswith("test_")}
    assert listed("A plugin that brings commands") == checks


def test_every_check_of_port_mappers_is_listed() -> None:
    checks = {name.removeprefix("test_") for name in dir(PortMapperContract) if name.startswith("test_")}
    assert listed("A port mapper") == checks
    section = PAGE.partition("\n## A port mapper\n")[2]
    assert all(f"`{field.name}" in section for field in dataclasses.fields(RouterWorld))


def test_every_field_of_a_world_is_listed() -> None:
    assert listed("The world") == {field.name for field in dataclasses.fields(World)}


def test_every_attribute_is_listed_with_its_default() -> None:
    assert listed("The class") == {"entry_point", "backend", "patience", "grace", "blocking"}
    assert f"fails the check: {BackendContract.patience:g} |" in PAGE
    assert f"must be gone: {BackendContract.grace:g}, as many" in PAGE
    assert f"may take: {BackendContract.blocking:g} |" in PAGE


def test_the_example_works() -> None:
    source, definitions = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(source, "contract.md", "exec"), names)
    contract = names["TestMine"]()
    assert isinstance(contract, BackendContract)
    contract.test_announced_here_is_found_there()
    contract.test_the_entry_point_resolves()
    exec(compile(definitions, "contract.md", "exec"), names)
    assert names["TestMyNetworks"].entry_point == "my-networks"
    assert issubclass(names["TestMyNetworks"], DefinitionsContract)
