"""No datagram of ours is larger than every path carries: 1,200 bytes, also where a swarm is crowded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from .lab import Lab, wait_for
from .nodes import PROGRAMS, ask, key_of, side_by_side, start_bitboot, start_public_nodes
from .topology import BITBOOT, DUAL_STACK, OUTSIDE, PUBLIC, ipv6_of

pytestmark = pytest.mark.slow

LARGEST = 1200
"""Bytes of payload: what passes where the MTU is 1280, as IPv6 demands it everywhere."""

HOMES = ("small1", "lossy1")
CROWD = 150
OURS = {
    *BITBOOT.values(),
    *(ipv6_of(host) for host in BITBOOT.keys() & DUAL_STACK),
    *(OUTSIDE[host] for host in HOMES),
}


@pytest.fixture(scope="module")
def seen(lab: Lab) -> Iterator[dict[str, dict[str, int]]]:
    """What the core sees of each of us while two homes join a crowded swarm, and everybody looks it up."""
    start_public_nodes(lab)
    for number in range(CROWD):
        lab.ip("free1", "addr", "add", f"11.{number}.0.1/32", "dev", "lo")
    lab.ip("core", "route", "add", "11.0.0.0/8", "via", PUBLIC["free1"])
    crowd = [sys.executable, str(PROGRAMS / "crowd.py"), key_of("crowd"), str(CROWD), *BITBOOT.values()]
    assert lab.call("free1", *crowd, timeout=120) == ""

    report = lab.folder / "capture.json"
    capture = lab.start("core", sys.executable, str(PROGRAMS / "capture.py"), str(report))
    wait_for(report.exists, "the capture")
    nodes = [start_bitboot(lab, host) for host in HOMES]
    side_by_side(lambda host: ask(lab, host, "announce", swarm="crowd", port=7000), HOMES)
    found = side_by_side(lambda host: ask(lab, host, "find", swarm="crowd")["peers"], [*HOMES, *BITBOOT])
    assert min(map(len, found)) > CROWD / 2
    capture.stop()
    seen: dict[str, dict[str, int]] = json.loads(report.read_text())
    yield {sender: counts for sender, counts in seen.items() if sender in OURS}
    for node in nodes:
        node.stop()


def test_none_is_larger(seen: dict[str, dict[str, int]]) -> None:
    assert seen.keys() == OURS
    largest = {sender: counts["largest"] for sender, counts in seen.items()}
    assert max(largest.values()) > 2 / 3 * LARGEST, "too little was sent to show anything"
    assert max(largest.values()) <= LARGEST, largest


def test_none_comes_in_fragments(seen: dict[str, dict[str, int]]) -> None:
    assert {sender: counts["fragments"] for sender, counts in seen.items() if counts["fragments"]} == {}
