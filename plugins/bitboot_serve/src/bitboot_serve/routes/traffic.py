"""What was sent and received in the last hour."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..daemon import Daemon


def routes(daemon: Daemon) -> list[BaseRoute]:
    """GET /v1/traffic."""

    async def traffic(request: Request) -> Response:
        return JSONResponse({"minutes": daemon.traffic.minutes()})

    return [Route("/v1/traffic", traffic, methods=["GET"])]
