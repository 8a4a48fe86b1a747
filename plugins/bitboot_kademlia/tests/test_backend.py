"""The adapter to the core's contract, on real sockets."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from bitboot_kademlia.backend import KademliaBackend
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.testnet import Testnet

from bitboot_core import (
    AnnounceFailed,
    Announces,
    BackendConfig,
    BackendError,
    BackendTimeout,
    BitBoot,
    BootstrapFailed,
    HostNotFound,
    KnownHost,
    ListenFailed,
    NotRunning,
    UnsupportedOperation,
)
from bitboot_core.testing import LoopWithoutReaders

from .conftest import found, running
from .strangers import Time

KEY = b"k" * 20
PEER = KnownHost("30.0.0.1", 6881)
HASTY = Settings(slow_floor=0.01, slow_ceiling=0.01, timeout_floor=0.03, timeout_ceiling=0.03)
"""So that nobody has to wait for the dead here."""


@pytest.fixture
async def testnet() -> AsyncIterator[Testnet]:
    async with Testnet(12, settings=HASTY) as testnet:
        yield testnet


async def join(backend: KademliaBackend, testnet: Testnet) -> None:
    assert await backend.bootstrap(testnet.bootstrap) == 3


async def test_the_routing_table_tells_distances(testnet: Testnet) -> None:
    async with running() as here:
        assert here.routing_table() == []
        await join(here, testnet)
        (node,) = here.nodes.values()
        ids = {
            there.address: one.protocol.node_id for there in testnet.backends for one in there.nodes.values()
        }
        table = {contact.address: contact for contact in here.routing_table()}
        assert table
        assert table.keys() <= ids.keys()
        for address, contact in table.items():
            both = zip(ids[address], node.protocol.node_id, strict=True)
            xor = bytes(one ^ other for one, other in both)
            assert contact.distance == int.from_bytes(xor).bit_length()
            assert contact.round_trip is None
            assert not contact.silent
        first = next(iter(table))
        node.protocol.suspects.failed((first.host, first.port))
        assert sum(contact.silent for contact in here.routing_table()) == 1


async def test_the_bytes_that_are_sent_come_in(testnet: Testnet) -> None:
    async with running() as here:
        await join(here, testnet)
        stats = here.stats()
        assert stats["sent_bytes"] > stats["sent"] * 21
        (node,) = here.nodes.values()
        node.protocol.datagram_received(b"x" * 17, ("127.0.0.1", 9))
        assert here.stats()["received_bytes"] == stats["received_bytes"] + 17


async def test_announced_here_is_found_there_and_withdrawn(testnet: Testnet) -> None:
    async with running() as here, running() as there:
        await join(here, testnet)
        await join(there, testnet)
        receipt = await here.announce(KEY, PEER, lifetime=900)
        assert receipt.stored_on >= 13
        assert receipt.lifetime == 900
        assert await found(there, KEY) == [PEER]
        assert await found(there, b"o" * 20) == []
        await here.withdraw(KEY, PEER)
        assert await found(there, KEY) == []


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "2001:db8::1", "127.0.0.2", "peer.example.org", "bücher.example", ".".join(["x" * 49] * 5)],
)
async def test_any_host_can_be_announced(testnet: Testnet, host: str) -> None:
    backend = testnet.backends[0]
    assert backend.capabilities.announces is Announces.ANY_ADDRESS
    await backend.announce(KEY, KnownHost(host, 6881), lifetime=900)
    assert await found(testnet.backends[1], KEY) == [KnownHost(host, 6881)]


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
@pytest.mark.parametrize("port", [0, 6881])
async def test_no_host_is_this_node(testnet: Testnet, host: str, port: int) -> None:
    backend = testnet.backends[0]
    await backend.announce(KEY, KnownHost(host, port), lifetime=900)
    mine = KnownHost("127.0.0.1", port or backend.address.port)
    assert await found(testnet.backends[1], KEY) == [mine]
    await backend.withdraw(KEY, KnownHost(host, port))
    assert await found(testnet.backends[1], KEY) == []


async def test_listening_everywhere_others_say_what_our_address_is(testnet: Testnet) -> None:
    async with running("") as backend:
        await join(backend, testnet)
        await backend.announce(KEY, KnownHost("", 6881), lifetime=900)
        assert await found(testnet.backends[0], KEY) == [KnownHost("127.0.0.1", 6881)]
        await backend.withdraw(KEY, KnownHost("", 6881))
        assert await found(testnet.backends[0], KEY) == []


@pytest.mark.parametrize("endpoint", [KnownHost("30.0.0.1", 0), KnownHost(".".join(["ü" * 50] * 4), 1)])
async def test_what_cannot_be_announced_is_refused_before_anything_is_sent(
    testnet: Testnet, endpoint: KnownHost
) -> None:
    backend = testnet.backends[0]
    sent = backend.stats()["sent"]
    with pytest.raises(UnsupportedOperation) as caught:
        await backend.announce(KEY, endpoint, lifetime=900)
    assert caught.value.hint
    assert backend.stats()["sent"] == sent


async def test_no_more_is_granted_than_the_longest_lifetime(testnet: Testnet) -> None:
    backend = testnet.backends[0]
    receipt = await backend.announce(KEY, PEER, lifetime=1e6)
    assert receipt.lifetime == backend.capabilities.max_lifetime == Settings().max_lifetime


async def test_only_who_announced_can_withdraw(testnet: Testnet) -> None:
    ours, theirs, third = testnet.backends[:3]
    await ours.announce(KEY, PEER, lifetime=900)
    await theirs.withdraw(KEY, PEER)
    assert await found(third, KEY) == [PEER]
    await theirs.announce(KEY, PEER, lifetime=900)
    await theirs.withdraw(KEY, PEER)
    assert await found(third, KEY) == [PEER]
    await ours.withdraw(KEY, PEER)
    assert await found(third, KEY) == []


async def test_withdrawn_and_announced_anew(testnet: Testnet) -> None:
    backend, other = testnet.backends[:2]
    for _ in range(3):
        await backend.announce(KEY, PEER, lifetime=900)
        assert await found(other, KEY) == [PEER]
        await backend.withdraw(KEY, PEER)
        await backend.withdraw(KEY, PEER)
        assert await found(other, KEY) == []


async def test_withdrawal_that_nobody_confirms_says_so() -> None:
    async with Testnet(4, settings=HASTY) as testnet:
        backend = testnet.backends[0]
        await backend.announce(KEY, PEER, lifetime=900)
        for _ in range(3):
            await testnet.remove()
        backend.nodes[4].protocol.peers.sweep()
        async with running() as stranger:
            await stranger.withdraw(KEY, PEER)  # announced nothing: nothing to take back
        backend.nodes[4].protocol.peers.withdraw = lambda key, secret: False  # type: ignore[method-assign]
        with pytest.raises(BackendError, match="none of the 3 nodes") as caught:
            await backend.withdraw(KEY, PEER)
        assert "expires" in caught.value.hint


async def test_what_lapsed_is_found_no_more() -> None:
    time = Time()
    async with Testnet(5, now=time) as testnet:
        await testnet.backends[0].announce(KEY, PEER, lifetime=60)
        time.now += 59
        assert await found(testnet.backends[1], KEY) == [PEER]
        time.now += 2
        assert await found(testnet.backends[1], KEY) == []


async def test_alone_a_node_keeps_it_until_others_come() -> None:
    async with running() as first:
        receipt = await first.announce(KEY, PEER, lifetime=900)
        assert (receipt.stored_on, receipt.lifetime) == (1, 900)
        assert await found(first, KEY) == [PEER]
        async with running() as second:
            await second.bootstrap([first.address])
            assert await found(second, KEY) == [PEER]
            await second.nodes[4].healing.idle()
            await first.aclose()
            assert await found(second, KEY) == [PEER]


async def test_listening_everywhere_it_learns_where_others_see_it(testnet: Testnet) -> None:
    async with running("") as backend, running() as elsewhere:
        assert list(backend.seen_at) == []
        await join(backend, testnet)
        await join(elsewhere, testnet)
        assert list(backend.seen_at) == ["127.0.0.1"]
        assert list(elsewhere.seen_at) == [], "where we listen at one address there is nothing to learn"


@pytest.mark.parametrize(
    ("lies", "seen"),
    [([["66.6.6.6", 1]], ["127.0.0.1"]), ([["66.6.6.6", 1], [1]], []), ([["66.6.6.6", 1]] * 2, ["66.6.6.6"])],
)
async def test_most_of_those_asked_must_agree_on_where_we_are(lies: list[object], seen: list[str]) -> None:
    async with Testnet(3) as testnet, running("") as backend:
        for liar, lie in zip(testnet.backends, lies, strict=False):
            liar.nodes[4].protocol.rpc_stun = lambda sender, lie=lie: lie  # type: ignore[method-assign, misc]
        await join(backend, testnet)
        assert list(backend.seen_at) == seen


async def test_alone_and_listening_everywhere_it_is_found_where_others_ask_it() -> None:
    async with running("") as first, running() as second, running() as third:
        receipt = await first.announce(KEY, KnownHost("", 6881), lifetime=900)
        assert receipt.stored_on == 1
        mine = [KnownHost("127.0.0.1", 6881)]
        assert await found(first, KEY) == [], "while nobody sees it, it has no address"
        await second.bootstrap([KnownHost("127.0.0.1", first.address.port)])
        assert await found(second, KEY) == mine
        await second.nodes[4].healing.idle()
        await third.bootstrap([second.address])
        assert await found(third, KEY) == mine
        await first.bootstrap([second.address, third.address])
        assert await found(first, KEY) == mine
        await first.withdraw(KEY, KnownHost("", 6881))
        assert await found(third, KEY) == []


async def test_read_only_and_alone_there_is_nobody_to_keep_it() -> None:
    async with running(read_only=True) as backend:
        with pytest.raises(AnnounceFailed, match="0 contacts") as caught:
            await backend.announce(KEY, PEER, lifetime=900)
        assert caught.value.hint


async def test_cut_off_from_all_an_announcement_fails() -> None:
    """Kept by ourselves alone, nobody would find it: the core has to try again soon."""
    async with Testnet(5, settings=HASTY) as testnet:
        for _ in range(4):
            await testnet.remove()
        (backend,) = testnet.backends
        with pytest.raises(AnnounceFailed, match="4 contacts"):
            await backend.announce(KEY, PEER, lifetime=900)
        with pytest.raises(BackendTimeout, match="none of the 4 nodes"):
            await found(backend, b"o" * 20)
        assert await found(backend, KEY) == [PEER], "what we hold ourselves we know"
        assert backend.contacts() == []


async def test_read_only_it_announces_and_finds_and_answers_nobody(testnet: Testnet) -> None:
    async with running(read_only=True, settings=HASTY) as backend:
        await join(backend, testnet)
        await backend.announce(KEY, PEER, lifetime=900)
        assert await found(backend, KEY) == await found(testnet.backends[0], KEY) == [PEER]
        assert all(backend.address not in node.contacts() for node in testnet.backends)
        assert (backend.stats()["calls"], backend.stats()["stored_peers"]) == (0, 0)
        with pytest.raises(BootstrapFailed):
            await testnet.backends[0].bootstrap([backend.address])
        await backend.withdraw(KEY, PEER)
        assert await found(testnet.backends[0], KEY) == []


# Bootstrapping


async def test_bootstrap_reports_how_many_answered(testnet: Testnet) -> None:
    async with running() as backend, running(read_only=True) as silent:
        assert await backend.bootstrap([*testnet.addresses[:5], silent.address]) == 5
        assert len(backend.contacts()) == 12, "it has met the others as well"
        assert set(backend.contacts()) == set(testnet.addresses)
        assert await backend.bootstrap([]) == 0


async def test_bootstrap_names_the_contacts_that_did_not_answer() -> None:
    async with running(settings=HASTY) as backend, running(read_only=True) as silent:
        with pytest.raises(BootstrapFailed, match=str(silent.address)) as caught:
            await backend.bootstrap([silent.address, KnownHost("127.0.0.1", silent.address.port)])
        assert caught.value.hint
        assert not isinstance(caught.value, HostNotFound)


async def test_bootstrap_says_that_a_name_does_not_resolve() -> None:
    async with running() as backend:
        with pytest.raises(HostNotFound, match=r"nowhere\.invalid"):
            await backend.bootstrap([KnownHost("nowhere.invalid", 6881)])
        with pytest.raises(HostNotFound, match="IPv6"):
            await backend.bootstrap([KnownHost("::1", 6881)])


async def test_several_names_that_all_do_not_resolve_may_be_our_own_trouble() -> None:
    """That no name exists is what macOS and Windows say when they are offline: whatever runs on waits."""
    async with running() as backend:
        with pytest.raises(BootstrapFailed, match="may be offline") as caught:
            await backend.bootstrap(
                [KnownHost("nowhere.invalid", 6881), KnownHost("elsewhere.invalid", 6881)]
            )
        assert not isinstance(caught.value, HostNotFound)


async def test_localhost_is_listened_on_as_127_0_0_1() -> None:
    async with running("localhost") as backend:
        assert backend.address.host == "127.0.0.1"


async def test_names_are_resolved(testnet: Testnet) -> None:
    async with running() as backend:
        names = [KnownHost("localhost", address.port) for address in testnet.bootstrap]
        assert await backend.bootstrap([KnownHost("nowhere.invalid", 1), *names]) == 3


async def test_we_are_not_our_own_contact() -> None:
    async with running() as backend:
        with pytest.raises(BootstrapFailed):
            await backend.bootstrap([backend.address])
        assert backend.contacts() == []


# Sockets and life


async def test_ipv6_alone(ipv6: None) -> None:
    async with Testnet(8, host="::1") as testnet, running("::1") as here, running("::1") as there:
        await join(here, testnet)
        await join(there, testnet)
        await here.announce(KEY, PEER, lifetime=900)
        assert await found(there, KEY) == [PEER]
        assert here.address.host == "::1"
        assert set(there.contacts()) >= set(testnet.addresses)
        await here.withdraw(KEY, PEER)
        assert await found(there, KEY) == []


async def test_both_families_at_once(ipv6: None) -> None:
    """A peer that was announced over one is found over the other, through whoever speaks both."""
    async with Testnet(4) as four, Testnet(4, host="::1") as six, running("") as both:
        assert set(both.nodes) == {4, 6}
        assert len({node.address.port for node in both.nodes.values()}) == 1
        assert await both.bootstrap([*four.bootstrap, *six.bootstrap]) == 6
        await both.announce(KEY, PEER, lifetime=900)
        assert await found(four.backends[0], KEY) == await found(six.backends[0], KEY) == [PEER]
        await four.backends[0].announce(b"4" * 20, PEER, lifetime=900)
        await six.backends[0].announce(b"6" * 20, KnownHost("::5", 5), lifetime=900)
        assert await found(both, b"4" * 20) == [PEER]
        assert await found(both, b"6" * 20) == [KnownHost("::5", 5)]
        assert both.stats()["contacts"] == 8


async def test_a_port_that_is_taken_is_refused() -> None:
    async with running() as backend:
        taken = backend.address
        for host in (taken.host, ""):
            config = BackendConfig(network="k", protocol="kademlia", listen=KnownHost(host, taken.port))
            with pytest.raises(ListenFailed, match=str(taken.port)) as caught:
                await KademliaBackend(config).start()
            assert caught.value.hint


@pytest.mark.parametrize("host", ["203.0.113.7", "nowhere.invalid"])
async def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    config = BackendConfig(network="k", protocol="kademlia", listen=KnownHost(host, 0))
    with pytest.raises(ListenFailed, match=host):
        await KademliaBackend(config).start()


@pytest.mark.parametrize("refusals", [0, 3])
def test_a_loop_that_cannot_watch_sockets_is_served_too(refusals: int) -> None:
    """Windows' proactor loop, on which reads fail after an ICMP "port unreachable"."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, LoopWithoutReaders)
        async with Testnet(4) as testnet:
            loop.refusals = refusals
            await testnet.backends[0].announce(KEY, PEER, lifetime=900)
            assert await found(testnet.backends[3], KEY) == [PEER]
            assert sum(backend.stats()["refused"] for backend in testnet.backends) == refusals
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        runner.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is the machine's own on Linux only")
async def test_answers_come_from_the_address_that_was_asked() -> None:
    """Else whoever asks at the second address of a machine would throw the answer away."""
    async with running("0.0.0.0") as everywhere, running("127.0.0.1") as asker:
        assert await asker.bootstrap([KnownHost("127.0.0.2", everywhere.address.port)]) == 1
        assert asker.contacts() == [KnownHost("127.0.0.2", everywhere.address.port)]


