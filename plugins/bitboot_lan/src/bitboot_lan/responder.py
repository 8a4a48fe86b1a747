"""What is announced and heard by DNS-SD: the library zeroconf at the service of one backend."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from bitboot_core import KnownHost
from bitboot_core.aio.clock import SystemClock
from bitboot_core.aio.limits import Shares, packed
from bitboot_core.aio.logs import logger
from bitboot_core.aio.tasks import Tasks

from .interfaces import Address, Interfaces
from .peers import Peers
from .settings import Settings

SERVICE = "_bitboot._udp.local."

RESOLVE_TIMEOUT = 1_500.0
"""Milliseconds to wait for the records of an instance that came without them."""

LOOK_EVERY = 10.0
"""Seconds between two looks at this machine's interfaces."""

MAX_RESOLVING = 16
MAX_ADDRESSES = 8
"""Of one instance."""

MAX_INSTANCES = 4_096
"""Instances of others that are kept in mind."""

_log = logger(__name__)


class Responder:
    """Announces instances, and keeps those of others."""

    def __init__(
        self, interfaces: Interfaces, look: Callable[[], Awaitable[Interfaces]], moved: Callable[[], None]
    ) -> None:
        """`look`: which interfaces there are now. `moved` is called when they are others than before.

        Raises OSError where no socket can be had.
        """
        self.interfaces: Interfaces = interfaces
        self._look, self._moved = look, moved
        self._zeroconf = AsyncZeroconf(_hosts(interfaces), ip_version=_version(interfaces))
        self._tasks = Tasks(SystemClock())
        self._browser: AsyncServiceBrowser | None = None
        self._ours: dict[tuple[bytes, KnownHost], AsyncServiceInfo] = {}
        self._ends: dict[tuple[bytes, KnownHost], asyncio.TimerHandle] = {}
        self._peers = Peers(Settings(longest_kept=math.inf))  # until the library says that they are gone
        self._instances: dict[str, tuple[bytes, list[KnownHost]]] = {}
        self._shares: Shares[str] = Shares()
        self._waiting: set[asyncio.Event] = set()
        self._resolving = 0
        self._malformed = self._foreign = 0

    async def open(self) -> None:
        """Begin to listen."""
        await self._zeroconf.zeroconf.async_wait_for_start()
        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, SERVICE, handlers=[self._changed])
        self._go_on(self._keep_looking())

    async def aclose(self) -> None:
        """Say goodbye to all, and close the sockets."""
        for timer in self._ends.values():
            timer.cancel()
        for event in self._waiting:
            event.set()
        await self._tasks.cancel()
        if self._browser is not None:
            await self._browser.async_cancel()
        await self._zeroconf.async_close()

    # Ours

    async def register(
        self, key: bytes, endpoint: KnownHost, addresses: Sequence[Address], lifetime: float
    ) -> None:
        """Announce it for so many seconds from now on; where it is announced already, only that."""
        pair = key, endpoint
        if pair in self._ends:
            self._ends[pair].cancel()
        self._ends[pair] = asyncio.get_running_loop().call_later(lifetime, self._expired, pair)
        if pair in self._ours:
            return
        info = self._ours[pair] = _info(secrets.token_hex(8), key, endpoint, addresses)
        try:
            # The name is random, so that nobody needs to be asked whether it is taken.
            said = await self._zeroconf.async_register_service(info, cooperating_responders=True)
        except BaseException:
            del self._ours[pair]
            self._ends.pop(pair).cancel()
            raise
        self._go_on(_finish(said))  # the repetitions

    async def unregister(self, key: bytes, endpoint: KnownHost) -> None:
        """Announce it no more. Nothing happens where it was not announced."""
        pair = key, endpoint
        timer = self._ends.pop(pair, None)
        if timer is not None:
            timer.cancel()
        info = self._ours.pop(pair, None)
        if info is not None:
            said = await self._zeroconf.async_unregister_service(info)
            self._go_on(_finish(said))

    def _expired(self, pair: tuple[bytes, KnownHost]) -> None:
        self._go_on(self.unregister(*pair))

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.start(work)

    # Interfaces that come and go

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look_around()
            except Exception:  # noqa: BLE001 - the library's, whatever it is; logged, and the next look comes
                _log.exception("following this machine's network interfaces failed, and is tried again")

    async def _look_around(self) -> None:
        interfaces = await self._look()
        if interfaces == self.interfaces:
            return
        self.interfaces = interfaces
        self._peers.keep(interfaces.is_neighbour)
        await self._zeroconf.async_update_interfaces(_hosts(interfaces), _version(interfaces))
        for (key, endpoint), before in list(self._ours.items()):
            name = before.name.partition(".")[0]
            info = _info(name, key, endpoint, interfaces.standing_for(endpoint.host))
            self._ours[key, endpoint] = info
            self._go_on(_finish(await self._zeroconf.async_update_service(info)))
        self._moved()

    # Others

    def peers_of(self, key: bytes) -> list[KnownHost]:
        """Who is known, ours included."""
        return self._peers.of(key, self._now())

    @contextmanager
    def listening(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever somebody is heard, and at the end."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    def _changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """The library tells of an instance. Its names are those of the handlers' arguments."""
        if state_change is ServiceStateChange.Removed:
            self._forget(name)
            return
        info = AsyncServiceInfo(service_type, name)
        if info.load_from_cache(zeroconf):
            self._note(info)
        elif self._resolving < MAX_RESOLVING:
            self._resolving += 1
            self._go_on(self._resolve(info))

    async def _resolve(self, info: AsyncServiceInfo) -> None:
        try:
            if await info.async_request(self._zeroconf.zeroconf, RESOLVE_TIMEOUT):
                self._note(info)
        finally:
            self._resolving -= 1

    def _note(self, info: AsyncServiceInfo) -> None:
        self._forget(info.name)
        key, addresses = _key_of(info), info.parsed_scoped_addresses(IPVersion.All)[:MAX_ADDRESSES]
        near = [host for host in addresses if self.interfaces.is_neighbour(host)]
        self._foreign += len(addresses) - len(near)
        if key is None or not info.port or not near:
            self._malformed += 1
            return
        peers = [KnownHost(host, info.port) for host in near]
        self._instances[info.name] = key, peers
        self._shares.add(info.name, packed(near[0]))
        if len(self._instances) > MAX_INSTANCES:
            self._forget(self._shares.largest())
        for peer in peers:
            self._peers.heard(key, peer, math.inf, self._now())
        for event in self._waiting:
            event.set()

    def _forget(self, name: str) -> None:
        key, peers = self._instances.pop(name, (b"", []))
        if peers:
            self._shares.discard(name, packed(peers[0].host))
        for peer in peers:
            self._peers.left(key, peer)

    def stats(self) -> dict[str, int | float]:
        """What is announced, and who is known. `foreign`: addresses on no network of ours."""
        return {
            "announced": len(self._ours),
            "instances": len(self._instances),
            "malformed": self._malformed,
            "foreign": self._foreign,
            "stored_keys": self._peers.keys,
            "stored_peers": len(self._peers),
        }

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _key_of(info: AsyncServiceInfo) -> bytes | None:
    text = info.properties.get(b"key")
    try:
        key = bytes.fromhex(text.decode()) if text is not None else b""
    except ValueError:
        return None
    return key if len(key) == 20 else None


def _info(name: str, key: bytes, endpoint: KnownHost, addresses: Sequence[Address]) -> AsyncServiceInfo:
    return AsyncServiceInfo(
        SERVICE,
        f"{name}.{SERVICE}",
        addresses=[packed(address.host) for address in addresses],
        port=endpoint.port,
        properties={"key": key.hex()},
        server=f"{name}.local.",
    )


def _hosts(interfaces: Interfaces) -> list[str]:
    """What the library takes for interfaces: their addresses."""
    return [address.host for address in interfaces.addresses] or ["127.0.0.1"]


def _version(interfaces: Interfaces) -> IPVersion:
    families = {address.family for address in interfaces.addresses}
    return {frozenset({6}): IPVersion.V6Only, frozenset({4, 6}): IPVersion.All}.get(
        frozenset(families), IPVersion.V4Only
    )


async def _finish(said: Any) -> None:
    await said
