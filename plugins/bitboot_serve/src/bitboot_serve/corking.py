"""A transport that sends together what is written together: each send may wake the client's process."""

from __future__ import annotations

import asyncio
from typing import Any

MOST = 64 * 1024
"""Bytes that are not kept back until the loop's next turn: from there on the transport's own limits hold."""


class Corked(asyncio.Transport):
    """Passes all on to `transport`, and what is written within one turn of the loop at once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._kept = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it with whatever else is written before the loop's next turn."""
        if not self._kept:
            self._loop.call_soon(self._flush)
        self._kept += data
        if len(self._kept) >= MOST:
            self._flush()

    def _flush(self) -> None:
        if self._kept:
            kept, self._kept = self._kept, bytearray()
            if not self._transport.is_closing():
                self._transport.write(kept)

    def close(self) -> None:
        """Send what is kept, and close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what has not been sent is lost."""
        self._kept.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows of its socket."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._transport.resume_reading()
