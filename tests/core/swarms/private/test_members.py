"""Private swarms whole: members find, know and reach each other; outsiders find nobody, and get no answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    AnnounceFailed,
    BackendTimeout,
    BitBoot,
    Identity,
    InvalidConfig,
    InvalidEndpoint,
    InvalidSwarmName,
    KnownHost,
    NotRunning,
    Peer,
    PeerJoined,
    PortGrant,
    Receipt,
    SwarmKey,
    SwarmSecret,
    UnsupportedOperation,
    swarm_key,
)
from bitboot_core._swarms.private.epochs import EPOCH
from bitboot_core._swarms.private.line import TRIES
from bitboot_core._swarms.private.noise import TAG
from bitboot_core._swarms.private.prover import ROUND
from bitboot_core._swarms.private.session import ID, Kind
from bitboot_core._swarms.private.watch import PrivateWatch
from bitboot_core.aio.timing import QUICK_SCAN, SCAN_JITTER, SCANS_APART
from bitboot_core.testing import FakePortMapper, answers

from .conftest import SECRET, Members
from .wire import Apart, Node

NAME = "unique_network"
OTHER = SwarmSecret("bbs1" + "7" * 51 + "q")


def seen(swarm: Any) -> set[tuple[str, int]]:
    return {peer.address for peer in swarm.peers}


async def joined(members: Members, number: int, *, node: Node | None = None, **settings: Any) -> Any:
    """A swarm that a BitBoot of its own has joined, at port 7000 + number."""
    bitboot = await members.bitboot(*([] if node is None else [node]), **settings)
    return await members.enter(bitboot.join(NAME, port=7000 + number, secret=SECRET, data=b"%d" % number))


async def test_members_know_each_other(members: Members) -> None:
    swarms = [await joined(members, number) for number in range(4)]
    took = await members.pass_until(lambda: all(len(one.peers) == 4 for one in swarms))
    assert took < 40
    for swarm in swarms:
        assert seen(swarm) == {(f"10.0.0.{number + 1}", 7000 + number) for number in range(4)}
        for peer in swarm.peers:
            number = int(peer.data)
            assert peer.member == Identity.from_seed(b"%032d" % (number + 1)).public_key
            assert peer.port == 7000 + number
    await swarms[0].announced()
    assert swarms[0].status["wire"].stored_on == 1
    event = await anext(swarms[0])
    assert isinstance(event, PeerJoined)
    assert event.peer.member is not None


async def test_nothing_tells_the_name(members: Members) -> None:
    await joined(members, 0)
    await members.pass_until(lambda: bool(members.wire.store))
    assert swarm_key(NAME) not in members.wire.store
    (key,) = members.wire.store
    assert list(members.wire.store[key]) == [KnownHost("10.0.0.1", 4000)]  # the node, not the program


async def test_an_outsider_finds_nobody_and_is_answered_nothing(members: Members) -> None:
    inside = [await joined(members, number) for number in range(2)]
    await members.pass_until(lambda: all(len(one.peers) == 2 for one in inside))
    outsider = await members.bitboot()
    assert await members.awaited(outsider.lookup(NAME)) == []
    # With another secret, and the claims under the real key handed to it all the same:
    members.wire.junk = [KnownHost("10.0.0.1", 4000), KnownHost("10.0.0.2", 4000)]
    members.wire.traffic.clear()
    async with outsider.find(NAME, secret=OTHER) as found:
        assert await members.awaited(found.collect()) == []
        assert found.unproved == 2
    asked = [answer for source, _, _, answer in members.wire.traffic if source == KnownHost("10.0.0.3", 4000)]
    assert len(asked) >= 2
    assert set(asked) == {None}


async def test_lookups_find_proved_members_alone(members: Members) -> None:
    await joined(members, 0)
    await joined(members, 1)
    finder = await members.bitboot()
    await members.pass_until(lambda: bool(members.wire.store))
    (key,) = members.wire.store
    members.wire.store[key] |= {KnownHost(f"192.0.2.{number}", 1): 1e9 for number in range(10)}
    async with finder.find(NAME, secret=SECRET) as found:
        peers = await members.awaited(found.collect())
        assert sorted(peer.data for peer in peers) == [b"0", b"1"]
        assert found.unproved == 10
    one = await members.awaited(finder.lookup(NAME, secret=SECRET, limit=1))
    assert len(one) == 1
    async with finder.find(NAME) as public:
        assert public.unproved == 0


async def test_a_lookup_that_has_no_time_to_ask_all_is_no_outage(members: Members) -> None:
    """Else whoever is busy with many members would announce all anew, time after time."""
    node = members.wire.node()
    stored: list[bytes] = []
    announce = node.announce

    async def announced(key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        stored.append(key)
        return await announce(key, endpoint, lifetime=lifetime)

    node.announce = announced  # type: ignore[method-assign]
    finder = await members.bitboot(node)
    await members.awaited((await members.enter(finder.announce("mine", "192.0.2.7:1"))).announced())
    members.wire.junk = [KnownHost("192.0.2.1", 1)]
    async with finder.find(NAME, secret=SECRET, timeout=1) as found:
        with pytest.raises(BackendTimeout, match="had not finished"):
            await members.awaited(found.collect())
    members.wire.junk = []
    assert await members.awaited(finder.lookup("mine"))
    await members.clock.advance(5)
    assert len(stored) == 1


@pytest.mark.parametrize("fails", [False, True])
async def test_the_shard_is_announced_later_unless_the_key_itself_cannot_be(
    members: Members, fails: bool
) -> None:
    """Whoever joins has found the others, and been found, long before anybody has to read shards."""
    node = members.wire.node()
    node._capabilities = replace(node.capabilities, crowd=300)
    keys: dict[bytes, float] = {}
    announce = node.announce

    async def announced(key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        keys.setdefault(key, members.clock.now())
        if fails and key == next(iter(keys)):
            raise AnnounceFailed("nobody stores it")
        return await announce(key, endpoint, lifetime=lifetime)

    node.announce = announced  # type: ignore[method-assign]
    bitboot = await members.bitboot(node)
    announcement = await members.enter(bitboot.announce(NAME, port=7001, secret=SECRET))
    await members.awaited(announcement.announced())
    assert len(keys) == (2 if fails else 1)
    await members.pass_until(lambda: len(keys) == 2)
    key, shard = keys.values()
    assert shard - key < 1 if fails else 20 < shard - key < 40


async def test_several_swarms_at_once(members: Members) -> None:
    bitboot, finder = await members.bitboot(), await members.bitboot()
    names = ["one", "two"]
    announcement = await members.enter(bitboot.announce(names, port=7001, secret=SECRET))
    await members.awaited(announcement.announced())
    assert announcement.status_of("two")["wire"].stored_on == 1
    assert len(members.wire.store) == 2
    found = await members.awaited(finder.lookup(names, secret=SECRET))
    assert found == [Peer("10.0.0.1", 7001)]


async def test_one_member_may_have_several_programs(members: Members) -> None:
    """Two announcements of one BitBoot: one node, one proof, two endpoints. It ends with the last."""
    bitboot, finder = await members.bitboot(), await members.bitboot()
    first = await members.enter(bitboot.announce(NAME, port=7001, secret=SECRET))
    second = await members.enter(bitboot.announce(NAME, "192.0.2.7:7002", secret=SECRET, data=b"two"))
    await members.awaited(first.announced())
    await members.awaited(second.announced())
    found = await members.awaited(finder.lookup(NAME, secret=SECRET))
    assert set(found) == {Peer("10.0.0.1", 7001), Peer("192.0.2.7", 7002)}
    assert {peer.data for peer in found} == {b"two"}
    await first.aclose()
    assert await members.awaited(finder.lookup(NAME, secret=SECRET)) == [Peer("192.0.2.7", 7002)]
    await second.aclose()
    assert await members.awaited(finder.lookup(NAME, secret=SECRET)) == []


async def test_announce_peer_returns_once_it_is_stored(members: Members) -> None:
    bitboot, finder = await members.bitboot(), await members.bitboot()
    await members.awaited(bitboot.announce_peer(NAME, "0.0.0.0:7001", secret=SECRET))
    assert await members.awaited(finder.lookup(NAME, secret=SECRET)) == [Peer("10.0.0.1", 7001)]


# Messages


async def test_messages_reach_the_member(members: Members) -> None:
    ada, bob = await joined(members, 0), await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    (there,) = [peer.member for peer in ada.peers if peer.data == b"1"]
    await members.awaited(ada.send(there, b"offer"))
    message = await members.awaited(anext(bob.messages()))
    assert (message.member, message.data) == (Identity.from_seed(b"%032d" % 1).public_key, b"offer")
    await members.awaited(bob.send(message.member, b"x" * 900))
    assert (await members.awaited(anext(ada.messages()))).data == b"x" * 900
    assert not any(b"offer" in payload for _, _, payload, _ in members.wire.traffic)


async def test_a_lost_message_is_sent_again_and_comes_once(members: Members) -> None:
    ada, bob = await joined(members, 0), await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    (there,) = [peer.member for peer in ada.peers if peer.data == b"1"]
    chance = random.Random(7)
    members.wire.lost = lambda source, to, payload: chance.random() < 0.5
    for number in range(10):
        await members.awaited(ada.send(there, b"%d" % number, timeout=60))
    messages = bob.messages()
    assert [(await anext(messages)).data for _ in range(10)] == [b"%d" % number for number in range(10)]
    waiting = asyncio.ensure_future(anext(messages))
    await members.clock.advance(30)
    assert not waiting.done()
    await bob.aclose()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_what_cannot_be_sent_is_told(members: Members) -> None:
    ada, bob = await joined(members, 0), await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    (there,) = [peer.member for peer in ada.peers if peer.data == b"1"]
    with pytest.raises(InvalidConfig, match="900"):
        await ada.send(there, bytes(901))
    with pytest.raises(NotRunning, match="no member"):
        await ada.send(bytes(32), b"x")
    members.wire.lost = lambda source, to, payload: True
    with pytest.raises(BackendTimeout, match="acknowledge"):
        await members.awaited(ada.send(there, b"x", timeout=5))


async def test_a_full_queue_holds_up_its_senders(members: Members) -> None:
    ada, bob = await joined(members, 0), await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    (there,) = [peer.member for peer in ada.peers if peer.data == b"1"]
    for _ in range(256):
        await ada.send(there, b"x")
    late = asyncio.ensure_future(ada.send(there, b"last", timeout=30))
    await members.clock.advance(3)
    assert not late.done()
    messages = bob.messages()
    for _ in range(256):
        assert (await anext(messages)).data == b"x"
    await members.awaited(late)
    assert (await members.awaited(anext(messages))).data == b"last"


async def test_a_swarm_that_is_not_private_has_no_messages(members: Members) -> None:
    bitboot = await members.bitboot()
    async with bitboot.join(NAME, port=7001) as swarm:
        with pytest.raises(UnsupportedOperation, match="not private") as caught:
            await swarm.send(bytes(32), b"x")
        assert "secret=" in caught.value.hint
        for use in (swarm.messages, lambda: swarm.admit):
            with pytest.raises(UnsupportedOperation):
                use()


async def test_whoever_is_not_admitted_stays_outside(members: Members) -> None:
    friend, stranger = await joined(members, 0), await joined(members, 1)
    bitboot = await members.bitboot()
    swarm = bitboot.join(NAME, port=7002, secret=SECRET)
    member = Identity.from_seed(b"%032d" % 1).public_key
    swarm.admit = lambda who: who == member
    assert swarm.admit is not None
    await members.enter(swarm)
    await members.pass_until(lambda: len(swarm.peers) == 2)  # with itself
    await members.clock.advance(60)
    assert {peer.port for peer in swarm.peers} == {7000, 7002}
    assert {peer.port for peer in friend.peers} == {7000, 7001, 7002}
    assert {peer.port for peer in stranger.peers} == {7000, 7001}


async def test_the_port_that_the_router_opens_is_told_to_the_members(members: Members) -> None:
    other = await joined(members, 0)
    bitboot = await members.bitboot(
        mapper=FakePortMapper(map=answers(PortGrant(KnownHost("81.2.69.160", 40001), 7200)))
    )
    swarm = await members.enter(bitboot.join(NAME, port=7001, secret=SECRET, map_port=True))
    await members.pass_until(lambda: ("10.0.0.2", 40001) in seen(other))
    assert swarm.announcement.mapping is not None
    await swarm.aclose()
    assert not swarm.announcement.mapping.is_open


async def test_what_is_announced_later_is_told_to_those_who_know_us(members: Members) -> None:
    other, bitboot = await joined(members, 0), await members.bitboot()
    await members.enter(bitboot.join(NAME, port=7001, secret=SECRET))
    await members.pass_until(lambda: ("10.0.0.2", 7001) in seen(other))
    await members.enter(bitboot.announce(NAME, port=7002, secret=SECRET))
    await members.pass_until(lambda: ("10.0.0.2", 7002) in seen(other))


# Networks that cannot, and others that can


async def test_a_network_without_requests_says_so(members: Members) -> None:
    bitboot = await members.bitboot(members.wire.node(max_request=0))
    with pytest.raises(UnsupportedOperation, match="carries no requests"):
        await members.awaited(bitboot.lookup(NAME, secret=SECRET))
    with pytest.raises(UnsupportedOperation, match="carries no requests"):
        await members.awaited(bitboot.announce_peer(NAME, ":7001", secret=SECRET))
    assert members.wire.store == {}


async def test_of_several_networks_the_others_work(members: Members) -> None:
    mixed = await members.bitboot(members.wire.node(max_request=0), members.wire.node())
    other = await joined(members, 1)
    swarm = await members.enter(mixed.join(NAME, port=7000, secret=SECRET))
    await members.pass_until(lambda: len(swarm.peers) == len(other.peers) == 2)
    assert isinstance(swarm.failures["wire"], UnsupportedOperation)
    assert isinstance(swarm.status["wire"].last_error, UnsupportedOperation)
    assert swarm.status["wire1"].stored_on == 1
    assert {peer.sources for peer in swarm.peers} == {("wire1",)}
    nowhere = await members.bitboot(members.wire.node(max_request=0), members.wire.node(max_request=999))
    with pytest.raises(AllBackendsFailed):
        await members.awaited(nowhere.lookup(NAME, secret=SECRET))


async def test_what_makes_no_sense_is_refused_at_once(members: Members) -> None:
    bitboot: Any = await members.bitboot()
    for use in (bitboot.find, bitboot.watch):
        with pytest.raises(InvalidConfig, match="takes a SwarmSecret"):
            use(NAME, secret=SECRET.reveal())
        with pytest.raises(InvalidSwarmName, match="not a raw key"):
            use(SwarmKey(bytes(20)), secret=SECRET)
    with pytest.raises(InvalidConfig, match="data="):
        bitboot.announce(NAME, port=1, data=b"x")
    with pytest.raises(InvalidConfig, match="512"):
        bitboot.announce(NAME, port=1, secret=SECRET, data=bytes(513))
    with pytest.raises(InvalidEndpoint, match="IP address"):
        bitboot.announce(NAME, "example.org:80", secret=SECRET)
    with pytest.raises(InvalidConfig, match="identity="):
        BitBoot(identity="me")  # type: ignore[arg-type]


# Attacks, and the passing of time


@pytest.mark.once
async def test_junk_claims_by_the_thousand_hide_nobody(members: Members) -> None:
    """Among 2,000 endpoints where nobody answers, members are found within two seconds."""
    members.wire.junk = [KnownHost(f"198.51.{number // 250}.{number % 250}", 1) for number in range(2000)]
    for number in range(5):
        bitboot = await members.bitboot()
        await members.enter(bitboot.announce(NAME, port=7000 + number, secret=SECRET))
    await members.pass_until(lambda: sum(map(len, members.wire.store.values())) == 5)
    finder = await members.bitboot()
    watch = await members.enter(finder.watch(NAME, secret=SECRET))
    took = await members.pass_until(lambda: len(watch.peers) == 5, step=0.1)
    assert took <= 2.0


async def test_members_behind_nats_call_each_other(members: Members) -> None:
    """Neither can be reached, so each must call when the other does."""
    swarms = [await joined(members, number, node=members.wire.node(nat=True)) for number in range(3)]
    took = await members.pass_until(lambda: all(len(one.peers) == 3 for one in swarms))
    assert took < 60
    # And they stay in touch: NATs forget in 30 s.
    (there,) = [peer.member for peer in swarms[0].peers if peer.data == b"1"]
    await members.clock.advance(300)
    await members.awaited(swarms[0].send(there, b"still there"))
    assert all(len(one.peers) == 3 for one in swarms)


@pytest.mark.once
async def test_silent_claims_are_called_ever_more_rarely(members: Members) -> None:
    swarm = await joined(members, 0)
    members.wire.junk = [KnownHost("192.0.2.9", 9)]
    await members.pass_until(lambda: len(swarm.peers) == 1)
    await members.clock.advance(600)
    node = members.wire.nodes[KnownHost("10.0.0.1", 4000)]
    before = node.requests
    await members.clock.advance(3600)
    assert 0 < node.requests - before < 400
    assert seen(swarm) == {("10.0.0.1", 7000)}


@pytest.mark.once
async def test_the_silent_are_called_when_others_call_too(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ten seconds of the clock that all share, three times: that opens both NATs at once."""
    swarm = await joined(members, 0)
    members.wire.junk = [KnownHost("192.0.2.9", 9)]
    called: list[float] = []
    node = members.wire.nodes[KnownHost("10.0.0.1", 4000)]
    clock, request = Apart(members.clock, 0.0), node.request

    async def noted(endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        called.append(round(clock.unix_time() % ROUND, 6))
        return await request(endpoint, payload, timeout=timeout)

    await members.pass_until(lambda: len(swarm.peers) == 1)
    monkeypatch.setattr(node, "request", noted)
    await members.clock.advance(100)
    assert {0.0, 1.0, 2.0} <= set(called)


async def test_a_member_whose_nat_moves_is_found_again(members: Members) -> None:
    ada, bob = await joined(members, 0), await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    node = members.wire.nodes.pop(KnownHost("10.0.0.2", 4000))
    node.own = KnownHost("10.0.9.9", 4999)
    members.wire.nodes[node.own] = node
    await members.pass_until(lambda: ("10.0.9.9", 7001) in seen(ada), within=1800)
    (there,) = {peer.member for peer in ada.peers if peer.data == b"1"}
    await members.awaited(ada.send(there, b"hello again"))
    assert (await members.awaited(anext(bob.messages()))).data == b"hello again"


async def test_one_side_of_each_pair_says_hello(members: Members) -> None:
    swarms = [await joined(members, number) for number in range(3)]
    await members.pass_until(lambda: all(len(one.peers) == 3 for one in swarms))
    members.wire.traffic.clear()
    await members.clock.advance(200)
    short = len(Kind) + ID + 8 + TAG
    hellos = [(source, to) for source, to, payload, _ in members.wire.traffic if len(payload) < short]
    assert 3 * 8 <= len(hellos) <= 3 * 10  # of 3 pairs, in 200 s
    assert len(set(hellos)) == 3


async def test_a_large_swarm_is_scanned_more_rarely(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitboot_core._swarms.private.watch.SCANNED_PER_SECOND", 0.02)
    ada, bob = await joined(members, 0), await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    before = ada.watch.scans["wire"]
    await members.clock.advance(75)  # at 20 a second there are some six
    assert ada.watch.scans["wire"] - before <= 1


@pytest.mark.parametrize(
    ("ahead", "looks"),
    [
        pytest.param(1790.0, 3, marks=pytest.mark.once),
        pytest.param(-1790.0, 3, marks=pytest.mark.once),
        pytest.param(1790.0, 32, marks=pytest.mark.slow),
    ],
)
async def test_over_days_with_clocks_half_an_hour_apart(members: Members, ahead: float, looks: int) -> None:
    """A newcomer finds both at any time of the days, and they lose each other never: an epoch is 6 hours."""
    ada, bob = await joined(members, 0), await joined(members, 1, ahead=ahead)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    keys: set[bytes] = set()
    for _ in range(looks):
        await members.clock.advance(3 * 3600.0 - 97)
        keys |= members.wire.store.keys()
        assert len(ada.peers) == len(bob.peers) == 2
        finder = await members.bitboot()
        found = await members.awaited(finder.lookup(NAME, secret=SECRET))
        assert sorted(peer.data for peer in found) == [b"0", b"1"]
        await finder.aclose()
        (there,) = [peer.member for peer in ada.peers if peer.data == b"1"]
        await members.awaited(ada.send(there, b"x", timeout=60))
    assert len(keys) >= looks * 3 * 3600 // EPOCH


async def test_the_pause_between_scans_counts_from_their_beginning(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where many are asked a scan takes long, and whom it has not come across is not to wait for longer."""
    members.wire.junk = [KnownHost("192.0.2.9", 9)]
    bitboot = await members.bitboot()
    (node,) = members.wire.nodes.values()
    begun: list[float] = []
    lookup = node.lookup

    def noted(key: bytes) -> AsyncIterator[KnownHost]:
        begun.append(members.clock.now())
        return lookup(key)

    monkeypatch.setattr(node, "lookup", noted)
    await members.enter(bitboot.watch(NAME, secret=SECRET))
    await members.pass_until(lambda: len(begun) == 2, step=0.1)
    latest = (1 + SCAN_JITTER) * QUICK_SCAN + 0.2
    assert latest < sum(TRIES) + (1 - SCAN_JITTER) * QUICK_SCAN  # or it would show nothing
    assert begun[1] - begun[0] <= latest


async def test_a_scan_does_not_wait_for_all_who_are_asked_and_a_lookup_does(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of hundreds who join at once two may miss each other, and wait for the next scan."""
    monkeypatch.setattr("bitboot_core._swarms.private.watch.PATIENCE", 1.0)
    members.wire.junk = [KnownHost("192.0.2.9", 9)]  # it is asked for as long as TRIES say
    ada = await joined(members, 0)
    took = await members.pass_until(lambda: ada.watch.scans["wire"] >= 1, step=0.1)
    assert took < sum(TRIES) - 0.2
    bob = await joined(members, 1)
    await members.pass_until(lambda: len(ada.peers) == len(bob.peers) == 2)
    began = members.clock.now()
    async with (await members.bitboot()).find(NAME, secret=SECRET) as found:
        assert len(await members.awaited(found.collect(), step=0.1)) == 2
    assert members.clock.now() - began >= sum(TRIES)


async def test_scan_after_scan_a_claim_is_asked_for_no_longer_than_once(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else junk in line grows with each scan that no longer waits for it, and is asked for ever."""
    monkeypatch.setattr("bitboot_core._swarms.private.watch.PATIENCE", 0.1)
    members.wire.junk = [KnownHost("192.0.2.9", 9)]
    watch = await members.enter((await members.bitboot()).watch(NAME, secret=SECRET))
    await members.pass_until(lambda: watch.scans["wire"] == 1, step=0.1)
    assert isinstance(watch, PrivateWatch)
    (prover,) = watch._membership._provers.values()
    (claim,) = prover._claims
    waiting = set(claim.settled)
    for _ in range(10):
        watch.scan_soon()
        await members.clock.advance(SCANS_APART)
        assert len(claim.settled) <= 1
        waiting.update(claim.settled)
    assert watch.scans["wire"] > 5
    assert len(waiting) > 1, "the first is told, and a later scan has it asked again"


# Ends


async def test_all_ends_with_its_users(members: Members) -> None:
    bitboot = await members.bitboot()
    (node,) = members.wire.nodes.values()
    async with bitboot.join(NAME, port=7001, secret=SECRET) as swarm:
        await members.pass_until(lambda: len(swarm.peers) == 1)
        assert node.handler is not None
        membership = swarm._private
    assert membership.has_ended
    assert node.handler is None
    assert all(not peers for peers in members.wire.store.values())
    async with bitboot.join(NAME, port=7001, secret=SECRET) as again:
        await members.pass_until(lambda: len(again.peers) == 1)


async def test_networks_come_and_go(members: Members) -> None:
    bitboot = await members.bitboot(members.wire.node(), members.wire.node())
    other = await joined(members, 1)
    swarm = await members.enter(bitboot.join(NAME, port=7000, secret=SECRET))
    await members.pass_until(lambda: len(swarm.status) == 2 and len(other.peers) == 3)
    await bitboot.remove_network("wire")
    assert list(swarm.status) == ["wire1"]
    assert sum(map(len, members.wire.store.values())) == 2
    await members.clock.advance(60)
    assert ("10.0.0.2", 7000) in seen(other)
