"""Responses that go on: lines of JSON, or server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bitboot_core import NotRunning

JSON_LINES = "application/jsonl"
EVENTS = "text/event-stream"

Chunks = AsyncGenerator[bytes, None]


def wants_events(request: Request) -> bool:
    """Whether the client asks for server-sent events."""
    return EVENTS in request.headers.get("accept", "")


def line(record: dict[str, Any]) -> bytes:
    """A record as a line of JSON."""
    return json.dumps(record, ensure_ascii=True).encode() + b"\n"


def event(kind: str, record: dict[str, Any], number: str | None = None) -> bytes:
    """A record as a server-sent event (HTML Standard, section 9.2). JSON has no line end inside."""
    head = f"id: {number}\n" if number is not None else ""
    return f"{head}event: {kind}\ndata: {json.dumps(record, ensure_ascii=True)}\n\n".encode()


PING = b": still here\n\n"


class Streaming(Response):
    """A response that is written as `chunks` come. Both sides can end it, and the chunks are closed then.

    Its head goes with the first chunk: what fails before that is raised, and has a status of its own.
    `closing`: set when the daemon ends. Writing waits for the reader: whoever takes nothing is cut off by
    the connection (see `serving`).
    """

    def __init__(self, chunks: Chunks, media_type: str, closing: asyncio.Event, *, status: int = 200) -> None:
        super().__init__(status_code=status, media_type=media_type)
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self._chunks, self._closing = chunks, closing
        self._has_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ends = [
            asyncio.ensure_future(work) for work in (self._write(send), _gone(receive), self._closing.wait())
        ]
        writing = ends[0]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            was_done = writing.done()
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if was_done and not writing.cancelled():
            writing.result()
        elif self._closing.is_set():
            if not self._has_begun:
                raise NotRunning("the daemon ends", hint="try again in a moment")
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                if not self._has_begun:
                    self._has_begun = True
                    await self._begin(send)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if not self._has_begun:
            await self._begin(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _begin(self, send: Send) -> None:
        headers = self.raw_headers
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})


async def _gone(receive: Receive) -> None:
    """Return when the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
