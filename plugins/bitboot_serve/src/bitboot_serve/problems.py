"""Typed errors as problem details for HTTP (RFC 9457)."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bitboot_core import (
    BackendError,
    BackendTimeout,
    BitBootError,
    LibraryMissing,
    NetworkUnavailable,
    NotRunning,
    UnsupportedOperation,
    UsageError,
)

MEDIA_TYPE = "application/problem+json"


class TooMany(BitBootError):
    """One of the daemon's limits is reached."""


class NotFound(BitBootError):
    """There is nothing of that name here, or no more."""


class OtherNetworks(BitBootError):
    """The daemon is on other networks than those that are meant, or starts from other contacts."""


class NotAllowed(BitBootError):
    """The request lacks the token, or comes from a web page of somebody else's."""


class TooLarge(UsageError):
    """A request's body is larger than any that makes sense."""


class Unread(UsageError):
    """A request's body is no JSON object, or has not arrived in time."""


STATUS: list[tuple[type[BaseException], int]] = [
    (TooMany, 429),
    (NotFound, 404),
    (NotAllowed, 403),
    (OtherNetworks, 409),
    (TooLarge, 413),
    (UnsupportedOperation, 422),
    (UsageError, 400),
    (LibraryMissing, 501),
    (NetworkUnavailable, 503),
    (NotRunning, 503),
    (BackendTimeout, 504),
    (BackendError, 502),
    (BitBootError, 502),
]
"""The status of each error: that of the first class which it is of."""


def status_of(error: BaseException) -> int:
    """The HTTP status that tells of an error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def error_record(error: BaseException) -> dict[str, Any]:
    """An error as JSON has it everywhere: its name, message and hint."""
    return {
        "error": type(error).__name__,
        "message": str(error),
        "hint": error.hint if isinstance(error, BitBootError) else "",
    }


def problem(error: BaseException, *, status: int | None = None) -> dict[str, Any]:
    """The problem details of an error. `type` is a URN of ours; `detail` is the message."""
    code = status_of(error) if status is None else status
    record = error_record(error)
    name = record["error"]
    return {"type": f"urn:bitboot:{name}", "title": name, "status": code, "detail": str(error), **record}


def answer(
    error: BaseException, *, status: int | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A response with the problem details of an error."""
    content = problem(error, status=status)
    return JSONResponse(content, status_code=content["status"], headers=headers, media_type=MEDIA_TYPE)


async def on_error(request: Request, error: Exception) -> Response:
    """What becomes of an error that a route raises."""
    return answer(error)


_HINTS = {404: "see /openapi.json for what there is", 405: "see /openapi.json for its methods"}


async def on_http_error(request: Request, error: Exception) -> Response:
    """What becomes of a path or method that there is not."""
    assert isinstance(error, HTTPException)
    hint = _HINTS.get(error.status_code, "")
    kind = NotFound if error.status_code in (404, 405) else BitBootError
    told = kind(f"{request.method} {request.url.path}: {error.detail}", hint=hint)
    return answer(told, status=error.status_code, headers=dict(error.headers or {}))


class Unforeseen(BitBootError):
    """The daemon failed in a way that nobody has foreseen: its log has the traceback."""


async def on_unforeseen(request: Request, error: Exception) -> Response:
    """What becomes of an error that is none of ours. Starlette raises it again, so that it is logged."""
    return answer(Unforeseen("this is a fault of the daemon's", hint="its log says more"), status=500)
