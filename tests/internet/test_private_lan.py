"""A DHT of one's own on one LAN: every machine finds every other, with no public node about."""

from __future__ import annotations

import pytest

from .lab import Lab, wait_for
from .nodes import ENOUGH, ask, side_by_side, start_bitboot
from .topology import HOMES, NODE_PORT, OFFICE, home_network

pytestmark = pytest.mark.slow

COUNT = 20
LAN = home_network(next(home for home in HOMES if home.hosts == OFFICE))
ADDRESSES = {host: f"{LAN}.{10 + index}" for index, host in enumerate(OFFICE)}


def test_all_machines_of_one_lan_find_each_other(lab: Lab) -> None:
    first = f"{ADDRESSES['pc0']}:{NODE_PORT}"
    for host in OFFICE:
        start_bitboot(lab, host, listen=f":{NODE_PORT}", bootstrap=[] if host == "pc0" else [first])
    side_by_side(
        lambda host: wait_for(
            lambda: len(ask(lab, host, "status")["contacts"]) >= ENOUGH, f"{host} to know others"
        ),
        OFFICE,
    )
    members = OFFICE[:COUNT]
    side_by_side(lambda host: ask(lab, host, "announce", swarm="office", port=7000), members)
    wanted = sorted(f"{ADDRESSES[host]}:7000" for host in members)
    found = side_by_side(lambda host: ask(lab, host, "find", swarm="office")["peers"], OFFICE)
    assert found == [wanted] * len(OFFICE)
