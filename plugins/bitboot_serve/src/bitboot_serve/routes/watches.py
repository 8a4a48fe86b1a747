"""Watches: events that go on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..daemon import Daemon
from ..streams import EVENTS, PING, Streaming, event
from ..watches import STILL_HERE, Told
from ..wishes import query_of, swarm_wish

FIELDS = ("swarm", "key", "secret")


def routes(daemon: Daemon) -> list[BaseRoute]:
    """GET /v1/watches and /v1/swarms."""

    async def watch(request: Request) -> Response:
        query = query_of(request, *FIELDS)
        wish = swarm_wish(query) if query else None
        if request.method == "HEAD":
            return Response(media_type=EVENTS)
        told = daemon.watches.read(wish, request.headers.get("last-event-id"))
        return Streaming(_chunks(told), EVENTS, daemon.closing)

    async def swarms(request: Request) -> Response:
        return JSONResponse({"swarms": daemon.swarms()})

    return [
        Route("/v1/watches", watch, methods=["GET"]),
        Route("/v1/swarms", swarms, methods=["GET"]),
    ]


async def _chunks(told_of: AsyncGenerator[Told, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(told_of) as events:
        async for told in events:
            yield PING if told is STILL_HERE else event(*told)
