"""Checks that a backend can do what it says, and says what it cannot do."""

from __future__ import annotations

from bitboot_core.backend import Announces, Backend, Capabilities
from bitboot_core.errors import UnsupportedOperation
from bitboot_core.model import KnownHost
from bitboot_core.routing_table import RoutingContact

from ._base import ADDRESSES, Checks, Nodes, check, endpoint_of, key_of, raised_by
from ._failing import fail

ANY = {4: "0.0.0.0", 6: "::"}


class CapabilityChecks(Checks):
    """What is declared is true, and what is absent is refused. (Withdrawal: see `lifetimes`.)"""

    @check
    async def test_only_addresses_that_it_can_announce_are_announced(self, nodes: Nodes) -> None:
        """With ANY_ADDRESS somebody else's is found as it was given, with OWN_ADDRESS it is refused."""
        one, other = await nodes.pair()
        key = key_of(one, "addresses")
        foreign = KnownHost(ADDRESSES[min(one.capabilities.families)], 7001)
        if one.capabilities.announces is Announces.OWN_ADDRESS:
            await _expect_refusal(nodes, one, key, foreign, "announces is OWN_ADDRESS")
            return
        await nodes.announce(one, key, foreign)
        found = await nodes.look(other, key)
        if set(found) != {foreign}:
            fail(f"announces is ANY_ADDRESS, and yet {foreign} is found as {', '.join(map(str, found))}")

    @check
    async def test_the_families_are_those_that_it_declares(self, nodes: Nodes) -> None:
        """An address of a declared IP version is found, one of another is refused."""
        one, other = await nodes.pair()
        own = one.capabilities.announces is Announces.OWN_ADDRESS
        for family in (4, 6):
            key = key_of(one, f"family {family}")
            endpoint = KnownHost((ANY if own else ADDRESSES)[family], 7000 + family)
            if family in one.capabilities.families:
                await nodes.announce(one, key, endpoint)
                await nodes.expect(other, key, {endpoint.port}, f"after {endpoint} was announced")
            else:
                await _expect_refusal(nodes, one, key, endpoint, f"families is {_families(one)}")

    @check
    async def test_an_address_left_out_is_its_own(self, nodes: Nodes) -> None:
        """A host that is "any" means the announcing node's: others find one that can be reached."""
        one, other = await nodes.pair()
        key = key_of(one, "mine")
        await nodes.announce(one, key, KnownHost("", 7001))
        found = await nodes.look(other, key)
        if not found or any(peer.is_any or peer.family is None or peer.port != 7001 for peer in found):
            fail(f"an announcement of port 7001 without a host is found as {found}")

    @check
    async def test_port_0_is_its_own_where_it_says_so(self, nodes: Nodes) -> None:
        """With `own_port` it is found as the port that the node is seen at, else it is refused."""
        one, other = await nodes.pair()
        key, mine = key_of(one, "port 0"), KnownHost("", 0)
        if not one.capabilities.own_port:
            await _expect_refusal(nodes, one, key, mine, "own_port is False")
            return
        await nodes.announce(one, key, mine)
        found = await nodes.ports(other, key)
        # A node may have another socket to be asked at: then `_requests` sees whether it answers there.
        is_its_own = len(found) == 1 and 0 not in found and bool(one.capabilities.max_request)
        if found != {one.address.port} and not is_its_own:
            fail(f"port 0 was announced by {one.address}, and a lookup found the ports {sorted(found)}")

    @check
    async def test_it_tells_about_itself(self, nodes: Nodes) -> None:
        """What it says of itself is what the core takes it for, and its capabilities stay the same."""
        node = await nodes.start()
        capabilities = node.capabilities
        if not isinstance(capabilities, Capabilities):
            fail(f"capabilities is {capabilities!r}, which is not a Capabilities")
        if not isinstance(node.address, KnownHost):
            fail(f"address is {node.address!r}, which is not a KnownHost")
        contacts = node.contacts()
        if not isinstance(contacts, list) or not all(isinstance(contact, KnownHost) for contact in contacts):
            fail(f"contacts() returned {contacts!r}, which is not a list of KnownHosts")
        stats = dict(node.stats())
        if not all(
            isinstance(name, str) and isinstance(value, (int, float)) for name, value in stats.items()
        ):
            fail(f"stats() returned {stats!r}, which are not numbers by name")
        table = node.routing_table()
        if not all(isinstance(contact, RoutingContact) and contact.distance >= 0 for contact in table):
            fail(f"routing_table() returned {table!r}, which are not RoutingContacts")
        await nodes.announce(node, key_of(node, "telling"), endpoint_of(node, 7001))
        if node.capabilities != capabilities:
            fail(f"capabilities changed from {capabilities} to {node.capabilities}")

    @check
    async def test_bootstrapping_from_nobody_reaches_nobody(self, nodes: Nodes) -> None:
        """That is not an error: the first node of a network starts so."""
        node = await nodes.start(bootstrap=False)
        answered = await nodes.soon(node.bootstrap([]), "bootstrap([])")
        if answered != 0:
            fail(f"bootstrap([]) returned {answered!r}, not 0")


async def _expect_refusal(nodes: Nodes, node: Backend, key: bytes, endpoint: KnownHost, since: str) -> None:
    error = await raised_by(lambda: nodes.announce(node, key, endpoint))
    if not isinstance(error, UnsupportedOperation):
        fail(f"{since}, and yet announcing {endpoint} raised {error!r}, not UnsupportedOperation")


def _families(node: Backend) -> str:
    return str(sorted(node.capabilities.families))
