"""The adapter to the PyPI package `btdht`, as the backend `btdht-native`.

The package keeps the routing table, serves others and stores their announcements, in threads of its
own. Lookups and announcements are walked here, through its socket, since its own are paced in rounds
of two seconds and lose what they store (see `native_dht`). IPv4 only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from bitboot_core import (
    AnnounceFailed,
    Announces,
    Backend,
    BackendConfig,
    BootstrapFailed,
    Capabilities,
    HostNotFound,
    InvalidConfig,
    KnownHost,
    ListenFailed,
    NotRunning,
    Receipt,
    Scope,
    UnsupportedOperation,
)
from bitboot_core.aio.resolve import bootstrap_failure, resolve
from bitboot_core.aio.udp import is_own_address

from ..lookup.sampled import CROWD
from ..peer_stream import Arrivals, nobody_answered
from ..resolving import Resolving
from ..wire import compact, krpc
from ..wire.compact import Address
from .dht import Answer, NativeDht
from .walk import Walk

T = TypeVar("T")

LIFETIME = 1800.0
"""Seconds that common clients keep an announcement; the package does too."""
TIMEOUT = 1.0
"""Seconds in which a node has to answer."""
ATTEMPTS = 3
"""Walks that an announcement is tried for, until a node has stored it."""


class NativeBackend(Backend):
    """A node of the package `btdht`. Made by the plugin's `BackendSpec`."""

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._dht: NativeDht | None = None
        self._running = False
        self._was_in_touch = False
        self._closing: asyncio.Future[None] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._waiters: set[asyncio.Future[Any]] = set()
        self._lookups: set[Arrivals] = set()

    @property
    def capabilities(self) -> Capabilities:
        """BEP 5 over IPv4: the sender's address, for half an hour, without a way to take it back."""
        return Capabilities(
            can_withdraw=False,
            announces=Announces.OWN_ADDRESS,
            scope=Scope.PUBLIC,
            families=frozenset({4}),
            max_lifetime=LIFETIME,
            crowd=CROWD,
            own_port=True,
        )

    # Its life

    async def start(self) -> None:
        """Bind, and start the package's threads. Raises ListenFailed, InvalidConfig."""
        if self._running:
            return
        host, port = await self._listen()
        if self._closing is not None or self._dht is not None:
            await self.aclose()  # an earlier start was interrupted
        self._closing = None
        self._thread = ThreadPoolExecutor(1, "bitboot-btdht-native")
        self._dht = NativeDht(host, port)
        try:
            await self._call(self._dht.start)
        except OSError as error:
            await self.aclose()
            raise ListenFailed(
                f"cannot listen on {KnownHost(host, port)}: {error.strerror}",
                hint="another program may use that port: choose another, or port 0 for any free one",
            ) from error
        self._running = True
        self._was_in_touch = False

    async def _listen(self) -> tuple[str, int]:
        listen = self._config.listen
        if listen is None or not listen.host:
            return "0.0.0.0", listen.port if listen is not None else 0
        try:
            address = (await resolve(listen, (4,)))[0]
        except HostNotFound as error:
            raise ListenFailed(f"cannot listen on {listen}: btdht speaks only IPv4") from error
        if not address.is_any and _is_cut(address):
            raise InvalidConfig(
                f"the package btdht cannot use {address.host}: it cuts addresses at an octet of zero",
                hint="listen on 0.0.0.0, or for tests on a loopback address such as 127.1.1.1",
            )
        return address.host, address.port

    async def aclose(self) -> None:
        """Stop the package's threads; whoever still waits gets NotRunning."""
        self._running = False
        for waiter in list(self._waiters):
            if not waiter.done():
                waiter.set_exception(_closed())
        for arrivals in list(self._lookups):
            arrivals.fail(_closed())
        dht, thread, self._dht = self._dht, self._thread, None
        if dht is not None and thread is not None:
            # In the thread that starts it: so an interrupted start has ended before.
            self._closing = asyncio.get_running_loop().run_in_executor(thread, dht.end)
            thread.shutdown(wait=False)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _call(self, function: Callable[[], T]) -> T:
        """Call into the package, in our thread beside the event loop."""
        if self._thread is None:
            raise _closed()
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    @property
    def dht(self) -> NativeDht:
        """The package's node, for those who want to look closer."""
        if self._dht is None or not self._running:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._dht

    # What it does

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Ask each contact for our neighbours, then these for theirs. No contact but those given."""
        dht = self.dht
        failures: list[BootstrapFailed] = []
        async with Resolving(contacts, {4: None}) as resolving:
            while resolving.pending:
                addresses, failed = await resolving.next()
                usable = [address for address in addresses if 0 not in address[:-2]]
                failures += failed
                failures += [BootstrapFailed("an octet of zero")] * (len(addresses) - len(usable))
                answers = await asyncio.gather(
                    *(self._ask_twice(address, b"find_node", {b"target": dht.own_id}) for address in usable)
                )
                answered = sum(isinstance(answer, krpc.Response) for answer in answers)
                if answered:
                    self._was_in_touch = True
                    await self._walk(dht.own_id, b"find_node", lambda peers: None)
                    return answered
                failures += [BootstrapFailed("no answer") for _ in usable]
        if not contacts:
            return 0
        names = ", ".join(map(str, contacts))
        if all(_is_cut(contact) for contact in contacts):
            raise BootstrapFailed(
                f"the package btdht cannot use {names}: it cuts addresses at an octet of zero",
                hint='use backend="btdht", or contacts with other addresses',
            )
        raise bootstrap_failure(contacts, failures)

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Announce this node's own address under `key`. Port 0 means the port others see us use."""
        self._check_own(endpoint)
        for _ in range(ATTEMPTS):
            storing = (await self._walk(key, b"get_peers", lambda peers: None)).storing()
            arguments: dict[bytes, Any] = {b"info_hash": key, b"port": endpoint.port or 1}
            if not endpoint.port:
                arguments[b"implied_port"] = 1
            answers = await asyncio.gather(
                *(
                    self._ask_twice(address, b"announce_peer", {**arguments, b"token": token})
                    for address, token in storing
                )
            )
            stored = sum(isinstance(answer, krpc.Response) for answer in answers)
            if stored:
                return Receipt(stored_on=stored, lifetime=min(lifetime, LIFETIME))
        raise AnnounceFailed(
            "none of the network's nodes stored the announcement",
            hint="wait until other nodes have joined, and check that UDP is not filtered on the way out",
        )

    def _check_own(self, endpoint: KnownHost) -> None:
        listening = self.address
        own = endpoint.host in ("", "0.0.0.0") or (
            endpoint.family == 4
            and (is_own_address(endpoint.host) if listening.is_any else endpoint.host == listening.host)
        )
        if not own:
            raise UnsupportedOperation(
                f"{endpoint.host} is not an IPv4 address of this node, and btdht announces no other",
                hint="leave the host out: the network stores the address that it sees us at (BEP 5)",
            )

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        """Yield each peer once, as the nodes' answers come in. Raises BackendTimeout where none comes."""
        dht = self.dht
        arrivals = Arrivals()
        self._lookups.add(arrivals)
        arrivals.put(dht.stored(key))
        walk = asyncio.create_task(self._walk(key, b"get_peers", arrivals.put))
        walk.add_done_callback(lambda _: arrivals.end())
        try:
            while (batch := await arrivals.next()) is not None:
                for address in batch:
                    yield compact.known_host(address)
            asked = await walk
            if asked.unanswered or (self._was_in_touch and not asked.asked):
                # The package forgets whoever does not answer: in the end there is nobody left to ask.
                raise nobody_answered(asked.asked)
        finally:
            self._lookups.discard(arrivals)
            walk.cancel()
            with contextlib.suppress(asyncio.CancelledError, NotRunning):
                await walk

    async def _walk(self, target: bytes, method: bytes, on_peers: Callable[[list[Address]], None]) -> Walk:
        """Ask towards `target`, until the nearest nodes have answered."""
        dht = self.dht
        walk = Walk(target, dht.own_id, on_peers)
        walk.add(await self._call(lambda: dht.closest(target)))
        name = b"target" if method == b"find_node" else b"info_hash"

        async def ask(address: Address) -> None:
            walk.heard(address, await self._ask(address, method, {name: target}))

        pending: set[asyncio.Task[None]] = set()
        done: set[asyncio.Task[None]] = set()
        try:
            while True:
                pending |= {asyncio.create_task(ask(address)) for address in walk.next(len(pending))}
                if not pending:
                    return walk
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, *done, return_exceptions=True)  # where one failed, others may have

    async def _ask(self, address: Address, method: bytes, arguments: dict[bytes, Any]) -> Answer | None:
        """Send a query and await its answer; None where there is none in time."""
        dht = self.dht
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer] = loop.create_future()
        self._waiters.add(waiter)

        def settle(answer: Answer) -> None:
            if not waiter.done():
                waiter.set_result(answer)

        def arrived(answer: Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(settle, answer)

        transaction = dht.ask(address, method, arguments, arrived)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await waiter
        except TimeoutError:
            return None
        finally:
            dht.forget(transaction)
            self._waiters.discard(waiter)

    async def _ask_twice(self, address: Address, method: bytes, arguments: dict[bytes, Any]) -> Answer | None:
        answer = await self._ask(address, method, arguments)
        return answer if answer is not None else await self._ask(address, method, arguments)

    # What it tells

    def contacts(self) -> list[KnownHost]:
        """Nodes that answered lately, the latest first."""
        return [compact.known_host(address) for address in self.dht.good_contacts()]

    @property
    def address(self) -> KnownHost:
        """Where it listens."""
        dht = self.dht
        return KnownHost(dht.bind_ip, dht.bind_port)

    def stats(self) -> Mapping[str, int | float]:
        """Datagrams, and the sizes of the package's tables."""
        dht = self.dht
        return {
            **dht.counters,
            "contacts": dht.root.stats()[0],
            "stored_keys": len(dht._peers),
        }


def _is_cut(host: KnownHost) -> bool:
    return host.family == 4 and 0 in compact.pack(host.host, host.port)[:-2]


def _closed() -> NotRunning:
    return NotRunning("the node was closed meanwhile")
