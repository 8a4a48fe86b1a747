"""Where events go: JSON for programs, plain lines for pipes; `terminal` has the one for people."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .events import Event, Failed, PeerFound
from .output import write_line

if TYPE_CHECKING:
    from ...bitboot import BitBoot
    from .listings import Listed
    from .view import View


class Report(ABC):
    """Tells of events, each as it happens."""

    @abstractmethod
    def tell(self, event: Event) -> None:
        """Tell of one event."""

    def listing(self, items: Sequence[Listed]) -> None:
        """Tell of several of one kind, which belong together."""
        for item in items:
            self.tell(item)

    def suggest(self, command: str, does: str) -> None:  # noqa: B027 - programs are told of nothing
        """Tell a person what can be typed next, and what that does."""

    @asynccontextmanager
    async def showing(self, view: View, bitboot: BitBoot) -> AsyncIterator[None]:
        """Show a command's view for as long as this lasts, where there is somebody to look at it."""
        yield


class JsonReport(Report):
    """One JSON object a line on stdout, and nothing else; errors are among them."""

    def tell(self, event: Event) -> None:
        write_line(json.dumps(event.as_json()))  # which escapes whatever is not ASCII


class LineReport(Report):
    """One plain line an event on stdout; errors, with a second line for the hint, on stderr."""

    def tell(self, event: Event) -> None:
        first, *below = event.lines()
        write_line("\n".join([f"{event.name}: {first}", *below]), err=isinstance(event, Failed))

    def suggest(self, command: str, does: str) -> None:
        write_line(f"try: {command}    # {does}")


class PeersReport(LineReport):
    """Leaves stdout to peers: errors go to stderr, and what else happens is not told."""

    def tell(self, event: Event) -> None:
        if isinstance(event, Failed):
            super().tell(event)
        elif isinstance(event, PeerFound):
            self.tell_peer(event)

    @abstractmethod
    def tell_peer(self, peer: PeerFound) -> None:
        """Write one peer."""
