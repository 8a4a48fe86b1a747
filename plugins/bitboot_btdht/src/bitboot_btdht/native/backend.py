"""The adapter to the PyPI package `btdht`, as the backend `btdht-native`.

The package keeps the routing table, serves others and stores their announcements, in threads of its
own. Lookups and announcements are walked here, through its socket, since its own are paced in rounds
of two seconds and lose what they store (see `native_dht`). IPv4 only.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
from .dht import NativeDht
from .questions import Questions, closed

LIFETIME = 1800.0
"""Seconds that common clients keep an announcement; the package does too."""
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
        self._questions: Questions | None = None
        self._lookups: set[Arrivals[compact.Address]] = set()

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
        self._questions = Questions(self._dht, self._thread)
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._dht.start)
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
        if self._questions is not None:
            self._questions.close()
        for arrivals in list(self._lookups):
            arrivals.fail(closed())
        dht, thread, self._dht = self._dht, self._thread, None
        if dht is not None and thread is not None:
            # In the thread that starts it: so an interrupted start has ended before.
            self._closing = asyncio.get_running_loop().run_in_executor(thread, dht.end)
            thread.shutdown(wait=False)
        if self._closing is not None:
            await asyncio.shield(self._closing)

    @property
    def dht(self) -> NativeDht:
        """The package's node, for those who want to look closer."""
        return self._open()[0]

    def _open(self) -> tuple[NativeDht, Questions]:
        if self._dht is None or self._questions is None or not self._running:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._dht, self._questions

    # What it does

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Ask each contact for our neighbours, then these for theirs. No contact but those given."""
        dht, questions = self._open()
        failures: list[BootstrapFailed] = []
        async with Resolving(contacts, {4: None}) as resolving:
            while resolving.pending:
                addresses, failed = await resolving.next()
                usable = [address for address in addresses if 0 not in address[:-2]]
                failures += failed
                failures += [BootstrapFailed("an octet of zero")] * (len(addresses) - len(usable))
                answers = await asyncio.gather(
                    *(
                        questions.ask_twice(address, b"find_node", {b"target": dht.own_id})
                        for address in usable
                    )
                )
                answered = sum(isinstance(answer, krpc.Response) for answer in answers)
                if answered:
                    self._was_in_touch = True
                    await questions.walk(dht.own_id, b"find_node", lambda peers: None)
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
        _, questions = self._open()
        for _ in range(ATTEMPTS):
            storing = (await questions.walk(key, b"get_peers", lambda peers: None)).storing()
            arguments: dict[bytes, Any] = {b"info_hash": key, b"port": endpoint.port or 1}
            if not endpoint.port:
                arguments[b"implied_port"] = 1
            answers = await asyncio.gather(
                *(
                    questions.ask_twice(address, b"announce_peer", {**arguments, b"token": token})
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
        dht, questions = self._open()
        arrivals: Arrivals[compact.Address] = Arrivals()
        self._lookups.add(arrivals)
        arrivals.put(dht.stored(key))
        walk = asyncio.create_task(questions.walk(key, b"get_peers", arrivals.put))
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