async def test_before_the_start_and_after_the_end_it_is_not_running() -> None:
    config = BackendConfig(network="k", protocol="kademlia", listen=KnownHost("127.0.0.1", 0))
    backend = KademliaBackend(config)
    for _ in range(2):
        with pytest.raises(NotRunning):
            await backend.announce(KEY, PEER, lifetime=900)
        with pytest.raises(NotRunning):
            await backend.withdraw(KEY, PEER)
        with pytest.raises(NotRunning):
            await backend.bootstrap([])
        with pytest.raises(NotRunning):
            await found(backend, KEY)
        for ask in (lambda: backend.address, backend.contacts, backend.stats):
            with pytest.raises(NotRunning):
                ask()
        await backend.start()
        await backend.start()
        await backend.aclose()
        await backend.aclose()
        assert backend.capabilities.can_withdraw


async def test_closing_ends_whatever_waits() -> None:
    async with running(read_only=True) as silent, running() as backend:
        backend.nodes[4].protocol.learn(b"s" * 20, (silent.address.host, silent.address.port), plain=False)
        waiting = [
            asyncio.create_task(backend.announce(KEY, PEER, lifetime=900)),
            asyncio.create_task(found(backend, KEY)),
            asyncio.create_task(backend.bootstrap([silent.address])),
        ]
        await asyncio.sleep(0)
        await backend.aclose()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [NotRunning, NotRunning, BootstrapFailed]


