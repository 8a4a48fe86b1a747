"""Ports of this machine that the router is asked to open, for as long as somebody needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NoReturn, Self

from ..._networks.network import ActiveNetwork
from ...aio.clock import TimeUp, deadline
from ...aio.tasks import Signal, cancel
from ...errors import BitBootError, DoubleNat, NoRouterAnswered, PortMappingFailed
from ...model import KnownHost, address_scope
from ...port_mapper import Transport
from ..use import Context, NetworkUser
from .keeper import PortKeeper
from .routers import Routers

__all__ = ["PortMapping"]

DOUBLE_NAT_HINT = (
    "put the router into bridge mode, or have the one before it forward the port as well; "
    "where it is the provider's (carrier-grade NAT), use IPv6 or ask for a public address"
)


class PortMapping(NetworkUser):
    """A port of this machine, open on the router until it is closed.

        async with bitboot.map_port(7001, transport="tcp") as mapping:
            mapping.external                  # KnownHost, or None: then mapping.error says why

    Made by `BitBoot.map_port`, and begun by `async with`, which waits until the first attempt has ended,
    well or not. It is renewed at half time and checked in between; where the router restarts, or this
    machine's network or outside address changes, it is opened again, at the same outside port if it can be
    had. Closing it has the router close the port.
    """

    what = "port mapping"
    made_by = "map_port"

    def __init__(
        self,
        context: Context,
        routers: Routers,
        port: int,
        transports: Sequence[Transport],
        *,
        outside_port: int | None = None,
    ) -> None:
        super().__init__(context)
        self.port: int = port
        self.transports: tuple[Transport, ...] = tuple(transports)
        self._changed = Signal()
        self._networks: dict[str, ActiveNetwork] = {}
        self._following: dict[str, asyncio.Task[None]] = {}
        self._keepers = {
            family: PortKeeper(
                routers,
                context.clock,
                context.random,
                family=family,
                transports=self.transports,
                port=port,
                outside_port=port if outside_port is None else outside_port,
                changed=self._changed.notify,
            )
            for family in sorted(routers.families)
        }

    def __repr__(self) -> str:
        where = f"open at {self.external}" if self.external is not None else "not open"
        return f"<PortMapping of {'/'.join(self.transports)} port {self.port}: {self._state}, {where}>"

    async def __aenter__(self) -> Self:
        self.open()
        try:
            await self.settled()
        except BaseException:
            await self.aclose()
            raise
        return self

    @property
    def external(self) -> KnownHost | None:
        """Where others reach the port, None while it is not open: over IPv4 if it can be, else over IPv6.

        Where all is behind double NAT it is where those between the two routers reach it. Its host is ""
        where the router does not know its own address, and nobody else has told.
        """
        found = self.leading_out or self.externals
        return found[min(found)] if found else None

    @property
    def externals(self) -> Mapping[int, KnownHost]:
        """The same, by IP version."""
        return {
            family: self._completed(keeper.outside)
            for family, keeper in self._keepers.items()
            if keeper.outside is not None
        }

    @property
    def leading_out(self) -> Mapping[int, KnownHost]:
        """Those of `externals` that lead to the internet: no double NAT follows, as far as is known."""
        return {family: one for family, one in self.externals.items() if self._double_nat(one) is None}

    @property
    def method(self) -> str | None:
        """The port mapper that opened it: "pcp", "nat-pmp", "upnp"; None while it is not open."""
        return next((keeper.method for keeper in self._keepers.values() if keeper.method is not None), None)

    @property
    def expires_in(self) -> float | None:
        """Seconds until the router closes it unless it is renewed; `math.inf` where it does not by itself."""
        found = [keeper.expires_in for keeper in self._keepers.values()]
        return min((seconds for seconds in found if seconds is not None), default=None)

    @property
    def error(self) -> BitBootError | None:
        """Why it is not open, or does not lead to the internet (DoubleNat); None where all is well.

        NoRouterAnswered where no router was found that opens ports, else PortMappingFailed.
        """
        if self.leading_out:
            return None
        if not self._keepers:
            return NoRouterAnswered(
                "no installed port mapper can do anything here",
                hint="see `bitboot plugins` for those there are",
            )
        errors = [
            *map(self._double_nat, self.externals.values()),
            *(keeper.error for keeper in self._keepers.values()),
        ]
        return next((error for error in errors if error is not None), None)

    def open_again(self) -> None:
        """Have it deleted and added: for whoever knows that nothing comes through, though it is listed."""
        for keeper in self._keepers.values():
            keeper.stir()

    async def mapped(self, timeout: float | None = None) -> KnownHost:
        """Wait until it is open, and return where.

        Raises `error` once an attempt has failed (it goes on all the same: one may wait again), and
        DoubleNat where it leads to no more than the next router. `timeout`: seconds, after which
        PortMappingFailed is raised. Raises NotRunning once it is closed.
        """
        try:
            async with deadline(self._clock, None if timeout is None else self._clock.now() + timeout):
                await self.settled()
        except TimeUp:
            raise PortMappingFailed(
                f"no router opened port {self.port} within {timeout:g} s", hint="it is tried again"
            ) from None
        error, external = self.error, self.external
        if error is not None or external is None:
            raise (error or NoRouterAnswered("no router opens ports here")).with_traceback(None)
        return external

    async def changed(self) -> None:
        """Wait until an attempt has ended, well or not.

        Returns when it is closed too; raises NotRunning where it is not open.
        """
        self._check_open()
        await self._changed.wait()

    async def settled(self) -> None:
        """Wait until it is open, or was tried in every IP version. Raises NotRunning once it is closed."""
        while True:
            self._check_open()
            if self.externals or all(keeper.attempts for keeper in self._keepers.values()):
                return
            await self._changed.wait()

    async def leave(self, network: str) -> None:
        """The network is not used any more: it tells no more that we have moved."""
        self._networks.pop(network, None)
        if (following := self._following.pop(network, None)) is not None:
            await cancel([following], self._clock)

    # Inside

    def open(self) -> None:
        super().open()
        for keeper in self._keepers.values():
            self._tasks.start(keeper.keep())

    def _use(self, network: ActiveNetwork) -> None:
        self._networks[network.name] = network
        self._following[network.name] = self._tasks.start(self._follow(network))

    def _stop(self) -> None:
        self._changed.notify()

    async def _clean_up(self) -> None:
        await self._tasks.cancel()
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))

    async def _follow(self, network: ActiveNetwork) -> NoReturn:
        """Open it again whenever others see this machine at another address."""
        moves = network.moves
        while True:
            await network.news.wait()
            if network.moves > moves:
                moves = network.moves
                self.open_again()

    def _seen(self, family: int) -> set[str]:
        """The addresses that others see this machine at."""
        seen = {host for network in self._networks.values() for host in network.seen_at}
        return {host for host in seen if KnownHost(host, 0).family == family}

    def _completed(self, outside: KnownHost) -> KnownHost:
        """With the address that others tell, where the router does not know it."""
        if outside.is_any:
            seen = self._seen(4)
            return KnownHost(min(seen) if len(seen) == 1 else "", outside.port)
        return outside

    def _double_nat(self, outside: KnownHost) -> DoubleNat | None:
        if outside.is_any or outside.family is None:
            return None
        seen = self._seen(outside.family)
        if address_scope(outside.host) != "public":
            return DoubleNat(
                f"the router opened {outside}, which is a private address: another NAT follows it",
                hint=DOUBLE_NAT_HINT,
            )
        if seen and outside.host not in seen:
            return DoubleNat(
                f"the router opened {outside}, but others see this machine at {', '.join(sorted(seen))}",
                hint=DOUBLE_NAT_HINT,
            )
        return None
