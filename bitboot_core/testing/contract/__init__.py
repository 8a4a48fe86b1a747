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
override its method.
"""

from __future__ import annotations

from .capabilities import CapabilityChecks
from .ending import EndingChecks
from .finding import FindingChecks
from .hostile import HostileChecks
from .installed import InstalledChecks
from .interrupted import InterruptedChecks
from .leftovers import LeftoverChecks
from .lifetimes import LifetimeChecks
from .silence import SilenceChecks
from .world import World, advance_event_loop


class BackendContract(
    InstalledChecks,
    FindingChecks,
    LifetimeChecks,
    SilenceChecks,
    CapabilityChecks,
    EndingChecks,
    InterruptedChecks,
    LeftoverChecks,
    HostileChecks,
):
    """All checks. Subclass it, name your plugin's `entry_point`, and make a `world`."""


__all__ = ["BackendContract", "World", "advance_event_loop"]
