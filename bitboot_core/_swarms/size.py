"""How large a swarm is, on all networks: what `BitBoot.size` returns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .._networks.network import ActiveNetwork
from .._networks.per_network import PerNetwork, one_error
from ..errors import BitBootError
from ..swarm_size import SwarmSize
from .keys import SwarmName, swarm_key


async def swarm_size(networks: Sequence[ActiveNetwork], swarm: SwarmName, timeout: float) -> SwarmSize:
    """Ask all networks side by side. Raises where every one of them failed."""
    key = swarm_key(swarm)

    async def ask(network: ActiveNetwork) -> SwarmSize | BitBootError:
        try:
            return await network.sizes.ask(key, timeout=timeout)
        except BitBootError as error:
            return error

    told = await asyncio.gather(*(ask(network) for network in networks))
    answers = {network.name: answer for network, answer in zip(networks, told, strict=True)}
    sizes = {name: answer for name, answer in answers.items() if isinstance(answer, SwarmSize)}
    failures = {name: answer for name, answer in answers.items() if isinstance(answer, BitBootError)}
    if not sizes:
        raise one_error(failures, f"asking how large {swarm} is")
    backends = {network.name: network.backend_name for network in networks}
    return SwarmSize(
        # Whoever uses several networks is announced on each: the sum would count the same peers again.
        seeds=max(size.seeds for size in sizes.values()),
        peers=max(size.peers for size in sizes.values()),
        asked=sum(size.asked for size in sizes.values()),
        answered=sum(size.answered for size in sizes.values()),
        networks=PerNetwork(sizes, backends),
        failures=PerNetwork(failures, backends),
    )