async def test_cancelled_calls_leave_nothing_behind(testnet: Testnet) -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with running() as backend:
        await join(backend, testnet)
        before = asyncio.all_tasks()
        for turns in range(12):
            tasks = [
                asyncio.create_task(backend.announce(KEY, PEER, lifetime=900)),
                asyncio.create_task(backend.withdraw(KEY, PEER)),
                asyncio.create_task(found(backend, KEY)),
                asyncio.create_task(backend.bootstrap(testnet.bootstrap)),
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert asyncio.all_tasks() == before
        requests = backend.nodes[4].protocol.requests
        while len(requests):  # noqa: ASYNC110 - until those that nobody waits for any more have run out
            await asyncio.sleep(0.01)
        await backend.announce(KEY, PEER, lifetime=900)
        assert await found(backend, KEY) == [PEER]
    assert complaints == []


async def test_a_lookup_that_is_left_early_asks_no_more(testnet: Testnet) -> None:
    for number in range(5):
        await testnet.backends[0].announce(KEY, KnownHost("30.0.0.1", number + 1), lifetime=900)
    async with running(read_only=True) as backend:
        await join(backend, testnet)
        async with aclosing(backend.lookup(KEY)) as peers:  # type: ignore[type-var]
            assert await anext(peers) in [KnownHost("30.0.0.1", number + 1) for number in range(5)]


async def test_stats_are_numbers(testnet: Testnet) -> None:
    await testnet.backends[0].announce(KEY, PEER, lifetime=900)
    stats = testnet.backends[1].stats()
    assert all(isinstance(value, int | float) for value in stats.values())
    assert stats["stored_peers"] == stats["stored_keys"] == 1
    assert stats["contacts"] == 11
    assert stats["round_trip"] > 0
    assert stats["errors"] == 0


async def test_a_testnet_has_at_least_one_node() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Testnet(0)


# The plugin


async def test_through_the_core_by_its_name(testnet: Testnet) -> None:
    config = {
        "network": "kademlia",
        "bootstrap": testnet.bootstrap,
        "listen": "127.0.0.1:0",
        "state_dir": False,
    }
    async with BitBoot(**config) as here, BitBoot(**config) as there:  # type: ignore[arg-type]
        async with here.announce("a swarm", KnownHost("30.0.0.1", 6881)) as announcement:
            await announcement.announced()
            assert [peer.endpoint for peer in await there.lookup("a swarm")] == [PEER]
        assert await there.lookup("a swarm") == [], "leaving withdraws"


async def test_the_plugin_imports_no_library_before_it_is_used() -> None:
    plugin = importlib.import_module("bitboot_kademlia.plugin")
    assert plugin.BITBOOT_API == 1
    (spec,) = plugin.bitboot_backends()
    assert (spec.name, list(spec.protocols)) == ("kademlia", ["kademlia"])
    assert spec.unavailable() is None
    assert isinstance(spec.factory(BackendConfig(network="kademlia", protocol="kademlia")), KademliaBackend)
    async with spec.testnet(2) as contacts:
        assert len(contacts) == 2
