"""`BitBootConfig(map_ports=True)`: the router is asked to open the ports that the nodes listen on."""

from __future__ import annotations

import asyncio

from ..._networks.network import ActiveNetwork
from ...aio.tasks import cancel
from ...backend import Scope
from ...errors import NotRunning
from ...model import address_scope
from ...reports import Reachability
from ..use import Context, NetworkUser
from .mapping import PortMapping
from .routers import Routers

DOUBT = 1800.0
"""Seconds without a call of any stranger after which an open port is doubted: some routers list one and
forward nothing to it until it is deleted and added."""

LONGEST_DOUBT = 86_400.0
"""Each time that did not help the next doubt comes twice as late, up to this: it may be a quiet network."""


class _Doubt:
    """Whether a port that the router lists forwards anything, by whether strangers call."""

    def __init__(self, now: float) -> None:
        self._since, self._patience = now, DOUBT

    def is_due(self, network: ActiveNetwork, mapping: PortMapping, now: float) -> bool:
        """Whether to delete it and add it."""
        places = [network.places.get(family) for family in mapping.externals]
        known = [place.reachability for place in places if place is not None]
        if not known or Reachability.OPEN in known:
            self._since, self._patience = now, DOUBT
        if now < self._since + self._patience:
            return False
        self._since, self._patience = now, min(2 * self._patience, LONGEST_DOUBT)
        return True


class NodePorts(NetworkUser):
    """A port mapping for each network whose node others may reach from the internet."""

    what = "mapping of the nodes' ports"
    made_by = "BitBoot"

    def __init__(self, context: Context, routers: Routers) -> None:
        super().__init__(context)
        self._routers = routers
        self._keeping: dict[str, asyncio.Task[None]] = {}

    def _use(self, network: ActiveNetwork) -> None:
        self._keeping[network.name] = self._tasks.start(self._keep(network))

    async def leave(self, network: str) -> None:
        """Have the port of its node closed again."""
        if (keeping := self._keeping.pop(network, None)) is not None:
            await cancel([keeping], self._clock)

    def _stop(self) -> None:
        """Nobody waits for it."""

    async def _keep(self, network: ActiveNetwork) -> None:
        """Keep the port of one network's node open, and tell the network where, until it is closed."""
        capabilities, address = network.capabilities, network.address
        if capabilities is None or address is None or capabilities.scope is not Scope.PUBLIC:
            return
        if address.family is not None and address_scope(address.host) == "machine":
            return  # nobody else can reach it whatever the router does
        async with PortMapping(
            self._context, self._routers, address.port, [capabilities.transport]
        ) as mapping:
            try:
                doubt = _Doubt(self._clock.now())
                while True:
                    network.mapped_at(mapping.leading_out, mapping.error)
                    await mapping.changed()
                    if doubt.is_due(network, mapping, self._clock.now()):
                        mapping.open_again()
            except NotRunning:
                return
            finally:
                network.mapped_at({}, None)
