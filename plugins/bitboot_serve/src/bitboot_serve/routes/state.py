"""How the daemon, its networks and their nodes are doing."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..daemon import Daemon


def routes(daemon: Daemon) -> list[BaseRoute]:
    """GET /v1/status, /v1/traffic and /v1/networks, and what belongs to one network."""

    async def status(request: Request) -> Response:
        return JSONResponse(daemon.status())

    async def networks(request: Request) -> Response:
        return JSONResponse({"networks": daemon.networks()})

    async def network(request: Request) -> Response:
        return JSONResponse(daemon.network(request.path_params["name"]))

    async def contacts(request: Request) -> Response:
        return JSONResponse(daemon.contacts(request.path_params["name"]))

    async def traffic(request: Request) -> Response:
        return JSONResponse(daemon.traffic.record())

    return [
        Route("/v1/traffic", traffic, methods=["GET"]),
        Route("/v1/status", status, methods=["GET"]),
        Route("/v1/networks", networks, methods=["GET"]),
        Route("/v1/networks/{name}", network, methods=["GET"]),
        Route("/v1/networks/{name}/contacts", contacts, methods=["GET"]),
    ]
