"""Lookups: the closest that live, what they hold, and liars on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitboot_kademlia.crawl import Crawl
from bitboot_kademlia.node import PeerNode
from bitboot_kademlia.wire import ID_BYTES, pack_node

from .internet import HASTY, Internet, address_of, crawl, find, hold, introduce

KEY = b"k" * 20
LIAR = ("10.66.6.6", 7000)


def nearest(nodes: list[PeerNode], count: int, key: bytes = KEY) -> list[PeerNode]:
    target = int.from_bytes(key, "big")
    return sorted(nodes, key=lambda node: int.from_bytes(node.protocol.node_id, "big") ^ target)[:count]


def near(number: int) -> bytes:
    """Ids nearer to the key than anybody honest has one."""
    return KEY[:16] + number.to_bytes(4, "big")


def answer(
    node_id: bytes, *, peers: bytes = b"", nodes: bytes = b"", more: int = 0, print_: int = 0
) -> list[Any]:
    return [node_id, b"t" * 8, print_, more, peers, nodes, b""]


async def test_the_closest_are_found_from_far_away(internet: Internet) -> None:
    nodes = internet.nodes(100)
    stranger = internet.node(("10.9.9.9", 7000))
    introduce(stranger, nearest(nodes, 100)[-1])
    found = await crawl(stranger, KEY)
    assert [one.node_id for one in found] == [node.protocol.node_id for node in nearest(nodes, 20)]
    assert all(len(one.token) == 8 for one in found)


async def test_the_dead_are_passed_over_and_not_asked_again(internet: Internet) -> None:
    nodes = internet.nodes(60)
    asker, *others = nodes
    dead = nearest(others, 40)[::2]
    for node in dead:
        internet.kill(node)
    alive = [node for node in others if node not in dead]
    for _ in range(2):
        found = await crawl(asker, KEY)
        assert [one.node_id for one in found] == [node.protocol.node_id for node in nearest(alive, 20)]
    await crawl(asker, KEY, 60)  # which waits for them
    before = internet.calls["find_peers"]
    await crawl(asker, KEY)
    assert internet.calls["find_peers"] == before + 20


async def test_where_nobody_answers_the_lookup_ends(internet: Internet) -> None:
    asker, *others = internet.nodes(10)
    for node in others:
        internet.kill(node)
    assert await crawl(asker, KEY) == []
    assert len(asker.protocol.suspects) == 9


async def test_where_all_were_silent_all_are_asked_again(internet: Internet) -> None:
    """It may have been we who were offline."""
    asker, *others = internet.nodes(10)
    for node in others:
        asker.protocol.suspects.failed(address_of(node))
    assert len(await crawl(asker, KEY)) == 9
    assert len(asker.protocol.suspects) == 0


async def test_with_nobody_known_the_lookup_ends_at_once(internet: Internet) -> None:
    assert await crawl(internet.node(("10.9.9.9", 7000)), KEY) == []


async def test_what_different_nodes_hold_is_united(internet: Internet) -> None:
    asker, *others = internet.nodes(30)
    holders = nearest(others, 8)
    peers = [peer for number, node in enumerate(holders) for peer in hold(node, KEY, number, number + 1)]
    assert sorted(await find(asker, KEY)) == sorted(set(peers))


async def test_where_the_closest_agree_no_more_are_asked(internet: Internet) -> None:
    asker, *others = internet.nodes(30)
    for node in nearest(others, 20):
        peers = hold(node, KEY, *range(5))
    assert sorted(await find(asker, KEY)) == sorted(peers)
    assert internet.calls["find_peers"] == HASTY.agreement


async def test_where_they_differ_or_hold_nothing_more_are(internet: Internet) -> None:
    asker, *others = internet.nodes(30)
    assert await find(asker, KEY) == []
    assert internet.calls["find_peers"] == HASTY.quorum
    for number, node in enumerate(nearest(others, 20)):
        hold(node, KEY, *range(5 if number else 4))
    internet.calls.clear()
    assert len(await find(asker, KEY)) == 5
    assert internet.calls["find_peers"] == HASTY.quorum


async def test_long_lists_are_read_page_by_page_from_one_of_those_who_agree(internet: Internet) -> None:
    asker, *others = internet.nodes(30)
    for node in nearest(others, 20):
        peers = hold(node, KEY, *range(900))
    assert sorted(await find(asker, KEY)) == sorted(peers)
    assert internet.calls["find_peers"] < HASTY.agreement + 900 * 7 / 500


async def test_when_the_one_who_is_read_dies_another_is(internet: Internet) -> None:
    asker, *others = internet.nodes(30)
    killed: list[PeerNode] = []

    def mortal(node: PeerNode) -> None:
        sound = node.protocol.rpc_find_peers

        def rpc_find_peers(sender: Any, caller: bytes, key: bytes, after: int) -> Any:
            if after and not killed:
                killed.append(node)
                internet.kill(node)
            return sound(sender, caller, key, after)

        node.protocol.rpc_find_peers = rpc_find_peers  # type: ignore[method-assign]

    for node in nearest(others, 20):
        peers = hold(node, KEY, *range(900))
        mortal(node)
    assert sorted(await find(asker, KEY)) == sorted(peers)
    assert len(killed) == 1


async def test_a_liar_cannot_lead_us_on_for_ever(internet: Internet) -> None:
    """One who knows of ever more nodes, ever nearer, none of which exist."""
    settings = replace(HASTY, max_queries=60)
    asker = internet.node(("10.9.9.9", 7000), settings=settings)
    holder = internet.node(("10.8.8.8", 7000))
    for one in (holder, *internet.nodes(5)):
        introduce(asker, one)
    peers = hold(holder, KEY, 1, 2, 3)

    def lie(name: str, args: list[Any]) -> Any:
        made_up = [
            pack_node(
                near(internet.rng.getrandbits(32)),
                (f"10.{port + 100}.0.1", internet.rng.randrange(1, 9999)),
                4,
            )
            for port in range(40)
        ]
        return answer(near(0), nodes=b"".join(made_up), print_=5)

    internet.stranger(LIAR, lie)
    asker.protocol.learn(near(0), LIAR, plain=False)
    assert sorted(await find(asker, KEY)) == sorted(peers)
    assert internet.calls["find_peers"] <= 2 * 60, "each at most twice"


async def test_a_liars_list_without_end_is_cut_off(internet: Internet) -> None:
    settings = replace(HASTY, max_pages=20)
    asker = internet.node(("10.9.9.9", 7000), settings=settings)
    pages = 0

    def lie(name: str, args: list[Any]) -> Any:
        nonlocal pages
        pages += 1
        peers = b"".join(b"\x04" + internet.rng.randbytes(6) for _ in range(50))
        return answer(near(0), peers=peers, more=pages, print_=5)

    internet.stranger(LIAR, lie)
    asker.protocol.learn(near(0), LIAR, plain=False)
    assert 0 < len(await find(asker, KEY)) <= 21 * 50
    assert 21 <= pages <= 42, "each asked for at most twice"


async def test_a_lookup_takes_so_many_peers_and_no_more(internet: Internet) -> None:
    asker = internet.node(("10.9.9.9", 7000), settings=replace(HASTY, max_found=130))
    internet.stranger(
        LIAR,
        lambda name, args: answer(
            near(0), peers=b"".join(b"\x04" + internet.rng.randbytes(6) for _ in range(50)), more=1, print_=5
        ),
    )
    asker.protocol.learn(near(0), LIAR, plain=False)
    assert len(await find(asker, KEY)) == 130


WRONG = [
    7,
    "text",
    [],
    {},
    [1] * 7,
    [near(0), b"", 0, 0, b"", b"", b""],
    answer(near(0), nodes=b"x" * 25),
    answer(near(0), peers=b"\x04\x01"),
    answer(b"short"),
    [near(0), b"t" * 8, 0, -1, b"", b"", b""],
    [near(0), b"t" * 8, "0", 0, b"", b"", b""],
]


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
async def test_a_malformed_answer_spoils_nothing(internet: Internet, wrong: object) -> None:
    asker, *others = internet.nodes(10)
    peers = hold(nearest(others, 1)[0], KEY, 1, 2)
    internet.stranger(LIAR, lambda name, args: wrong)
    asker.protocol.learn(near(0), LIAR, plain=False)
    assert sorted(await find(asker, KEY)) == sorted(peers)
    assert asker.protocol.counters["malformed"] >= 1


async def test_who_is_not_who_it_is_said_to_be_takes_its_own_place(internet: Internet) -> None:
    asker, *others = internet.nodes(30)
    farthest = nearest(others, 29)[-1]
    guide = internet.node(("10.9.9.9", 7000), node_id=near(1))
    introduce(asker, guide)
    false_name = pack_node(near(2), address_of(farthest), 4)
    asker.protocol.router.remove(asker.protocol.router.at(address_of(farthest)))  # type: ignore[arg-type]

    def rpc_find_peers(sender: Any, caller: bytes, key: bytes, after: int) -> Any:
        return answer(near(1), nodes=false_name)

    guide.protocol.rpc_find_peers = rpc_find_peers  # type: ignore[method-assign]
    found = await crawl(asker, KEY, 5)
    assert [one.node_id for one in found][1:] == [node.protocol.node_id for node in nearest(others, 4)]
    contact = asker.protocol.router.at(address_of(farthest))
    assert contact is not None
    assert contact.id == farthest.protocol.node_id


async def test_nobody_elsewhere_tells_us_whom_to_write_to_on_this_machine(internet: Internet) -> None:
    asker = internet.node(("10.9.9.9", 7000))
    asked: list[str] = []
    targets = [("127.0.0.1", 53), ("224.0.0.1", 7000), ("0.0.0.1", 7000), ("10.5.5.5", 0), ("10.5.5.5", 7000)]
    for target in targets:
        internet.stranger(target, lambda name, args, target=target: asked.append(target[0]))  # type: ignore[misc]
    nodes = b"".join(pack_node(near(number + 5), at, 4) for number, at in enumerate(targets))
    internet.stranger(LIAR, lambda name, args: answer(near(0), nodes=nodes))
    asker.protocol.learn(near(0), LIAR, plain=False)
    await crawl(asker, KEY)
    assert set(asked) == {"10.5.5.5"}


async def test_we_do_not_ask_ourselves(internet: Internet) -> None:
    asker = internet.node(("10.9.9.9", 7000), node_id=near(3))
    own = near(3), ("10.9.9.9", 7000)
    other_way = near(4), ("10.9.9.9", 7000)
    nodes = b"".join(pack_node(*one, 4) for one in (own, other_way))
    internet.stranger(LIAR, lambda name, args: answer(near(0), nodes=nodes))
    asker.protocol.learn(near(0), LIAR, plain=False)
    assert [one.node_id for one in await crawl(asker, KEY)] == [near(0)]


async def test_a_node_with_the_bare_library_shows_the_way(internet: Internet) -> None:
    """It is silent on our calls, and after the first time is asked only what it knows."""
    asker, holder = internet.node(("10.9.9.9", 7000)), internet.node(("10.0.0.1", 7000))
    peers = hold(holder, KEY, 1)
    calls: list[str] = []

    def plain(name: str, args: list[Any]) -> Any:
        calls.append(name)
        if name == "find_node":
            return [[holder.protocol.node_id, *address_of(holder)]]
        return b"p" * ID_BYTES if name == "ping" else None

    internet.stranger(("10.7.7.7", 7000), plain)
    assert await asker.protocol.greet(("10.7.7.7", 7000))
    assert await find(asker, KEY) == peers
    assert "find_peers" not in calls
    contact = asker.protocol.router.at(("10.7.7.7", 7000))
    assert contact is not None
    assert contact.plain


async def test_of_a_node_told_by_a_plain_one_nothing_is_known(internet: Internet) -> None:
    asker, holder = internet.node(("10.9.9.9", 7000)), internet.node(("10.0.0.1", 7000))
    peers = hold(holder, KEY, 1)
    first, second = ("10.7.7.7", 7000), ("10.8.8.8", 7000)

    def plain(node_id: bytes, told: list[Any]) -> Any:
        known = {"find_node": [told], "ping": node_id}
        return lambda name, args: known.get(name)

    internet.stranger(first, plain(b"1" * 20, [b"2" * 20, *second]))
    internet.stranger(second, plain(b"2" * 20, [holder.protocol.node_id, *address_of(holder)]))
    await asker.protocol.greet(first)
    assert await find(asker, KEY) == peers
    assert asker.protocol.is_plain(second)


async def test_an_aborted_lookup_asks_no_more(internet: Internet) -> None:
    asker = internet.nodes(30)[0]
    aborted = Crawl(asker.protocol, KEY, quorum=20)
    aborted.start()
    aborted.close()
    aborted.close()
    assert aborted.done.cancelled()
    await crawl(asker, near(0), 1)
    assert len(asker.protocol.requests) == 0
    assert internet.calls["find_peers"] == HASTY.alpha + 1
    assert len(asker.protocol.suspects) == 0
