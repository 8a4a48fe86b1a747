"""Nodes of a DHT that meet over the local network: with no contact, and no internet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    BackendError,
    BitBoot,
    BootstrapFailed,
    Capabilities,
    KnownHost,
    NetworkDefinition,
    Receipt,
    Registry,
    Scope,
)
from bitboot_core._networks.neighbours import AGAIN, ALONE, LIFETIME, meeting_key
from bitboot_core.testing import FakeBackend, ManualClock, fails, spec_of

SEED = KnownHost("192.0.2.1", 6881)
NEIGHBOUR = KnownHost("192.168.1.3", 6881)
FAR = Capabilities(can_withdraw=False, announces=Announces.OWN_ADDRESS, scope=Scope.PUBLIC, own_port=True)
NEAR = Capabilities(can_withdraw=True, announces=Announces.OWN_ADDRESS, scope=Scope.LAN)


class Dht(FakeBackend):
    """A node that reaches the contacts that are up, and knows them from then on."""

    def __init__(self, *up: KnownHost, address: KnownHost | None = None, **more: Any) -> None:
        super().__init__(**{"capabilities": FAR, **more})
        self.up = set(up)
        self._address = address or KnownHost("0.0.0.0", 4000)

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        self.calls.append(("bootstrap", tuple(contacts)))
        self.known = [contact for contact in contacts if contact in self.up]
        if contacts and not self.known:
            raise BootstrapFailed("no answer")
        return len(self.known)

    @property
    def address(self) -> KnownHost:
        return self._address


class Lan(FakeBackend):
    """A local network: what is announced there, and who was found."""

    def __init__(self, *peers: KnownHost, **acts: Any) -> None:
        super().__init__(peers=peers, capabilities=NEAR, **acts)
        self.announced: list[tuple[bytes, KnownHost, float]] = []

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        await super().announce(key, endpoint, lifetime=lifetime)
        self.announced.append((key, endpoint, lifetime))
        return Receipt(1, lifetime)

    @property
    def seen_at(self) -> list[str]:
        return ["192.168.1.2"]


@pytest.fixture
async def serve(clock: ManualClock, registry: Registry) -> AsyncIterator[Any]:
    """Start a BitBoot on a DHT, and on a local network that is not called `lan`."""
    opened: list[BitBoot] = []

    async def start(dht: FakeBackend, lan: FakeBackend | None, **settings: Any) -> BitBoot:
        number = len(opened)
        registry.register_backend(spec_of(dht, f"dht{number}", [f"dht{number}"]))
        bootstrap = settings.pop("starts_from", [])
        networks = [NetworkDefinition("dht", f"dht{number}", bootstrap)]
        if lan is not None:
            registry.register_backend(spec_of(lan, f"near{number}", [f"near{number}"]))
            networks.append(NetworkDefinition("house", f"near{number}"))
        bitboot = BitBoot(network=networks, registry=registry, clock=clock, state_dir=False, **settings)
        opened.append(bitboot)
        await bitboot.__aenter__()
        await clock.settle()
        return bitboot

    yield start
    for bitboot in opened:
        await bitboot.aclose()


async def test_a_node_announces_its_own_port_and_starts_from_whom_it_finds(serve: Any) -> None:
    dht, lan = Dht(NEIGHBOUR), Lan(NEIGHBOUR)
    bitboot = await serve(dht, lan)
    ((_, endpoint, lifetime),) = lan.announced
    assert (endpoint, lifetime) == (KnownHost("", 4000), LIFETIME)
    assert dht.known == [NEIGHBOUR]
    assert bitboot.networks()["dht"].contacts == 1


async def test_where_no_contact_answers_neighbours_make_it_ready(serve: Any) -> None:
    dht = Dht(NEIGHBOUR)
    bitboot = await serve(dht, Lan(NEIGHBOUR), starts_from=[SEED])
    await bitboot.ready(1)
    state = bitboot.networks()["dht"]
    assert state.ready
    assert state.error is None


async def test_without_a_local_network_nobody_is_met(serve: Any, clock: ManualClock) -> None:
    dht = Dht(NEIGHBOUR)
    await serve(dht, None)
    await clock.advance(1_000)
    assert dht.count("bootstrap") == 0


async def test_it_looks_again_soon_while_it_is_alone_and_seldom_after(serve: Any, clock: ManualClock) -> None:
    dht, lan = Dht(NEIGHBOUR), Lan()
    await serve(dht, lan)
    await clock.advance(4 * ALONE)
    assert lan.count("lookup") == 3
    await clock.advance(AGAIN)
    assert 7 <= lan.count("lookup") <= 9
    lan.peers = [NEIGHBOUR]
    await clock.advance(1.2 * AGAIN / 5)
    assert dht.known == [NEIGHBOUR]
    before = lan.count("lookup")
    await clock.advance(4 * AGAIN)
    assert 3 <= lan.count("lookup") - before <= 5
    lasted = 4 * ALONE + 5 * AGAIN + 1.2 * AGAIN / 5
    assert lasted / AGAIN <= len(lan.announced) <= 2 * lasted / AGAIN + 1


async def test_whom_it_met_is_tried_again_when_all_are_gone(serve: Any, clock: ManualClock) -> None:
    dht, lan = Dht(NEIGHBOUR), Lan(NEIGHBOUR)
    await serve(dht, lan)
    lan.peers = []
    dht.known = []
    await clock.advance(60)
    assert dht.known == [NEIGHBOUR]


async def test_it_does_not_meet_itself(serve: Any) -> None:
    dht = Dht()
    await serve(dht, Lan(KnownHost("192.168.1.2", 4000), KnownHost("0.0.0.0", 0)))
    assert dht.count("bootstrap") == 0


async def test_how_many_are_taken_is_bounded(serve: Any) -> None:
    dht = Dht(NEIGHBOUR)
    await serve(dht, Lan(*(KnownHost(f"192.168.1.{number}", 6881) for number in range(3, 200))))
    (call,) = [call for call in dht.calls if call[0] == "bootstrap"]
    assert len(call[1]) == 16


async def test_a_read_only_node_looks_and_is_no_contact_for_others(serve: Any) -> None:
    dht, lan = Dht(NEIGHBOUR), Lan(NEIGHBOUR)
    await serve(dht, lan, read_only=True)
    assert lan.announced == []
    assert dht.known == [NEIGHBOUR]


async def test_a_node_at_one_address_announces_that(serve: Any) -> None:
    lan = Lan()
    await serve(Dht(address=KnownHost("192.168.1.2", 4000)), lan)
    assert [endpoint for _, endpoint, _ in lan.announced] == [KnownHost("192.168.1.2", 4000)]


@pytest.mark.parametrize("error", [BackendError("unreachable"), ValueError("a mistake")])
async def test_what_goes_wrong_on_the_local_network_stops_nothing(
    serve: Any, clock: ManualClock, error: Exception
) -> None:
    dht, lan = Dht(NEIGHBOUR, SEED), Lan(NEIGHBOUR, announce=fails(error))
    bitboot = await serve(dht, lan, starts_from=[SEED])
    await bitboot.ready(1)
    dht.known = []
    dht.up.discard(SEED)
    lan.acts.clear()
    await clock.advance(1.2 * AGAIN)
    assert dht.known == [NEIGHBOUR]


def test_networks_that_are_not_the_same_do_not_meet() -> None:
    """Nor do two that share a name, and start from other contacts: a testnet is not the public network."""

    def key(name: str, protocol: str, *starts_from: KnownHost) -> bytes:
        network: Any = SimpleNamespace(definition=NetworkDefinition(name, protocol), starts_from=starts_from)
        return meeting_key(network)

    others = {
        key("dht", "mainline"),
        key("dht", "mainline", SEED),
        key("dht", "mainline", NEIGHBOUR),
        key("dht", "kademlia"),
        key("another", "mainline"),
    }
    assert len(others) == 5
    assert key("dht", "mainline", SEED, NEIGHBOUR) == key("dht", "mainline", NEIGHBOUR, SEED)
    assert key("dht", "mainline", SEED) in others


async def test_a_network_without_contacts_meets_nobody(serve: Any) -> None:
    """Such as one in memory, or another local one."""
    lan = Lan(NEIGHBOUR)
    await serve(Dht(capabilities=Capabilities(**_of(FAR, scope=Scope.PROCESS))), lan)
    await serve(Dht(capabilities=Capabilities(**_of(FAR, own_port=False))), lan)
    assert lan.announced == []


def _of(capabilities: Capabilities, **changes: Any) -> dict[str, Any]:
    return {name: getattr(capabilities, name) for name in Capabilities.__dataclass_fields__} | changes


async def test_it_ends_with_either_network(serve: Any, clock: ManualClock) -> None:
    dht, lan = Dht(), Lan()
    bitboot = await serve(dht, lan)
    await bitboot.remove_network("house")
    before = lan.count("lookup")
    await clock.advance(1_000)
    assert lan.count("lookup") == before


async def test_a_network_that_is_added_later_helps_too(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    dht, lan = Dht(NEIGHBOUR), Lan(NEIGHBOUR)
    bitboot = await serve(dht, None)
    registry.register_backend(spec_of(lan, "near", ["near"]))
    await bitboot.add_network(NetworkDefinition("house", "near"))
    await clock.settle()
    assert dht.known == [NEIGHBOUR]
