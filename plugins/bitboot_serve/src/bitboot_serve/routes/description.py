"""The API's own description."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..openapi import document


def routes() -> list[BaseRoute]:
    """GET /openapi.json."""
    content = document()

    async def description(request: Request) -> Response:
        return JSONResponse(content)

    return [Route("/openapi.json", description, methods=["GET"])]
