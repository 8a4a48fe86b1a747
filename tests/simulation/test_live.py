"""The experiment `live` in a network whose nodes come and go while they announce and look up."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from bitboot_btdht.simulation import LiveNetwork

ROOT = Path(__file__).parents[2]
KEY = b"k" * 20


@pytest.mark.slow
def test_who_leaves_meanwhile_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    live = importlib.import_module("benchmarks.simulation.live")
    network = LiveNetwork(40, seed=1)
    simulation = network.simulation

    def half_leave() -> None:
        for node in network.nodes[::2]:
            network._leave(node)

    simulation.after(0.05, half_leave)
    there = {network.address_of(node)[:-2] for node in network.nodes[1::2]}
    (announced,) = live.announce(network, [KEY], 20).values()
    assert 0 < len(announced) < 20
    assert {address[:-2] for address in announced} <= there

    stays, leaves = (live.Finder(network, node, KEY, announced) for node in network.nodes[:2])
    network._leave(network.nodes[1])
    simulation.run_until(lambda: stays.is_over and leaves.is_over)
    assert stays.outcome is not None
    assert leaves.outcome is None
