"""Lookups: peers as they arrive."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..daemon import Daemon
from ..lookups import Record
from ..streams import EVENTS, JSON_LINES, Streaming, event, line, wants_events
from ..wishes import body_of, lookup_wish


def routes(daemon: Daemon) -> list[BaseRoute]:
    """POST /v1/lookups."""

    async def lookup(request: Request) -> Response:
        wish = lookup_wish(await body_of(request, daemon.limits.body))
        as_events = wants_events(request)
        chunks = _chunks(daemon.lookups.run(wish), as_events=as_events)
        return Streaming(chunks, EVENTS if as_events else JSON_LINES, daemon.closing)

    return [Route("/v1/lookups", lookup, methods=["POST"])]


async def _chunks(found: AsyncGenerator[Record, None], *, as_events: bool) -> AsyncGenerator[bytes, None]:
    async with aclosing(found) as records:
        async for kind, record in records:
            yield event(kind, record) if as_events else line(record)
