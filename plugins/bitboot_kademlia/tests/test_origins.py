"""Ids bound to addresses, and strangers who surround a key with ids of their choice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from bitboot_kademlia.node import PeerNode
from bitboot_kademlia.origins import Origin, Spread, bound_id, fits, origin_of, preferred
from bitboot_kademlia.testnet import Testnet
from bitboot_kademlia.wire import Address, pack_node

from bitboot_core import KnownHost
from bitboot_core.aio.limits import packed

from .internet import Internet, address_of, find, introduce

Choose = Callable[[bytes, int, str], bytes]
"""An id next to a key, for the liar of that number on that host."""

KEYS = 10


def test_an_address_has_a_few_places_in_the_space_of_ids() -> None:
    rng = random.Random(1)
    ip = packed("66.6.6.6")
    ids = [bound_id(ip, rng) for _ in range(200)]
    assert all(fits(one, ip) for one in ids)
    assert len({one[:2] for one in ids}) == 8
    assert not any(fits(one, packed("66.6.6.7")) for one in ids)
    assert not any(fits(rng.randbytes(20), ip) for _ in range(200))


def test_an_ipv6_address_counts_by_its_64() -> None:
    node_id = bound_id(packed("2600:1:2:3::1"), random.Random(1))
    assert fits(node_id, packed("2600:1:2:3:ffff::9"))
    assert not fits(node_id, packed("2600:1:2:4::1"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "100.64.3.4", "fe80::1", "fd00::1"]
)
def test_addresses_that_are_shared_bind_nobody(host: str) -> None:
    assert origin_of(packed(host)) is None
    assert fits(random.Random(1).randbytes(20), packed(host))


@dataclass
class One:
    origin: Origin | None
    fits: bool = True


def test_a_few_of_each_source_and_network_are_preferred() -> None:
    hosts = ["66.6.6.6"] * 5 + [
        "66.6.6.7",
        "66.6.6.8",
        "66.6.6.9",
        "66.7.7.7",
        "10.0.0.1",
        "10.0.0.1",
        "10.0.0.1",
    ]
    ordered = [One(origin_of(packed(host))) for host in hosts]
    ordered.append(One(origin_of(packed("66.8.8.8")), fits=False))
    passed_over: list[One] = []
    chosen = list(preferred(ordered, Spread(per_source=2, per_network=3), passed_over))
    assert [next(at for at, other in enumerate(ordered) if other is one) for one in chosen] == [
        0,
        1,
        5,
        8,
        9,
        10,
        11,
    ]
    assert len(passed_over) == len(ordered) - len(chosen)


# Who stands around a key


def chosen_id(key: bytes, number: int, host: str) -> bytes:
    """Next to the key, whatever the address."""
    return key[:16] + number.to_bytes(4, "big")


def fitting_id(key: bytes, number: int, host: str) -> bytes:
    """As near to the key as an id can be that fits the address."""
    target = int.from_bytes(key, "big")
    rng = random.Random(number)
    made = (bound_id(packed(host), rng) for _ in range(64))
    prefix = min(made, key=lambda one: int.from_bytes(one, "big") ^ target)
    return prefix[:3] + key[3:18] + bytes((number,)) + prefix[19:]


async def surround(
    internet: Internet,
    nodes: list[PeerNode],
    key: bytes,
    hosts: list[str],
    choose: Choose,
) -> None:
    """Twenty liars, whom everybody has met: they know of each other only, and drop what they are given."""
    liars: list[tuple[bytes, Address]] = [
        (choose(key, number, hosts[number % len(hosts)]), (hosts[number % len(hosts)], 7000 + number))
        for number in range(20)
    ]
    known = b"".join(pack_node(node_id, address, 4) for node_id, address in liars)

    def lie(node_id: bytes) -> Callable[[str, list[Any]], Any]:
        answers = {
            "hello": node_id,
            "announce": 900,
            "keys": [],
            # The same false peer, so that they agree.
            "find_peers": [node_id, b"t" * 8, 5, 0, b"\x04\x42\x06\x06\x06\x00\x07", known, b""],
        }
        return lambda name, args: answers.get(name)

    for node_id, address in liars:
        internet.stranger(address, lie(node_id))
        for node in nodes:
            node.protocol.learn(node_id, address, plain=False)


@pytest.mark.once
@pytest.mark.parametrize("choose", [chosen_id, fitting_id])
@pytest.mark.parametrize(
    "hosts", [["66.6.6.6"], [f"66.6.6.{number}" for number in range(20)]], ids=["address", "/24"]
)
async def test_nobody_surrounds_a_key(
    internet: Internet, hosts: list[str], choose: Callable[[bytes, int, str], bytes]
) -> None:
    """Twenty ids on one address, or in one /24: what is announced among them is found."""
    nodes = [internet.node((f"20.{number}.0.1", 7000)) for number in range(60)]
    for one in nodes:
        for other in internet.rng.sample(nodes, 40):
            introduce(one, other)
    missed = 0
    for number in range(KEYS):
        key = internet.rng.randbytes(20)
        await surround(internet, nodes, key, hosts, choose)
        peer = KnownHost("30.0.0.1", 6881 + number)
        announcer, seeker = internet.rng.sample(nodes, 2)
        await announcer.announce(key, peer, 900, internet.rng.randbytes(16))
        missed += peer not in await find(seeker, key)
    assert missed == 0


async def test_machines_of_one_public_network_find_all_of_their_peers(internet: Internet) -> None:
    """Where nobody is elsewhere, nobody is preferred."""
    nodes = [internet.node((f"66.6.6.{number}", 7000)) for number in range(30)]
    guide, *others = nodes
    for node in others:
        introduce(node, guide)
        introduce(guide, node)
        await node.join()
    key = internet.rng.randbytes(20)
    peers = [KnownHost("30.0.0.1", 6881 + number) for number in range(20)]
    for node, peer in zip(nodes, peers, strict=False):
        assert (await node.announce(key, peer, 900, internet.rng.randbytes(16))).holders
    assert sorted(await find(nodes[-1], key)) == sorted(peers)


async def test_those_around_a_liar_do_not_crowd_out_the_honest(internet: Internet) -> None:
    """It tells of nodes next to the key, each in another network, whose ids fit; none of them exists."""
    nodes = [internet.node((f"20.{number}.0.1", 7000)) for number in range(30)]
    for one in nodes:
        for other in nodes:
            introduce(one, other)
    key = internet.rng.randbytes(20)
    told = 0

    def lie(name: str, args: list[Any]) -> Any:
        nonlocal told
        made_up = []
        for _ in range(60):
            told += 1
            host = f"67.{told >> 8}.{told & 255}.1"
            made_up.append(pack_node(fitting_id(key, told % 256, host), (host, 7000), 4))
        return [liar_id, b"t" * 8, 0, 0, b"", b"".join(made_up), b""]

    liar_id = fitting_id(key, 0, "66.6.6.6")
    internet.stranger(("66.6.6.6", 7000), lie)
    seeker, announcer, *_ = nodes
    seeker.protocol.learn(liar_id, ("66.6.6.6", 7000), plain=False)
    peer = KnownHost("30.0.0.1", 6881)
    await announcer.announce(key, peer, 900, b"s" * 16)
    internet.calls.clear()
    assert await find(seeker, key) == [peer]
    assert internet.calls["find_peers"] < 80


# Which id a node has


async def test_a_node_takes_an_id_for_where_others_see_it(internet: Internet) -> None:
    inside = internet.node(("66.6.6.6", 7000), node_id=b"n" * 20)
    friends = [internet.node((f"20.0.{number}.1", 7000)) for number in range(3)]
    for friend in friends:
        introduce(inside, friend)
        introduce(friend, inside)
    await inside.join()
    assert fits(inside.protocol.node_id, packed("66.6.6.6"))
    assert len(inside.protocol.router) == 3
    for friend in friends:
        contact = friend.protocol.router.at(address_of(inside))
        assert contact is not None
        assert contact.id == inside.protocol.node_id, "they know it by its new one"
    taken = inside.protocol.node_id
    await inside.join()
    assert inside.protocol.node_id == taken


async def test_witnesses_cannot_have_it_take_another_all_the_time(internet: Internet) -> None:
    node = internet.node(("66.6.6.6", 7000))
    seen = [0]

    def lie(name: str, args: list[Any]) -> Any:
        seen[0] += 1
        return [f"67.{seen[0] // 3}.0.1", 7000] if name == "stun" else None

    for number in range(3):
        address = f"20.0.{number}.1", 7000
        internet.stranger(address, lie)
        node.protocol.learn(bound_id(packed(address[0]), internet.rng), address, plain=False)
    ids = set()
    for _ in range(20):
        await node.upkeep()
        ids.add(node.protocol.node_id)
        internet.time.now += 30
    assert len(ids) <= 3


async def test_on_loopback_ids_are_kept() -> None:
    async with Testnet(4) as testnet:
        for backend in testnet.backends:
            node = backend.nodes[4]
            before = node.protocol.node_id
            await node.upkeep()
            assert node.protocol.node_id == before
