"""All checks of `bitboot doctor`, one after the other, and how they came out."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..._plugins.registry import Registry
from ..._settings import contacts as checked_contacts
from ..._settings import endpoint
from ..._settings import networks as several
from ...aio.clock import SystemClock
from ...aio.threads import in_thread
from ...config import BitBootConfig
from ...errors import BitBootError, UsageError
from ...networks import NetworkDefinition
from ..options import Settings
from ..report.checks import FAILED, OK, WARNING, Check, Verdict
from ..report.report import Report
from .machine import check_machine
from .network import NetworkCheckup
from .router import RouterCheckup

MACHINE = 3.0
"""Seconds that looking at this machine may take: a disk that hangs holds up nobody."""


class Checkup:
    """Tells of all checks, and remembers how they came out."""

    def __init__(self, report: Report, registry: Registry) -> None:
        self.statuses: list[str] = []
        self._report, self._registry = report, registry

    def tell(self, check: Check) -> None:
        """Tell of a check."""
        self.statuses.append(check.status)
        self._report.tell(check)

    def verdict(self, seconds: float) -> Verdict:
        """What they came to, after this many seconds."""
        failed = self.statuses.count(FAILED)
        return Verdict(
            status=FAILED if failed else OK,
            failed=failed,
            warnings=self.statuses.count(WARNING),
            seconds=round(seconds, 3),
        )

    async def run(self, settings: Settings, config: BitBootConfig) -> bool:
        """Make all checks, each network's after the other. Raises UsageError."""
        clock = SystemClock()
        until = clock.now() + config.timeout
        try:
            async with asyncio.timeout(min(MACHINE, config.timeout)):
                checks = await in_thread(
                    lambda: list(check_machine(self._registry, settings.file, config)), "bitboot-doctor"
                )
        except TimeoutError:
            checks = [
                Check(
                    check="machine",
                    status=FAILED,
                    message="the disk takes too long to answer",
                    hint="is a folder of yours on a network that is down? See BITBOOT_STATE_DIR",
                )
            ]
        for check in checks:
            self.tell(check)
        router = RouterCheckup(self._registry, clock, self.tell)
        checkups = [
            checkup
            for one in several(config.network)
            if (checkup := self._checkup(one, config, clock, router)) is not None
        ]
        for number, checkup in enumerate(checkups):  # one after the other, each with its share of the time
            share = (until - clock.now()) / (len(checkups) - number)
            await checkup.run(clock.now() + max(share, 0.1))
        return True

    def _checkup(
        self,
        network: str | NetworkDefinition,
        config: BitBootConfig,
        clock: SystemClock,
        router: RouterCheckup,
    ) -> NetworkCheckup | None:
        """The checks of a network, or None where nothing serves it, which is told. Raises UsageError."""
        definition = self._registry.network(network) if isinstance(network, str) else network
        if config.bootstrap is not None:
            definition = replace(definition, bootstrap=checked_contacts(config.bootstrap))
        try:
            chosen = self._registry.choose(definition, config.backend)
        except UsageError:
            raise
        except BitBootError as error:
            self.tell(Check.failed("backend", error, network=definition.name))
            return None
        listen = None if config.listen is None else endpoint(config.listen)
        return NetworkCheckup(definition, chosen, listen, clock, self.tell, router=router)
