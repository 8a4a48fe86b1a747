"""The pages in docs/ tell of everything there is, and of nothing else."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import re
import socket
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

import bitboot_core
from bitboot_core import (
    Backend,
    BackendConfig,
    BackendSpec,
    BitBootConfig,
    Capabilities,
    KnownHost,
    NetworkDefinition,
    NetworkState,
    Receipt,
    Registry,
    Scope,
    errors,
    hookspecs,
)
from bitboot_core._cli.program import commands
from bitboot_core._cli.report import checks, events, items, listings, reach, secrets, sizes
from bitboot_core._plugins.plugin import Stage
from bitboot_core.testing import FakeEntryPoint

DOCS = Path(__file__).parents[2] / "docs"
COMMAND_LINE = (DOCS / "command-line.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
WRITE_A_NETWORK = (DOCS / "write-a-network.md").read_text(encoding="utf-8")
PLUGINS = (DOCS / "plugins.md").read_text(encoding="utf-8")
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

EVENTS = {
    kind.name: kind
    for module in (events, items, reach, listings, checks, secrets, sizes)
    for kind in vars(module).values()
    if inspect.isclass(kind) and issubclass(kind, events.Event) and hasattr(kind, "name")
}


def test_every_event_is_shown_with_its_keys() -> None:
    shown = {}
    for block in re.findall(r"^```json\n(.*?)^```$", COMMAND_LINE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            event = json.loads(line)
            name = event.pop("event")
            shown[name] = list(event)
    told = {name: [field.name for field in dataclasses.fields(kind)] for name, kind in EVENTS.items()}
    told["error"].remove("network")  # only where it is one of several
    told["announced"].remove("port")  # only where several peers are announced
    told["announced"].remove("could_store")  # only where far more could have
    for name in ("peer", "peer-joined", "peer-left"):
        told[name].remove("peer_id")  # only where nodes have such ids
        told[name].remove("member")  # only in private swarms
    told["done"].remove("unproved")  # only there
    told["secret"].remove("file")  # in place of the secret
    assert shown == told


def test_every_command_and_option_is_listed() -> None:
    listed = set(re.findall(r"^\| `bitboot (\w+)", COMMAND_LINE, re.MULTILINE))
    assert listed == set(commands())
    options = {
        option
        for command in commands().values()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    assert set(re.findall(r"^\| `(--[\w-]+)", COMMAND_LINE, re.MULTILINE)) == options


def test_every_hook_is_documented_with_its_signature() -> None:
    hooks = {
        name: f"def {name}{inspect.signature(value)}:".replace("'", "")
        for name, value in vars(hookspecs).items()
        if name.startswith("bitboot_")
    }
    assert len(hooks) == 4
    assert [name for name, signature in hooks.items() if signature not in PLUGINS] == []


def first_column(title: str) -> set[str]:
    """The names in the first columns of the tables under a title of plugins.md."""
    (section,) = re.findall(rf"^##+ {title}\n(.*?)(?=^##|\Z)", PLUGINS, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", section, re.MULTILINE))))


def test_every_method_of_a_backend_and_every_stage_is_listed() -> None:
    members = {name for name in dir(Backend) if not name.startswith("_")}
    assert first_column("The backend") == members
    assert first_column("When it does not load") == set(get_args(Stage))


def test_every_capability_and_scope_is_explained() -> None:
    fields = {field.name for field in dataclasses.fields(Capabilities)}
    assert first_column("Capabilities and Scope") == fields | set(Scope.__members__)


def test_every_field_of_a_spec_is_named() -> None:
    fields = [field.name for field in dataclasses.fields(BackendSpec) if field.name != "name"]
    assert [name for name in fields if name not in PLUGINS] == []


def test_the_plugin_loads() -> None:
    source = PYTHON.findall(PLUGINS)[0]
    module = ModuleType("my_plugin.plugin")
    exec(compile(source, "plugins.md", "exec"), module.__dict__)
    registry = Registry(entry_points=lambda: [FakeEntryPoint("mine", module)], environ={})
    assert registry.problems() == []
    assert registry.choose(registry.network("mynet"))[0] == "mine"


async def test_the_udp_backend_echoes() -> None:
    module = ModuleType("my_plugin.echo")
    exec(compile(PYTHON.findall(PLUGINS)[1], "plugins.md", "exec"), module.__dict__)
    echo = module.Echo()
    await echo.start(KnownHost("127.0.0.1", 0))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(20)
            asker.sendto(b"hello", ("127.0.0.1", echo.sockets[4].address.port))
            assert await asyncio.to_thread(asker.recv, 100) == b"hello"
    finally:
        await echo.aclose()


def test_every_page_has_its_place_in_the_index() -> None:
    """Sphinx tells of pages in no toctree; here those that are named and not there fail too."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    entries = [
        line
        for tree in re.findall(r"^```{toctree}\n(.*?)^```$", index, re.MULTILINE | re.DOTALL)
        for line in tree.splitlines()
        if re.fullmatch(r"[\w-]+", line)
    ]
    assert sorted(entries) == sorted(page.stem for page in DOCS.glob("*.md") if page.stem != "index")


def test_the_reference_has_every_public_name() -> None:
    listed = re.findall(r"^\.\. auto(?:class|function|data):: (\w+)$", REFERENCE, re.MULTILINE)
    assert "automodule:: bitboot_core.errors\n   :members:" in REFERENCE
    public = set(bitboot_core._public_names()) - set(vars(errors)) - {"__version__"}
    assert sorted(listed) == sorted(public)


@pytest.mark.parametrize(
    "kind",
    [BitBootConfig, BackendSpec, BackendConfig, Capabilities, NetworkDefinition, Receipt, NetworkState],
)
def test_every_field_is_explained(kind: type) -> None:
    """Frozen dataclasses tell of their fields in the docstring of the class."""
    fields = [field.name for field in dataclasses.fields(kind)]
    told = f"{inspect.getdoc(kind)} {WRITE_A_NETWORK if kind is NetworkDefinition else ''}"
    assert [name for name in fields if f"`{name}`" not in told] == []
