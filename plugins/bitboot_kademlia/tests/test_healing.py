"""Records that outlive the nodes that hold them, and the upkeep of a node."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from bitboot_kademlia.node import PeerNode
from bitboot_kademlia.storage import commit
from bitboot_kademlia.wire import HandedRecord, pack_endpoint, pack_record

from bitboot_core import KnownHost

from .internet import HASTY, Internet, address_of, held, hold, introduce

KEY = b"k" * 20
LIAR = ("10.66.6.6", 7000)


async def compare(node: PeerNode, *others: PeerNode) -> None:
    """Let a node compare what it holds with others."""
    for other in others:
        contact = node.protocol.router.at(address_of(other))
        assert contact is not None
        node.healing.compare_with(contact)
    await node.healing.idle()


def near(number: int) -> bytes:
    return KEY[:19] + bytes([number])


async def test_a_newcomer_fetches_what_it_ought_to_hold(internet: Internet) -> None:
    holder, newcomer = internet.nodes(2)
    hold(holder, KEY, *range(300))
    hold(holder, b"o" * 20, 1)
    await compare(newcomer, holder)
    assert (held(newcomer, KEY), held(newcomer, b"o" * 20)) == (300, 1)
    assert newcomer.protocol.peers.fingerprint(KEY) == holder.protocol.peers.fingerprint(KEY)


async def test_meeting_somebody_is_enough(internet: Internet) -> None:
    holder, newcomer = internet.node(("10.0.0.1", 7000)), internet.node(("10.0.0.2", 7000))
    hold(holder, KEY, 1, 2)
    await newcomer.protocol.greet(address_of(holder))
    await newcomer.healing.idle()
    assert held(newcomer, KEY) == 2


async def test_whoever_is_met_fetches_as_well(internet: Internet) -> None:
    """Two parts of a network that find each other again."""
    one, other = internet.node(("10.0.0.1", 7000)), internet.node(("10.0.0.2", 7000))
    hold(one, KEY, 1)
    hold(other, KEY, 2)
    await one.protocol.greet(address_of(other))
    for _ in range(20):
        await asyncio.sleep(0)
    await one.healing.idle()
    await other.healing.idle()
    assert held(one, KEY) == held(other, KEY) == 2


async def test_what_others_ought_to_hold_is_left_to_them(internet: Internet) -> None:
    holder, newcomer, *_ = (
        internet.node((f"10.0.0.{number}", 7000), node_id=bytes([255 * (number == 1)]) + near(number)[1:])
        for number in range(25)
    )
    nodes = internet._nodes
    for one in nodes:
        for other in nodes:
            introduce(one, other)
    hold(holder, b"\x00" * 20, 1)
    hold(holder, b"\xff" * 20, 2)
    await compare(newcomer, holder)
    assert held(newcomer, b"\xff" * 20) == 1
    assert held(newcomer, b"\x00" * 20) == 0, "more than 20 are closer to it"


async def test_where_both_hold_the_same_nothing_is_fetched(internet: Internet) -> None:
    one, other = internet.nodes(2)
    for node in (one, other):
        hold(node, KEY, *range(50))
    await compare(one, other)
    assert (internet.calls["keys"], internet.calls["records"]) == (2, 0)


async def test_many_keys_are_compared_page_by_page(internet: Internet) -> None:
    holder, newcomer = internet.nodes(2)
    keys = [internet.rng.randbytes(20) for _ in range(130)]
    for key in keys:
        hold(holder, key, 1)
    await compare(newcomer, holder)
    assert all(held(newcomer, key) == 1 for key in keys)


async def test_withdrawal_reaches_those_who_missed_it(internet: Internet) -> None:
    one, other = internet.nodes(2)
    for node in (one, other):
        hold(node, KEY, 1, 2)
    one.protocol.peers.withdraw(KEY, (1).to_bytes(16, "big"))
    await compare(one, other)
    assert held(one, KEY) == 1, "nobody hands back what was withdrawn"
    await compare(other, one)
    assert held(other, KEY) == 1


async def test_the_lifetime_goes_with_it(internet: Internet) -> None:
    holder, newcomer = internet.nodes(2)
    hold(holder, KEY, 1)
    internet.time.now += 900
    await compare(newcomer, holder)
    assert held(newcomer, KEY) == 1
    internet.time.now += 101
    assert held(newcomer, KEY) == 0


async def test_while_it_joins_a_node_fetches_nothing(internet: Internet) -> None:
    """It does not know its neighbours yet, and so would fetch everything."""
    holder, newcomer = internet.nodes(2)
    hold(holder, KEY, 1)
    with newcomer.healing.paused():
        contact = newcomer.protocol.router.at(address_of(holder))
        assert contact is not None
        newcomer.healing.compare_with(contact)
        for _ in range(20):
            await asyncio.sleep(0)
        assert held(newcomer, KEY) == 0
    await newcomer.healing.idle()
    assert held(newcomer, KEY) == 1


async def test_only_so_many_contacts_wait(internet: Internet) -> None:
    holder, newcomer = internet.nodes(2, settings=replace(HASTY, max_healing=3))
    hold(holder, KEY, 1)
    await compare(newcomer, *[holder] * 500)
    assert internet.calls["keys"] < 20


def record(number: int, endpoint: KnownHost, lifetime: int = 100) -> bytes:
    secret = number.to_bytes(16, "big")
    return pack_record(HandedRecord(commit(secret), lifetime, None, pack_endpoint(endpoint)))


def lists(*pages: Any) -> dict[str, Any]:
    return {"keys": [KEY, 5], "records": [b"".join(pages), 0], "hello": near(1), **token_giver(near(1))}


def token_giver(node_id: bytes) -> dict[str, Any]:
    """Without a token nobody is asked for more."""
    return {"find_peers": [node_id, b"t" * 8, 0, 0, b"", b"", b""]}


async def lied_to(internet: Internet, answers: dict[str, Any]) -> PeerNode:
    node = internet.node(("10.0.0.1", 7000))
    internet.stranger(LIAR, lambda name, args: answers.get(name))
    await node.protocol.greet(LIAR)
    await node.healing.idle()
    return node


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": 5},
        {"keys": [KEY]},
        {"keys": [KEY, "x"]},
        {"keys": [b"short", 5]},
        {"keys": [[KEY, 5]]},
        {"records": 5},
        {"records": [1, 2]},
        {"records": [b"", "x"]},
        {"records": [b"\x00" * 30, 0]},
        {"records": [b"x", 0, 0]},
    ],
)
async def test_malformed_answers_spoil_nothing(internet: Internet, wrong: dict[str, Any]) -> None:
    node = await lied_to(internet, lists() | wrong)
    assert len(node.protocol.peers) == 0
    assert node.protocol.counters["errors"] == 0


@pytest.mark.parametrize(
    "endpoint", [KnownHost("0.0.0.0", 1), KnownHost("", 0), KnownHost("30.0.0.1", 0), KnownHost("::", 5)]
)
async def test_what_nobody_could_reach_is_not_taken(internet: Internet, endpoint: KnownHost) -> None:
    node = await lied_to(internet, lists(record(1, endpoint)))
    assert len(node.protocol.peers) == 0


@pytest.mark.parametrize("host", [b"fe80::1%eth0\x1b[2J\r\n", b"-oProxyCommand=x", b"127.1", b"2130706433"])
async def test_a_host_of_malice_is_not_taken(internet: Internet, host: bytes) -> None:
    packed = bytes((0, len(host))) + host + b"\x00\x01"
    handed = pack_record(HandedRecord(commit(b"s" * 16), 100, None, packed))
    node = await lied_to(internet, lists(handed))
    assert internet.calls["records"] >= 1
    assert len(node.protocol.peers) == 0


async def test_no_lifetime_is_longer_than_the_longest(internet: Internet) -> None:
    node = await lied_to(internet, lists(record(1, KnownHost("30.0.0.1", 1), lifetime=65_535)))
    assert held(node, KEY) == 1
    internet.time.now += HASTY.max_lifetime
    assert held(node, KEY) == 0


async def test_lists_without_end_come_to_one(internet: Internet) -> None:
    number = 0

    def lie(name: str, args: list[Any]) -> Any:
        nonlocal number
        number += 1
        if name in (giver := token_giver(near(1))):
            return giver[name]
        if name == "keys":
            return [internet.rng.randbytes(20), 5]
        return [record(number, KnownHost("30.0.0.1", 1)), number] if name == "records" else near(1)

    node = internet.node(("10.0.0.1", 7000), settings=replace(HASTY, max_peers_per_key=30))
    internet.stranger(LIAR, lie)
    await node.protocol.greet(LIAR)
    await node.healing.idle()
    assert internet.calls["keys"] < 200
    assert len(node.protocol.peers) <= 30 * node.protocol.peers.keys


async def compare_again_and_again(node: PeerNode, rounds: int) -> None:
    """As liars have it who come back under one new id after the other."""
    for _ in range(rounds):
        contact = node.protocol.router.at(LIAR)
        assert contact is not None
        node.healing.compare_with(contact)
        await node.healing.idle()


@pytest.mark.parametrize("brings", ["nothing", "what lapses soon", "other keys each time"])
async def test_a_liar_has_a_budget(internet: Internet, brings: str) -> None:
    """Lists that are new each time, and keys whose fingerprints never fit: not for ever."""
    number = 0

    def lie(name: str, args: list[Any]) -> Any:
        nonlocal number
        number += 1
        if name in (giver := token_giver(near(1))):
            return giver[name]
        if name == "keys":
            own = int.from_bytes(args[0], "big")
            last = int.from_bytes(args[1], "big") ^ own if args[1] else 0
            keys = [((last + step) ^ own).to_bytes(20, "big") for step in range(1, 41)]
            if brings == "other keys each time":
                keys = [internet.rng.randbytes(20) for _ in range(40)]
            return [part for key in keys for part in (key, number)]
        if name != "records":
            return near(1)
        if brings == "nothing":
            return [b"", number]
        internet.time.now += 0.2  # else they would not lapse
        return [record(number, KnownHost("30.0.0.1", 1 + number % 60_000), lifetime=10), number]

    settings = replace(HASTY, heal_requests=500, heal_useless=100)
    node = internet.node(("20.0.0.1", 7000), settings=settings)
    internet.stranger(LIAR, lie)
    await node.protocol.greet(LIAR)
    await node.healing.idle()
    await compare_again_and_again(node, 20)
    spent = internet.calls["keys"] + internet.calls["records"]
    allowance = 500 + 500 * (internet.time.now - 1_000) / HASTY.heal_every
    assert 90 < spent <= (2 * 100 if brings == "nothing" else allowance)
    assert node.protocol.counters["errors"] == 0


async def test_liars_do_not_keep_others_from_being_healed(internet: Internet) -> None:
    """Three of them, as many as contacts are compared with at a time."""
    node, honest = internet.nodes(2)
    hold(honest, KEY, 1, 2)
    for number in range(3):
        address, node_id = (f"10.66.6.{number}", 7000), near(number)
        answers = {**token_giver(node_id), "hello": node_id, "records": [b"", 0]}

        def lie(name: str, args: list[Any], answers: dict[str, Any] = answers) -> Any:
            return answers.get(name, [internet.rng.randbytes(20), 5])

        internet.stranger(address, lie)
        await node.protocol.greet(address)
    await compare(node, honest)
    assert held(node, KEY) == 2


# Upkeep


async def test_upkeep_drops_what_has_lapsed(internet: Internet) -> None:
    node = internet.node(("10.0.0.1", 7000))
    hold(node, KEY, 1, 2, 3)
    internet.time.now += 1_001
    await node.upkeep()
    assert len(node.protocol.peers) == 0


async def test_upkeep_asks_the_quiet_and_forgets_the_dead(internet: Internet) -> None:
    node, dead, *others = internet.nodes(8)
    internet.kill(dead)
    for _ in range(HASTY.max_failures):
        assert node.protocol.router.at(address_of(dead)) is not None
        internet.time.now += HASTY.shunned_at_most + 1
        await node.upkeep()
    assert node.protocol.router.at(address_of(dead)) is None
    assert all(node.protocol.router.at(address_of(other)) is not None for other in others)
    assert all(contact.heard == internet.time.now for contact in node.protocol.router)


async def test_whoever_is_offline_forgets_nobody(internet: Internet) -> None:
    node, *others = internet.nodes(8)
    for other in others:
        internet.kill(other)
    for _ in range(2 * HASTY.max_failures):
        internet.time.now += HASTY.shunned_at_most + 1
        await node.upkeep()
    assert len(node.protocol.router) == 7


async def test_neighbours_are_compared_with_now_and_then(internet: Internet) -> None:
    """When a holder dies, nobody new comes, and yet others move up."""
    nodes = internet.nodes(3)
    hold(nodes[0], KEY, 1)
    await nodes[1].upkeep()
    assert internet.calls["keys"] == 0
    internet.time.now += HASTY.heal_every
    await nodes[1].upkeep()
    await nodes[1].healing.idle()
    assert held(nodes[1], KEY) == 1


async def test_a_mistake_of_our_own_is_reported_and_upkeep_goes_on(
    internet: Internet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = internet.nodes(2)
    monkeypatch.setattr(one.protocol.peers, "fingerprint", lambda key: 1 / 0)
    hold(other, KEY, 1)
    await compare(one, other)
    assert "failed" in caplog.text
    monkeypatch.undo()
    await compare(one, other)
    assert held(one, KEY) == 1
