"""`BitBootConfig(map_ports=True)`: the router is asked to open the ports that the nodes listen on."""

from __future__ import annotations

import asyncio

from .._networks.network import ActiveNetwork
from ..aio.tasks import cancel
from ..backend import Scope
from ..errors import DoubleNat, NotRunning
from ..model import address_scope
from .port_mapping import PortMapping
from .routers import Routers
from .use import Context, NetworkUser


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
                while True:
                    is_inside = isinstance(mapping.error, DoubleNat)
                    network.mapped_at({} if is_inside else mapping.externals, mapping.error)
                    await mapping.changed()
            except NotRunning:
                return
            finally:
                network.mapped_at({}, None)
