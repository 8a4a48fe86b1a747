"""A home gets another outside address, which no program in it can see: found there within a minute."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from .changes import readdress
from .lab import Lab, wait_for
from .nodes import ask, start_bitboot, start_command, start_public_nodes
from .topology import OUTSIDE

pytestmark = pytest.mark.slow

LIMIT = 60.0
NEW = {"cone1": "93.184.7.2", "lan1": "97.3.8.2", "six1": "98.4.9.2"}
HOMES = {"cone1": "cone", "lan1": "lan", "six1": "six"}


@pytest.fixture(scope="module")
def moved(lab: Lab) -> Iterator[float]:
    """When three homes were moved: in one a program announces, in one it watches too, in one a node idles."""
    start_public_nodes(lab)
    programs = [
        start_command(lab, "cone1", "announce", "announce", "moving-cone1", "--port", "5001"),
        start_command(lab, "lan1", "join", "join", "moving-lan1", "--port", "5001"),
        start_bitboot(lab, "six1"),
    ]
    for host in ("cone1", "lan1"):
        wait_for(partial(_is_found, lab, host, OUTSIDE[host]), f"the announcement from {host}")
    wait_for(lambda: OUTSIDE["six1"] in ask(lab, "six1", "status")["outside"], "the idle node's address")
    for host, home in HOMES.items():
        readdress(lab, home, OUTSIDE[host], NEW[host], "wan")
    yield time.monotonic()
    for program in programs:
        program.stop()


def _is_found(lab: Lab, host: str, address: str) -> bool:
    return f"{address}:5001" in ask(lab, "bb0", "find", swarm=f"moving-{host}")["peers"]


@pytest.mark.parametrize("host", ["cone1", "lan1"])
def test_it_is_found_at_the_new_address(lab: Lab, moved: float, host: str) -> None:
    left = moved + LIMIT - time.monotonic()
    wait_for(partial(_is_found, lab, host, NEW[host]), "the new address", left)


def test_an_idle_node_learns_of_it(lab: Lab, moved: float) -> None:
    def knows() -> bool:
        return NEW["six1"] in ask(lab, "six1", "status")["outside"]

    wait_for(knows, "the new address", moved + LIMIT - time.monotonic())
