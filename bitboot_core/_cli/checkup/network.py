"""What `bitboot doctor` looks at in one network, through the backend contract and nothing else.

A backend of its own is started for it, with nothing kept on disk, and read-only where it can be (BEP 43):
nobody is to remember a node that is gone in some seconds. What only some backends know (where others see
them, and whether they can be reached) they say in `places` and `seen_at`, or nobody does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Sequence

from ..._networks.guard import GuardedBackend
from ...aio.clock import Clock, TimeUp, deadline, sleep_until
from ...aio.resolve import resolve
from ...aio.tasks import cancel
from ...aio.udp import is_own_address
from ...backend import BackendConfig, BackendSpec, Scope
from ...errors import BackendTimeout, BitBootError, BootstrapFailed, HostNotFound
from ...model import KnownHost, address_scope
from ...networks import NetworkDefinition
from ...reports import Reachability
from ..report.checks import FAILED, OK, UNKNOWN, WARNING, Check, Tell
from ..report.plain import count
from .place import check_place
from .population import count_nodes
from .router import RouterCheckup

CLOSE = 1.0
"""Seconds that the backend gets to close."""

ASKING = 8.0
"""Seconds at most for asking nodes where they see us."""

LOOKUPS = 3
"""As many keys are looked up for that. Each lookup asks other nodes, on a large network a few dozen."""

POLL = 0.25

NOWHERE = {4: KnownHost("192.0.2.1", 9), 6: KnownHost("2001:db8::1", 9)}
"""Addresses that nobody has (RFC 5737, RFC 3849): nothing is sent there, only the way is asked for."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class NetworkCheckup:
    """The checks of one network, one after the other."""

    def __init__(
        self,
        network: NetworkDefinition,
        backend: tuple[str, BackendSpec],
        listen: KnownHost | None,
        clock: Clock,
        tell: Tell,
        *,
        router: RouterCheckup | None = None,
    ) -> None:
        """`router`: is asked too, where this machine is not alone."""
        self._network, self._clock, self._tell, self._router = network, clock, tell, router
        self._contacts: Sequence[KnownHost] = network.bootstrap
        name, spec = backend
        config = BackendConfig(network=network.name, protocol=network.protocol, listen=listen, read_only=True)
        self._backend = GuardedBackend(name, spec, config, clock)
        self._addresses: list[KnownHost] = []
        self._ways: set[int] = set()  # the IP versions that there is a way out with

    async def run(self, until: float) -> None:
        """Make them all before `until`, and close the backend."""
        try:
            async with deadline(self._clock, until):
                await self._run(until)
        except TimeUp:
            self._say("time", FAILED, "the time was up before all was looked at", "allow more with --timeout")
        finally:
            await self._backend.aclose(CLOSE)

    async def _run(self, until: float) -> None:
        try:
            await self._backend.start(0.5 * (until - self._clock.now()))
        except BitBootError as error:
            self._tell(Check.failed("listen", error, network=self._network.name))
            return
        self._say("listen", OK, f"{self._backend.name} listens on {self._backend.address}")
        if self._backend.capabilities.scope is Scope.PROCESS:
            return  # it needs no network, and nobody else
        if self._backend.capabilities.scope is Scope.LAN:
            await self._check_local()
            return
        # What is left for the last checks, once the contacts have had their time.
        answering = self._clock.now() + 0.7 * (until - self._clock.now())
        answered = await self._check_contacts(answering)
        if self._check_families():
            self._check_udp()
        if answered:
            await self._check_outside(until)
            counted = await count_nodes(self._network.name, self._backend, self._clock, until)
            if counted is not None:
                self._tell(counted)

    def _say(self, check: str, status: str, message: str, hint: str = "") -> None:
        self._tell(Check(check=check, status=status, message=message, hint=hint, network=self._network.name))

    async def _check_local(self) -> None:
        """Whether there is a local network, and whether whoever is on it can be asked."""
        seen = sorted(self._backend.seen_at)
        if seen and all(address_scope(one) == "machine" for one in seen):
            self._say(
                "local network",
                WARNING,
                "only loopback is used: programs on this machine find each other, and nobody else",
                "connect this machine to a network, or listen on all of its addresses",
            )
        elif seen:
            self._say("local network", OK, f"others see it at {', '.join(seen)}")
        if await self._look_up():
            self._say("asking", OK, "whoever is there can be asked")
            self._check_udp()

    async def _check_contacts(self, until: float) -> int:
        """Whether they resolve, and answer. How many did."""
        if not self._contacts:
            self._say(
                "bootstrap",
                UNKNOWN,
                "it starts from nobody, as the first node of a network does",
                "give contacts with --bootstrap, or in the configuration file",
            )
            return 0
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._check_contact(contact, until)) for contact in self._contacts]
        checks = [task.result() for task in tasks]
        answered = sum(check.status == OK for check in checks)
        for check in checks:
            # Of several, one that is dead is no harm.
            dead = answered and check.status == FAILED
            self._tell(Check(**{**_fields(check), "status": WARNING}) if dead else check)
        return answered

    async def _check_contact(self, contact: KnownHost, until: float) -> Check:
        network = self._network.name
        try:
            async with deadline(self._clock, until):
                addresses = await resolve(contact, self._backend.capabilities.families)
        except TimeUp:
            error: BitBootError = HostNotFound(
                f"{contact.host} does not resolve in time", hint="check that this machine is online"
            )
            return Check.failed("bootstrap", error, network=network)
        except BitBootError as unresolved:
            return Check.failed("bootstrap", unresolved, network=network)
        self._addresses += addresses
        began = self._clock.now()
        try:
            await self._backend.bootstrap([contact], until=until)
        except (BackendTimeout, BootstrapFailed):
            waited = self._clock.now() - began
            silent = BootstrapFailed(
                f"{contact} did not answer within {waited:.1f} s",
                hint="is it running, and does UDP get through to it?",
            )
            return Check.failed("bootstrap", silent, network=network)
        except BitBootError as failure:
            return Check.failed("bootstrap", failure, network=network)
        at = "" if contact.family else f" ({', '.join(address.host for address in addresses)})"
        return Check(
            check="bootstrap",
            status=OK,
            message=f"{contact}{at} answered, in {self._clock.now() - began:.2f} s",
            network=network,
        )

    def _check_families(self) -> bool:
        """Whether there is a way out, by IP version."""
        families = sorted(self._backend.capabilities.families)
        local = bool(self._addresses) and all(_is_loopback(one) for one in self._addresses)
        found = {family: self._source(family, local=local) for family in families}
        self._ways = {family for family, source in found.items() if source is not None}
        for family, source in found.items():
            if source is not None:
                where = "on this machine" if local else "goes out"
                self._say(f"IPv{family}", OK, f"{where}, from {source}")
            elif self._ways:
                self._say(
                    f"IPv{family}",
                    WARNING,
                    "leads nowhere",
                    f"peers that have only IPv{family} are not found; your provider or router may offer it",
                )
        if not self._ways:
            versions = " and ".join(f"IPv{family}" for family in families)
            self._say(
                "online",
                FAILED,
                f"this machine is offline: {versions} lead nowhere",
                "connect it to a network",
            )
        return bool(self._ways)

    def _source(self, family: int, *, local: bool) -> str | None:
        """The address that this machine has on its way to the contacts, None where there is no way."""
        targets = [address for address in self._addresses if address.family == family]
        loopback = KnownHost("127.0.0.1" if family == 4 else "::1", 9)
        target = targets[0] if targets else loopback if local else NOWHERE[family]
        with contextlib.suppress(OSError), socket.socket(_FAMILIES[family], socket.SOCK_DGRAM) as probe:
            probe.connect((target.host, target.port))  # which sends nothing
            return str(probe.getsockname()[0])
        return None

    def _check_udp(self) -> None:
        stats = self._backend.stats()
        sent, received = stats.get("sent"), stats.get("received")
        if sent is None or received is None:
            return  # it counts none, or speaks TCP
        if received:
            self._say("UDP", OK, f"{count(int(sent), 'datagram')} out, {int(received)} in")
        elif sent:
            self._say(
                "UDP",
                FAILED,
                f"{count(int(sent), 'datagram')} went out, and none came back",
                "this machine is offline, or a firewall drops UDP: allow it out, and the answers in",
            )
        else:
            self._say("UDP", UNKNOWN, "there was nobody to send anything to")

    async def _check_outside(self, until: float) -> None:
        """Where the others see us, and whether they can begin a conversation."""
        address = self._backend.address
        if any(map(_is_loopback, [*self._addresses, *([address] if address else [])])):
            self._say("outside", UNKNOWN, "only this machine takes part, so nobody sees it from outside")
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ask_around(min(until - 0.5, self._clock.now() + ASKING)))
            if self._router is not None:
                group.create_task(self._router.run())
        places = self._backend.places
        for family in sorted(self._ways & places.keys()):
            self._tell(check_place(self._network.name, family, places[family]))
        if not places:
            self._check_address()

    def _check_address(self) -> None:
        """What a backend knows that tells of addresses alone."""
        seen = sorted(self._backend.seen_at)
        if seen:
            ours = [one for one in seen if is_own_address(one)]
            nat = "" if ours else ", which is not an address of this machine: it is behind NAT"
            self._say("external address", OK, f"others see it at {', '.join(seen)}{nat}")
        else:
            self._say("external address", UNKNOWN, "not enough nodes have said where they see this one")

    async def _ask_around(self, until: float) -> None:
        """Have many nodes answer, which say where they see us: look up what nobody has, until it is known."""
        for _ in range(LOOKUPS):
            lookup = self._backend.tasks.start(self._look_up())
            try:
                while not (self._is_placed() or lookup.done()) and self._clock.now() < until:
                    await sleep_until(self._clock, min(until, self._clock.now() + POLL))
                went_well = lookup.done() and lookup.result()
            finally:
                await cancel([lookup], self._clock)
            if not went_well or self._is_placed():
                return

    async def _look_up(self) -> bool:
        """Look a random key up to the end. Whether that went well, else it is told."""
        try:
            stream = self._backend.lookup(os.urandom(self._backend.capabilities.key_bytes))
            try:
                async for _ in stream:
                    await asyncio.sleep(0)  # a backend that made peers up would never let anybody else run
            finally:
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()
        except Exception as error:  # noqa: BLE001 - the backend's own, whatever it is, which is told
            failure = self._backend.wrapped(error, "look up")
            self._tell(Check.failed("lookup", failure, network=self._network.name))
            return False
        return True

    def _is_placed(self) -> bool:
        """Whether all is known that the backend may find out."""
        places = self._backend.places
        found = [places[family].reachability for family in self._ways & places.keys()]
        return Reachability.UNKNOWN not in found if found else bool(self._backend.seen_at)


def _fields(check: Check) -> dict[str, str]:
    return {name: getattr(check, name) for name in ("check", "status", "message", "hint", "network")}


def _is_loopback(host: KnownHost) -> bool:
    return host.family is not None and address_scope(host.host) == "machine"
