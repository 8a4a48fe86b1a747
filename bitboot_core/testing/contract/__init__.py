"""The contract kit: checks that a backend is what the core expects, as tests for pytest.

    from bitboot_core.testing.contract import BackendContract, World

    class TestMyBackend(BackendContract):
        entry_point = "mine"

        @asynccontextmanager
        async def world(self) -> AsyncIterator[World]:
            yield World(make=lambda: MyBackend(CONFIG))

pytest collects the class like any other (`pip install "bitboot-core[testing]"`). The checks are plain
functions that run an event loop of their own, so no plugin for asynchronous tests is needed, and
any may be installed. A check that does not apply is skipped and says why. To change or skip one,
override its method. A plugin that brings only network definitions has `DefinitionsContract`, a port mapper
`PortMapperContract`, one that brings commands `CommandsContract`.
"""

from __future__ import annotations

from ._blocking import BlockingChecks
from ._capabilities import CapabilityChecks
from ._commands import CommandsContract
from ._definitions import DefinitionsContract
from ._early import EarlyChecks
from ._ending import EndingChecks
from ._finding import FindingChecks
from ._hostile import HostileChecks
from ._installed import InstalledChecks
from ._interrupted import InterruptedChecks
from ._items import ItemChecks
from ._leftovers import LeftoverChecks
from ._lifetimes import LifetimeChecks
from ._port_mappers import PortMapperContract, RouterWorld
from ._requests import RequestChecks
from ._silence import SilenceChecks
from ._sizes import SizeChecks
from ._world import World, advance_event_loop


class BackendContract(
    InstalledChecks,
    FindingChecks,
    EarlyChecks,
    LifetimeChecks,
    SilenceChecks,
    SizeChecks,
    CapabilityChecks,
    EndingChecks,
    InterruptedChecks,
    BlockingChecks,
    LeftoverChecks,
    HostileChecks,
    RequestChecks,
    ItemChecks,
):
    """All checks. Subclass it, name your plugin's `entry_point`, and make a `world`."""


__all__ = [
    "BackendContract",
    "CommandsContract",
    "DefinitionsContract",
    "PortMapperContract",
    "RouterWorld",
    "World",
    "advance_event_loop",
]
