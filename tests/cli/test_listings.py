"""`bitboot networks` and `bitboot plugins`."""

from __future__ import annotations

from dataclasses import replace

import click
import pytest

from bitboot_core import BackendSpec, NetworkDefinition, Registry
from bitboot_core.testing import (
    FakeBackend,
    FakeDistribution,
    FakeEntryPoint,
    FakePortMapper,
    mapper_spec_of,
    plugin_module,
    spec_of,
)

from .conftest import Cli

GOOD = plugin_module(
    backends=lambda: [replace(spec_of(FakeBackend(), "fake", ["fake"]), build="compiled")],
    networks=lambda: [NetworkDefinition("fakenet", "fake", description="for tests")],
    port_mappers=lambda: [mapper_spec_of(FakePortMapper(), "fakemap")],
    commands=lambda: [click.Command("fakecommand")],
)
PICKY = plugin_module(
    backends=lambda: [
        BackendSpec("picky", ["mainline"], lambda config: FakeBackend(), unavailable=lambda: "no luck")
    ]
)
ENTRY_POINTS = [
    FakeEntryPoint("good", GOOD, FakeDistribution("good-plugin", "1.2")),
    FakeEntryPoint("picky", PICKY, FakeDistribution("picky-plugin", "0.1")),
    FakeEntryPoint("bad", ImportError("no module named x"), FakeDistribution("bad-plugin", "3.0")),
]


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the plugins above."""
    registry = Registry(entry_points=lambda: ENTRY_POINTS, environ={})
    for command in ("networks", "plugins"):
        monkeypatch.setattr(f"bitboot_core._cli.{command}.default_registry", lambda: registry)


def test_plugins_as_json(cli: Cli) -> None:
    result = cli("plugins", "--json")
    assert result.status == 1, "one of them is broken"
    assert result.named("plugin") == [
        {
            "event": "plugin",
            "plugin": "good",
            "distribution": "good-plugin",
            "version": "1.2",
            "backends": ["fake"],
            "builds": {"fake": "compiled"},
            "networks": ["fakenet"],
            "port_mappers": ["fakemap"],
            "commands": ["fakecommand"],
            "unavailable": {},
        },
        {
            "event": "plugin",
            "plugin": "picky",
            "distribution": "picky-plugin",
            "version": "0.1",
            "backends": ["picky"],
            "builds": {},
            "networks": [],
            "port_mappers": [],
            "commands": [],
            "unavailable": {"picky": "no luck"},
        },
    ]
    (problem,) = result.named("problem")
    assert problem.pop("hint")
    assert problem == {
        "event": "problem",
        "plugin": "bad",
        "distribution": "bad-plugin",
        "version": "3.0",
        "stage": "import",
        "error": "ImportError: no module named x",
    }


def test_plugins_for_people(cli: Cli) -> None:
    lines = cli("plugins").out.splitlines()
    assert lines[0] == (
        "plugin: good from good-plugin 1.2, backends: fake (compiled); networks: fakenet; "
        "port mappers: fakemap; commands: fakecommand; runs here: yes"
    )
    assert lines[2].startswith(
        "problem: bad from bad-plugin 3.0, at stage import: ImportError: no module named x ("
    )


def test_no_plugins_at_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(entry_points=list, environ={})
    monkeypatch.setattr("bitboot_core._cli.plugins.default_registry", lambda: registry)
    assert "pip install" in cli("plugins").out
    assert cli("plugins", "--json").out == ""


def test_networks_as_json(cli: Cli) -> None:
    result = cli("networks", "--json")
    assert result.status == 0
    networks = {event.pop("network"): event for event in result.named("network")}
    assert networks["fakenet"] == {
        "event": "network",
        "protocol": "fake",
        "status": "ready",
        "origin": "good-plugin 1.2",
        "backend": "fake",
        "backends": ["fake"],
        "bootstrap": [],
        "problem": "",
        "hint": "",
        "description": "for tests",
    }
    assert networks["mainline"]["backend"] == ""
    assert networks["mainline"]["backends"] == ["picky"]
    assert "no luck" in networks["mainline"]["problem"]
    assert networks["bitcoin"]["status"] == "placeholder"
    assert networks["bitcoin"]["hint"]


def test_networks_for_people(cli: Cli) -> None:
    lines = cli("networks").out.splitlines()
    assert "network: fakenet, protocol fake, ready, served by fake; good-plugin 1.2" in lines
    (mainline,) = (
        line for line in lines if line.startswith("network: mainline, protocol mainline, unavailable, ")
    )
    assert "no luck" in mainline
