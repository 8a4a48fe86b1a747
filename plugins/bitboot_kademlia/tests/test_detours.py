"""Lookups where those who are asked have not noticed yet that the nodes near the key are dead."""

from __future__ import annotations

from typing import Any

from bitboot_kademlia.crawl import DETOURS, FRUITLESS_DETOURS
from bitboot_kademlia.node import PeerNode
from bitboot_kademlia.wire import pack_node

from .internet import HASTY, Internet, address_of, crawl, find, held, hold, introduce

KEY = b"k" * 20
LIAR = ("10.66.6.6", 7000)


def among_the_dead(internet: Internet) -> tuple[PeerNode, PeerNode, list[PeerNode]]:
    """Who asks, the one node that it knows, and the living. That one has met the dead first."""
    asker = internet.node(("10.9.9.9", 7000), node_id=KEY[:18] + b"me")
    guide = internet.node(("10.9.9.8", 7000), node_id=b"\xff" * 20)
    dead = [
        internet.node((f"10.1.{number}.1", 7000), node_id=KEY[:17] + bytes((number, 0, 0)))
        for number in range(30)
    ]
    for node in dead:
        introduce(guide, node)
        internet.kill(node)
    living = internet.nodes(40)
    for node in living:
        introduce(guide, node)
        introduce(node, guide)
    introduce(asker, guide)
    return asker, guide, living


async def test_a_newcomer_finds_the_living_behind_the_dead(internet: Internet) -> None:
    asker, guide, living = among_the_dead(internet)
    await asker.join()
    known = {
        contact.address
        for contact in asker.protocol.router
        if not asker.protocol.suspects.failures(contact.address)
    }
    assert known - {address_of(guide)} <= {address_of(node) for node in living}
    assert len(known) >= HASTY.k


async def test_it_fetches_what_it_ought_to_hold(internet: Internet) -> None:
    asker, _, living = among_the_dead(internet)
    for node in living:
        hold(node, KEY, 1, 2, 3)
    with asker.healing.paused():
        await asker.join()
    await asker.healing.idle()
    assert held(asker, KEY) == 3


async def test_a_lookup_finds_what_the_living_hold(internet: Internet) -> None:
    asker, _, living = among_the_dead(internet)
    peers = hold(living[0], KEY, 1, 2, 3)
    for node in living:
        hold(node, KEY, 1, 2, 3)
    assert sorted(await find(asker, KEY)) == sorted(peers)


async def test_where_all_answer_nobody_is_asked_about_other_keys(internet: Internet) -> None:
    asker, *others = internet.nodes(10)
    assert len(await crawl(asker, KEY, HASTY.k - 6)) == len(others)
    assert internet.calls["find_peers"] == len(others)


async def test_a_liar_gains_little_by_it(internet: Internet) -> None:
    """It tells of nodes that do not exist, others each time: as if everybody near the key had died."""
    asked: list[bytes] = []
    number = 0

    def lie(name: str, args: list[Any]) -> Any:
        nonlocal number
        if name != "find_peers":
            return b"l" * 20
        asked.append(args[1])
        made_up = b""
        for _ in range(20):
            number += 1
            address = (f"10.5.{number >> 8}.{number & 255}", 7000)
            made_up += pack_node(args[1][:17] + number.to_bytes(3, "big"), address, 4)
        return [b"l" * 20, b"t" * 8, 0, 0, b"", made_up, b""]

    asker = internet.node(("10.9.9.9", 7000))
    internet.stranger(LIAR, lie)
    await asker.protocol.greet(LIAR)
    await asker.healing.idle()
    asked.clear()
    assert [one.node_id for one in await crawl(asker, KEY, HASTY.quorum)] == [b"l" * 20]
    assert asked[0] == KEY
    assert len(asked) - 1 == FRUITLESS_DETOURS < DETOURS
    assert len(asker.protocol.suspects) <= HASTY.max_told * (1 + FRUITLESS_DETOURS)


async def test_rubbish_on_a_detour_spoils_nothing(internet: Internet) -> None:
    def answer(name: str, args: list[Any]) -> Any:
        if name != "find_peers":
            return b"l" * 20
        dead = pack_node(b"d" * 20, ("10.5.5.5", 7000), 4)
        return [b"l" * 20, b"t" * 8, 0, 0, b"", dead, b""] if args[1] == KEY else [1, 2, 3]

    asker = internet.node(("10.9.9.9", 7000))
    internet.stranger(LIAR, answer)
    await asker.protocol.greet(LIAR)
    await asker.healing.idle()
    asker.protocol.counters.clear()
    assert [one.node_id for one in await crawl(asker, KEY, HASTY.quorum)] == [b"l" * 20]
    assert asker.protocol.counters["malformed"] == FRUITLESS_DETOURS
    assert asker.protocol.counters["errors"] == 0


async def test_whoever_met_only_the_dead_joins_again_soon_and_then_less_often(internet: Internet) -> None:
    asker, guide, *dead = (internet.node((f"10.1.{number}.1", 7000)) for number in range(10))
    for node in dead:
        introduce(guide, node)
        internet.kill(node)
    introduce(asker, guide)
    await asker.join()
    assert address_of(guide) in {contact.address for contact in asker.protocol.router}
    late = internet.node(("10.2.2.2", 7000))
    introduce(guide, late)
    introduce(late, guide)
    internet.time.now += HASTY.upkeep_every - 1
    await asker.upkeep()
    assert asker.protocol.router.at(address_of(late)) is None
    internet.time.now += 1
    await asker.upkeep()
    assert asker.protocol.router.at(address_of(late)) is not None

    joins = 0
    for _ in range(int(HASTY.heal_every / HASTY.upkeep_every)):
        before = internet.calls["find_peers"]
        internet.time.now += HASTY.upkeep_every
        await asker.upkeep()
        joins += internet.calls["find_peers"] > before
    assert 2 <= joins <= 5


async def test_whoever_joined_well_does_not(internet: Internet) -> None:
    asker, *_ = internet.nodes(12)
    await asker.join()
    internet.calls.clear()
    internet.time.now += HASTY.heal_every - 1
    await asker.upkeep()
    assert internet.calls["find_peers"] == 0
