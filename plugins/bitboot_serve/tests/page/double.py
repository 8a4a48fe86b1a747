"""A double of the daemon: the paths of its API, with answers that a test hands in."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from bitboot_serve import _page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .answers import answers

TOKEN = "a-token-of-this-test"


class Double:
    """What the daemon would say, and a server that says it, on a free port of loopback."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.answers: dict[str, Any] = answers()
        self.asked: list[str] = []
        self.listening = asyncio.Event()
        """Set once a page has begun to follow events."""
        self.events: list[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = []
        self.last_ids: list[str | None] = []
        self.failing: int | None = None
        self.url = ""
        self._sent = 0
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def tell(self, kind: str, peer: dict[str, Any]) -> None:
        """Send an event to every page that listens."""
        for queue in self.events:
            queue.put_nowait((kind, peer))

    def cut(self) -> None:
        """End every stream."""
        for queue in self.events:
            queue.put_nowait(None)

    async def __aenter__(self) -> Double:
        paths = (
            "/v1/status",
            "/v1/swarms",
            "/v1/announcements",
            "/v1/traffic",
            "/v1/networks/{name}/contacts",
        )
        routes = [Route(path, self._answer) for path in paths]
        app = Starlette(routes=[*_page.routes(), *routes, Route("/v1/watches", self._watch)])
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}/"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        self._serving = asyncio.create_task(self._server.serve(sockets=[sock]))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Serve no more. May be called twice."""
        assert self._server is not None
        assert self._serving is not None
        self.cut()
        self._server.should_exit = self._server.force_exit = True
        await self._serving

    def _refusal(self, request: Request) -> Response | None:
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"title": "NotAllowed", "detail": "no token"}, 401)
        if self.failing is not None:
            problem = {"title": "Broken", "detail": "the daemon is <b>broken</b>", "hint": "mend it"}
            return JSONResponse(problem, self.failing, media_type="application/problem+json")
        return None

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        return self._refusal(request) or JSONResponse(self.answers[request.url.path])

    async def _watch(self, request: Request) -> Response:
        self.asked.append(request.url.path)
        if (refusal := self._refusal(request)) is not None:
            return refusal
        self.last_ids.append(request.headers.get("last-event-id"))
        stream = self._events(self.last_ids[-1] is None)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def _events(self, is_first: bool) -> AsyncIterator[str]:
        queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self.events.append(queue)
        self.listening.set()
        try:
            if is_first:
                for swarm in self.answers["/v1/swarms"]["swarms"]:
                    for peer in swarm["peers"]:
                        yield _event("peer-joined", {"swarm": swarm["swarm"], **peer})
                yield _event("present", {}, self._sent)
            else:
                yield ": still here\n\n"
            while (event := await queue.get()) is not None:
                self._sent += 1
                yield _event(*event, self._sent)
        finally:
            self.events.remove(queue)


def _event(kind: str, record: dict[str, Any], number: int | None = None) -> str:
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(record)}\n\n"
