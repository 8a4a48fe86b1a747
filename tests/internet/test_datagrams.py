"""No datagram of ours is larger than every path carries: 1,200 bytes, also where a swarm is crowded."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from .lab import Lab, wait_for
from .nodes import PROGRAMS, ask, key_of, side_by_side, start_bitboot, start_public_nodes
from .topology import BITBOOT, DUAL_STACK, LIBTORRENT, OUTSIDE, ipv6_of

pytestmark = pytest.mark.slow

LARGEST = 1200
"""Bytes of payload: what passes where the MTU is 1280, as IPv6 demands it everywhere."""

HOMES = ("small1", "lossy1")
PORTS = range(30_000, 30_010)
OURS = {*BITBOOT.values(), *(ipv6_of(host) for host in BITBOOT.keys() & DUAL_STACK), *map(OUTSIDE.get, HOMES)}


@pytest.fixture(scope="module")
def seen(lab: Lab) -> Iterator[dict[str, dict[str, int]]]:
    """What the core sees of each sender while two homes join a crowd, and look it up."""
    start_public_nodes(lab)
    report = lab.folder / "capture.json"
    capture = lab.start("core", sys.executable, str(PROGRAMS / "capture.py"), str(report))
    wait_for(report.exists, "the capture")
    for host, port in itertools.product(LIBTORRENT, PORTS):
        ask(lab, host, "announce", keys=[key_of("crowd")], port=port)
    nodes = [start_bitboot(lab, host) for host in HOMES]
    side_by_side(lambda host: ask(lab, host, "announce", swarm="crowd", port=7000), HOMES)

    def crowd_is_seen() -> bool:
        found = side_by_side(lambda host: ask(lab, host, "find", swarm="crowd")["peers"], [*HOMES, *BITBOOT])
        return all(len(peers) > len(LIBTORRENT) for peers in found)

    wait_for(crowd_is_seen, "the crowd")
    capture.stop()
    seen: dict[str, dict[str, int]] = json.loads(report.read_text())
    yield {sender: counts for sender, counts in seen.items() if sender in OURS}
    for node in nodes:
        node.stop()


def test_none_is_larger(seen: dict[str, dict[str, Any]]) -> None:
    assert seen.keys() == OURS
    largest = {sender: counts["largest"] for sender, counts in seen.items()}
    assert max(largest.values()) > LARGEST / 2, "too little was sent to show anything"
    assert max(largest.values()) <= LARGEST, largest


def test_none_comes_in_fragments(seen: dict[str, dict[str, Any]]) -> None:
    assert {sender: counts["fragments"] for sender, counts in seen.items() if counts["fragments"]} == {}
