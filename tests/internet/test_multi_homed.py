"""A host with two addresses answers from the one that was asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .lab import Lab, wait_for
from .nodes import BITBOOT_COMMAND, answers_ping, ask, lookup, start_bitboot
from .topology import NODE_PORT, PUBLIC, SECOND_ADDRESS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network(lab: Lab) -> Iterator[Lab]:
    """A network of two nodes: `multi`, and `free1`, which has announced the swarm `two-homes` on it."""
    start_bitboot(lab, "multi", listen=f":{NODE_PORT}", bootstrap=[])
    wait_for(lambda: ask(lab, "multi", "status"), "the node")
    first = f"{PUBLIC['multi']}:{NODE_PORT}"
    arguments = ["announce", "two-homes", "--port", "5000", "--bootstrap", first, "--json"]
    announcer = lab.start("free1", *BITBOOT_COMMAND, *arguments)
    wait_for(lambda: '"announced"' in lab.log_of("free1").read_text(), "the announcement")
    yield lab
    announcer.stop()


@pytest.mark.parametrize("address", [PUBLIC["multi"], SECOND_ADDRESS])
def test_it_answers_a_stranger(network: Lab, address: str) -> None:
    assert answers_ping(network, "free2", address)


@pytest.mark.parametrize("address", [PUBLIC["multi"], SECOND_ADDRESS])
def test_a_lookup_through_it_finds(network: Lab, address: str) -> None:
    found = lookup(network, "free2", "two-homes", "--bootstrap", f"{address}:{NODE_PORT}")
    assert found == [f"{PUBLIC['free1']}:5000"]
