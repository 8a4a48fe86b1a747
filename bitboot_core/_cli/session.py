"""A BitBoot for one command: opened, in touch, its networks told of, and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ..bitboot import BitBoot
from ..config import BitBootConfig
from .report.events import Ready
from .report.report import Report
from .report.view import View


class Session:
    """An open BitBoot, and whom to tell which of its networks are in touch."""

    def __init__(self, bitboot: BitBoot, report: Report) -> None:
        self.bitboot = bitboot
        self.report = report
        self._told: set[str] = set()

    def tell_ready(self) -> None:
        """Tell of each network that is in touch by now, once. Of several, some may need longer."""
        states = self.bitboot.networks()
        if len(self._told) == len(states):
            return
        for network, state in states.items():
            if state.ready and network not in self._told:
                self._told.add(network)
                self.report.tell(
                    Ready(
                        network=network,
                        backend=state.backend,
                        listen=str(state.listen),
                        contacts=state.contacts,
                    )
                )


@asynccontextmanager
async def open_session(
    config: BitBootConfig, report: Report, view: View | None = None
) -> AsyncIterator[Session]:
    """Open a BitBoot and wait until one of its networks is in touch. Raises what `BitBoot.ready` does.

    `view` is shown from the beginning until everything is withdrawn and closed.
    """
    bitboot = BitBoot(config)
    async with AsyncExitStack() as stack:
        if view is not None:
            await stack.enter_async_context(report.showing(view, bitboot))
        await stack.enter_async_context(bitboot)
        try:
            session = Session(bitboot, report)
            await bitboot.ready()
            session.tell_ready()
            yield session
        finally:
            if view is not None:
                view.leave(bitboot)
