"""The adapter to the core's contract, on a testnet of real nodes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.external import QUORUM
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bencode, compact

from bitboot_core import (
    AnnounceFailed,
    Announces,
    BackendConfig,
    BackendTimeout,
    BitBoot,
    BootstrapFailed,
    HostNotFound,
    KnownHost,
    NotRunning,
    Place,
    Reachability,
    UnsupportedOperation,
)

from .conftest import eventually, silenced

KEY = hashlib.sha1(b"a swarm").digest()


def config(host: str = "127.0.0.1", *, read_only: bool = False) -> BackendConfig:
    return BackendConfig(
        network="mainline", protocol="mainline", listen=KnownHost(host, 0), read_only=read_only
    )


@asynccontextmanager
async def running(host: str = "127.0.0.1", *, read_only: bool = False) -> AsyncIterator[MainlineBackend]:
    backend = MainlineBackend(config(host, read_only=read_only))
    await backend.start()
    try:
        yield backend
    finally:
        await backend.aclose()


async def found(backend: MainlineBackend, key: bytes = KEY) -> list[KnownHost]:
    return [peer async for peer in backend.lookup(key)]


@pytest.fixture
async def testnet() -> AsyncIterator[Testnet]:
    async with Testnet(12) as testnet:
        yield testnet


async def test_it_says_how_many_nodes_could_have_stored_an_announcement(testnet: Testnet) -> None:
    async with running() as here:
        await here.bootstrap(testnet.bootstrap)
        await here.announce(KEY, KnownHost("", 7000), lifetime=900)  # it knows them all now
        while len(testnet.addresses) > 2:
            await testnet.remove()
        receipt = await here.announce(KEY, KnownHost("", 7000), lifetime=900)
        assert (receipt.stored_on, receipt.could_store) == (2, 8)


async def test_the_routing_table_tells_distances_and_round_trips(testnet: Testnet) -> None:
    async with running() as here:
        assert list(here.routing_table()) == []
        await here.bootstrap(testnet.bootstrap)
        table = {contact.address: contact for contact in here.routing_table()}
        own = int.from_bytes(here.node.id)
        nodes = zip(testnet.addresses, testnet.nodes, strict=True)
        ids = {address: int.from_bytes(node.id) for address, node in nodes}
        assert table  # not those who only wait for a place in it
        assert table.keys() <= set(here.contacts()) <= ids.keys()
        for address, contact in table.items():
            assert contact.distance == (own ^ ids[address]).bit_length()
            assert contact.round_trip is not None
            assert 0 < contact.round_trip < 60
            assert not contact.silent


async def test_a_contact_that_does_not_answer_is_silent(testnet: Testnet) -> None:
    async with running() as here:
        await here.bootstrap(testnet.bootstrap)
        first = here.routing_table()[0].address
        address = compact.pack(first.host, first.port)
        here.node.tables[4].failed(address)
        silent = [contact.address for contact in here.routing_table() if contact.silent]
        assert silent == [first]


async def test_the_bytes_that_are_sent_come_in(testnet: Testnet) -> None:
    async with running() as here:
        await here.bootstrap(testnet.bootstrap)
        stats = here.stats()
        assert stats["sent_bytes"] > stats["sent"] * len(b"d1:ad2:id20:")
        assert stats["received_bytes"] > stats["received"] * 20  # an id at least
        before = stats["received_bytes"]
        here.node.receive(b"x" * 17, compact.pack("127.0.0.1", 9), here.node.now)
        assert here.stats()["received_bytes"] == before + 17


async def test_announced_here_is_found_there(testnet: Testnet) -> None:
    async with running() as here, running() as there:
        assert await here.bootstrap(testnet.bootstrap) == 3
        assert await there.bootstrap(testnet.bootstrap) == 3
        receipt = await here.announce(KEY, KnownHost("", 7000), lifetime=900)
        assert (receipt.stored_on, receipt.could_store) == (8, 8)
        assert receipt.lifetime == 900
        assert await found(there) == [KnownHost("127.0.0.1", 7000)]
        assert await found(there, b"o" * 20) == []


async def test_the_lifetime_granted_is_what_nodes_grant(testnet: Testnet) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        receipt = await backend.announce(KEY, KnownHost("0.0.0.0", 7000), lifetime=86400)
        assert receipt.lifetime == backend.capabilities.max_lifetime == 1800


async def test_port_0_announces_the_port_that_others_see(testnet: Testnet) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        await backend.announce(KEY, KnownHost("", 0), lifetime=900)
        assert await found(backend) == [backend.address]


async def test_port_0_through_the_core(testnet: Testnet) -> None:
    """As docs/nat.md promises: `port=0` and ":0" are the port that others see the node at."""
    bootstrap = testnet.bootstrap
    async with BitBoot(
        network="mainline", bootstrap=bootstrap, listen="127.0.0.1:0", state_dir=False
    ) as bitboot:
        mine = bitboot.backend().address
        async with bitboot.announce("unique_network", port=0) as announcement:
            await announcement.announced()
        await bitboot.announce_peer("another network", ":0")
        for swarm in ("unique_network", "another network"):
            assert [(peer.host, peer.port) for peer in await bitboot.lookup(swarm)] == [
                (mine.host, mine.port)
            ]


async def test_ipv6_alone(ipv6: None) -> None:
    async with Testnet(10, host="::1") as testnet, running("::1") as here, running("::1") as there:
        await here.bootstrap(testnet.bootstrap)
        await there.bootstrap(testnet.bootstrap)
        await here.announce(KEY, KnownHost("::1", 7000), lifetime=900)
        assert await found(there) == [KnownHost("::1", 7000)]
        assert here.capabilities.families == {6}


async def test_who_asks_unasked_is_counted() -> None:
    """Only what can be reached from outside is asked by nodes that it never sent anything to."""
    async with running() as here, running() as there:
        assert await there.bootstrap([here.address]) == 1
        assert here.stats()["unsolicited"] > 0
        assert there.stats()["unsolicited"] == 0


async def test_what_goes_wrong_is_counted_where_people_look() -> None:
    async with running() as backend:
        counters = backend.node.counters
        counters.unsent, counters.refused, counters.errors = 1, 2, 3
        stats = backend.stats()
        assert [stats[name] for name in ("unsent", "refused", "errors")] == [1, 2, 3]


@pytest.mark.parametrize("host", ["8.8.8.8", "127.0.0.2", "::1", "router.example.org"])
async def test_somebody_elses_address_is_refused_before_anything_is_sent(testnet: Testnet, host: str) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        sent = backend.stats()["sent"]
        with pytest.raises(UnsupportedOperation, match="not an address of this node"):
            await backend.announce(KEY, KnownHost(host, 7000), lifetime=900)
        assert backend.stats()["sent"] == sent
        assert backend.capabilities.announces is Announces.OWN_ADDRESS


@pytest.mark.parametrize("host", ["127.0.0.1", "", "0.0.0.0"])
async def test_our_own_address_is_announced(testnet: Testnet, host: str) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        await backend.announce(KEY, KnownHost(host, 7000), lifetime=900)
        assert await found(backend) == [KnownHost("127.0.0.1", 7000)]


async def test_mainline_cannot_withdraw_and_says_so(testnet: Testnet) -> None:
    async with running() as backend:
        assert not backend.capabilities.can_withdraw
        with pytest.raises(UnsupportedOperation):
            await backend.withdraw(KEY, KnownHost("", 7000))


async def test_with_nobody_there_an_announcement_fails() -> None:
    async with running() as backend:
        with pytest.raises(AnnounceFailed, match="0 contacts"):
            await backend.announce(KEY, KnownHost("", 7000), lifetime=900)
        assert await found(backend) == []


async def test_with_nobody_to_ask_a_lookup_finds_nobody() -> None:
    """So it is for the first node of a network: no error."""
    async with running() as backend:
        assert await found(backend) == []


async def test_a_lookup_that_nobody_answers_has_failed_but_tells_of_what_is_stored_here(
    testnet: Testnet,
) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        backend.node.store.add(KEY, compact.pack("127.0.0.1", 7000), backend.node.now)
        peers = []

        async def read() -> None:
            async for peer in backend.lookup(KEY):
                peers.append(peer)

        async with silenced(testnet):
            with pytest.raises(BackendTimeout, match=r"none of the \d+ nodes asked answered"):
                await read()
        assert peers == [KnownHost("127.0.0.1", 7000)]


async def test_bootstrap_names_the_contacts_that_did_not_answer() -> None:
    async with running() as backend, running(read_only=True) as silent:
        with pytest.raises(BootstrapFailed, match=str(silent.address)) as caught:
            await backend.bootstrap([silent.address])
        assert caught.value.hint
        assert not isinstance(caught.value, HostNotFound)


async def test_bootstrap_says_that_a_name_does_not_resolve() -> None:
    async with running() as backend:
        with pytest.raises(HostNotFound, match=r"nowhere\.invalid"):
            await backend.bootstrap([KnownHost("nowhere.invalid", 6881)])


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


async def test_bootstrap_through_one_that_answers_among_others_that_do_not(testnet: Testnet) -> None:
    async with running() as backend, running(read_only=True) as silent:
        contacts = [silent.address, KnownHost("nowhere.invalid", 6881), testnet.bootstrap[0]]
        assert await backend.bootstrap(contacts) == 1
        assert backend.contacts()


async def test_bootstrap_through_a_name(testnet: Testnet) -> None:
    async with running() as backend:
        assert await backend.bootstrap([KnownHost("localhost", testnet.bootstrap[0].port)]) == 1


async def test_bootstrap_through_nobody_is_no_error() -> None:
    async with running() as backend:
        assert await backend.bootstrap([]) == 0


async def test_contacts_of_one_node_are_a_start_for_another(testnet: Testnet) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        contacts = backend.contacts()
    assert len(contacts) >= 8
    assert set(contacts) <= set(testnet.addresses)
    async with running() as other:
        assert await other.bootstrap(contacts) == len(contacts)


async def test_it_tells_where_others_see_it() -> None:
    async with running() as backend:
        assert list(backend.seen_at) == []
        moves: list[list[str]] = []
        backend.on_moved(lambda: moves.append(list(backend.seen_at)))
        node = backend.node
        node.send_query = None  # it has no way to these addresses
        for number in range(QUORUM):
            voter, claim = public_address(number), compact.pack("93.184.216.34", 6881)
            node.query(voter, b"ping", {}, lambda outcome: None, now=node.now)
            ((datagram, _),) = [sent for sent in node.outgoing() if sent[1] == voter]
            transaction = bencode.decode(datagram)[b"t"]
            reply = {b"t": transaction, b"y": b"r", b"r": {b"id": bytes([number]) * 20}, b"ip": claim}
            node.receive(bencode.encode(reply), voter, node.now)
        assert list(backend.seen_at) == ["93.184.216.34"]
        assert backend.places == {4: Place(Reachability.CONE, KnownHost("93.184.216.34", 6881))}
        assert moves == [["93.184.216.34"]]
        node.outgoing()  # to strangers that do not exist: nothing of it leaves


async def test_a_read_only_client_finds_and_is_known_to_nobody(testnet: Testnet) -> None:
    """BEP 43."""
    async with running() as announcer, running(read_only=True) as client:
        await announcer.bootstrap(testnet.bootstrap)
        await announcer.announce(KEY, KnownHost("", 7000), lifetime=900)
        await client.bootstrap(testnet.bootstrap)
        assert await found(client) == [KnownHost("127.0.0.1", 7000)]
        port = client.address.port.to_bytes(2, "big")
        for node in [*testnet.nodes, announcer.node]:
            assert all(contact.address[-2:] != port for contact in node.tables[4])


async def test_before_start_and_after_close_nothing_runs() -> None:
    backend = MainlineBackend(config())
    for _ in range(2):
        with pytest.raises(NotRunning):
            _ = backend.address
        with pytest.raises(NotRunning):
            backend.contacts()
        with pytest.raises(NotRunning):
            await backend.announce(KEY, KnownHost("", 1), lifetime=1)
        with pytest.raises(NotRunning):
            await found(backend)
        await backend.start()
        await backend.aclose()
        await backend.aclose()


async def test_closing_ends_what_is_under_way() -> None:
    async with running(read_only=True) as silent:
        backend = MainlineBackend(config())
        await backend.start()
        bootstrap = asyncio.create_task(backend.bootstrap([silent.address]))
        await eventually(lambda: backend.stats()["sent"] > 0, "the first query")
        backend.node.tables[4].answered(b"q" * 20, _compact(silent.address), 0.0, 0.1)
        lookup = asyncio.create_task(found(backend))
        await asyncio.sleep(0)
        await backend.aclose()
        for task in (bootstrap, lookup):
            with pytest.raises(NotRunning):
                await task


def _compact(host: KnownHost) -> bytes:
    return bytes(map(int, host.host.split("."))) + host.port.to_bytes(2, "big")


async def test_a_lookup_can_be_left_at_any_time(testnet: Testnet) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        for port in range(7000, 7010):
            await backend.announce(KEY, KnownHost("", port), lifetime=900)
        async with aclosing(backend.lookup(KEY)) as peers:
            async for _ in peers:
                break
        task = asyncio.create_task(found(backend))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(await found(backend)) == 10


async def test_fifty_lookups_at_once(testnet: Testnet) -> None:
    async with running() as backend:
        await backend.bootstrap(testnet.bootstrap)
        await backend.announce(KEY, KnownHost("", 7000), lifetime=900)
        results = await asyncio.gather(*(found(backend) for _ in range(50)))
        assert results == [[KnownHost("127.0.0.1", 7000)]] * 50


async def test_through_the_core(testnet: Testnet) -> None:
    async with BitBoot(network="mainline", bootstrap=testnet.bootstrap, listen="127.0.0.1:0") as bitboot:
        await bitboot.announce_peer("unique_network", KnownHost("127.0.0.1", 6881))
        peers = await bitboot.lookup("unique_network")
        assert [(str(peer), peer.sources) for peer in peers] == [("127.0.0.1:6881", ("mainline",))]


async def test_the_core_tells_a_silent_network_from_an_empty_swarm(testnet: Testnet) -> None:
    async with (
        BitBoot(
            network="mainline", bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False
        ) as bitboot,
        bitboot.find("nobody is in here") as empty,
    ):
        assert await empty.collect() == []
        assert not empty.failures
        async with silenced(testnet):
            with pytest.raises(BackendTimeout, match="answered"):
                await bitboot.lookup("unique_network")


async def test_eight_programs_on_one_machine_with_default_settings_outlive_the_first() -> None:
    """They listen on every address, so their limits hold, and meet on loopback, where these do not."""
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(BitBoot(network="mainline", bootstrap=[], state_dir=False))
        entry = KnownHost("127.0.0.1", first.backend().address.port)
        others = [
            await stack.enter_async_context(BitBoot(network="mainline", bootstrap=[entry], state_dir=False))
            for _ in range(7)
        ]
        for bitboot in others:
            await bitboot.ready()
        backends = [bitboot.backend() for bitboot in others]
        await eventually(
            lambda: all(len(backend.contacts()) == 7 for backend in backends), "all eight to know each other"
        )
        await first.aclose()
        for number, bitboot in enumerate(others):
            await bitboot.announce_peer("unique_network", f":{7001 + number}")
        for bitboot in others:
            found = {peer.port for peer in await bitboot.lookup("unique_network")}
            assert found == {7001 + number for number in range(7)}


def test_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, bitboot_btdht.plugin as plugin; list(plugin.bitboot_backends());"
        "print([m for m in sys.modules if m.startswith('bitboot_btdht')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['bitboot_btdht', 'bitboot_btdht.plugin']"
    assert importlib.import_module("bitboot_btdht.plugin").BITBOOT_API == 1
