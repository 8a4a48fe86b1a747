"""The HTTP application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from bitboot_core import BitBootError

from . import _page
from .daemon import Daemon
from .problems import on_error, on_http_error, on_unforeseen
from .routes import announcements, description, lookups, metrics, state, watches


def create_app(daemon: Daemon) -> Starlette:
    """The application that serves a daemon's API. Who may use it is decided before: see `guard`."""
    return Starlette(
        routes=[
            *state.routes(daemon),
            *lookups.routes(daemon),
            *metrics.routes(daemon),
            *description.routes(),
            *_page.routes(),
            *announcements.routes(daemon),
            *watches.routes(daemon),
        ],
        exception_handlers={
            BitBootError: on_error,
            HTTPException: on_http_error,
            Exception: on_unforeseen,
        },
    )
