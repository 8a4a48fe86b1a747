"""The page at `/`: what is served, and the headers that keep it to itself."""

from __future__ import annotations

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS = {
    # Nothing inline, nothing from elsewhere, and no text that could become markup (Trusted Types).
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Of every file of the page. It holds nothing of the daemon's: what it shows, it asks the API for."""


def routes() -> list[BaseRoute]:
    """The page and its files, read once. None of them needs a token."""
    files = resources.files(__name__) / "static"
    found = {file.name: file.read_bytes() for file in files.iterdir() if _type(file.name) is not None}
    return [
        _route("/", "index.html", found.pop("index.html")),
        *(_route(f"/static/{name}", name, content) for name, content in sorted(found.items())),
    ]


def _type(name: str) -> str | None:
    return next((kind for ending, kind in TYPES.items() if name.endswith(ending)), None)


def _route(path: str, name: str, content: bytes) -> Route:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=_type(name), headers=HEADERS)

    return Route(path, answer, methods=["GET"], include_in_schema=False)
