"""What Prometheus reads."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..daemon import Daemon


def routes(daemon: Daemon) -> list[BaseRoute]:
    """GET /metrics."""

    async def metrics(request: Request) -> Response:
        text, media_type = daemon.metrics.render(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": media_type, "cache-control": "no-store"})

    return [Route("/metrics", metrics, methods=["GET"])]
