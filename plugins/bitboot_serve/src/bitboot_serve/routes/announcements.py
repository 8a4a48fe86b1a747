"""Announcements, and the leases that keep them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from ..daemon import Daemon
from ..records import Json
from ..streams import EVENTS, Streaming, event, wants_events
from ..wishes import announcement_wish, body_of
from . import resource


def routes(daemon: Daemon) -> list[BaseRoute]:
    """/v1/announcements, and what belongs to one."""
    kept = daemon.announcements

    async def announce(request: Request) -> Response:
        wish = announcement_wish(await body_of(request, daemon.limits.body))
        if wants_events(request):
            return Streaming(_chunks(kept.keep(wish)), EVENTS, daemon.closing, status=201)
        lease = await kept.begin(wish)
        where = {"location": f"/v1/announcements/{lease.identifier}"}
        return JSONResponse(kept.record(lease), status_code=201, headers=where)

    async def every(request: Request) -> Response:
        return JSONResponse({"announcements": [kept.record(lease) for lease in kept.leases()]})

    async def one(request: Request) -> Response:
        return JSONResponse(kept.record(kept.named(request.path_params["id"])))

    async def renew(request: Request) -> Response:
        return JSONResponse(kept.record(kept.renew(request.path_params["id"])))

    async def withdraw(request: Request) -> Response:
        await kept.withdraw(request.path_params["id"])
        return Response(status_code=204)

    return [
        resource("/v1/announcements", GET=every, POST=announce),
        resource("/v1/announcements/{id}", GET=one, DELETE=withdraw),
        resource("/v1/announcements/{id}/renewal", POST=renew),
    ]


async def _chunks(told: AsyncGenerator[Json, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(told) as standing:
        async for record in standing:
            yield event("announcement", record)
