"""`bitboot demo`."""

from __future__ import annotations

import pytest

from bitboot_core import Registry
from bitboot_core.testing import FakeBackend, FakeEntryPoint, plugin_module, spec_of

from .conftest import Cli


def test_five_peers_are_found_by_somebody_who_knew_none(cli: Cli) -> None:
    result = cli("demo", "--json")
    assert result.status == 0
    assert result.named("started") == [{"event": "started", "network": "mainline", "nodes": 16}]
    assert len(result.named("announced")) == 5
    assert all(event["stored_on"] > 0 for event in result.named("announced"))
    peers = [(event["host"], event["port"]) for event in result.named("peer")]
    assert sorted(peers) == [("127.0.0.1", port) for port in range(50001, 50006)]
    (cost,) = result.named("cost")
    assert cost["datagrams"] > 0
    assert cost["milliseconds"] > 0
    assert result.events[-1]["event"] == "done"
    assert result.events[-1]["peers"] == 5


def test_for_people_it_ends_with_what_it_cost(cli: Cli) -> None:
    lines = cli("demo").out.splitlines()
    assert lines[0] == "started: mainline of 16 nodes on this machine alone"
    assert lines[-2].startswith("cost: ")
    assert lines[-1].startswith("done: bitboot-demo, 5 peers found in ")


def test_without_a_backend_that_can_do_it_it_says_what_to_install(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = plugin_module(backends=lambda: [spec_of(FakeBackend(), "plain", ["mainline"])])
    registry = Registry(
        entry_points=lambda: [FakeEntryPoint("plain", module)],
        environ={},
    )
    monkeypatch.setattr("bitboot_core._cli.demo.default_registry", lambda: registry)
    result = cli("demo", "--json")
    assert result.status == 1
    (event,) = result.events
    assert event["error"] == "NetworkUnavailable"
    assert "bitboot-core[btdht]" in event["hint"]
