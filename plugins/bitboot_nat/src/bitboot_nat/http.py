"""One HTTP request to a router: an address, never a name; no redirects; an answer of 64 KiB at most."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bitboot_core import NoRouterAnswered, PortMappingFailed

from .wire.description import host_of, split

MAX_BODY = 1 << 16
MAX_HEAD = 1 << 14
TIMEOUT = 2.0
"""Seconds from the beginning to the end, however slowly it comes."""


async def fetch(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    own: str | None = None,
    timeout: float = TIMEOUT,
) -> tuple[int, bytes]:
    """The status and the body of the answer to a GET, or to a POST where there is a `body`.

    `own`: the address of this machine to ask from. Raises NoRouterAnswered where nobody answers in time, and
    PortMappingFailed where the answer is none.
    """
    host, parts = host_of(url), split(url)
    if host is None or parts is None:
        raise PortMappingFailed(f"{url[:80]!r} is no address of a router")
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 80, limit=MAX_HEAD, local_addr=(own, 0) if own else None
            )
            try:
                writer.write(_request(parts.netloc, parts.path or "/", parts.query, headers or {}, body))
                return await read_answer(reader)
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise NoRouterAnswered(f"{parts.netloc} did not answer within {timeout:g} s") from None
    except OSError as error:
        raise NoRouterAnswered(f"{parts.netloc} does not answer: {error.strerror or error}") from error
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        raise PortMappingFailed(f"{parts.netloc} answers what is no HTTP: {error}") from error


def _request(netloc: str, path: str, query: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    target = f"{path}?{query}" if query else path
    lines = [
        f"{'GET' if body is None else 'POST'} {target} HTTP/1.1",
        f"Host: {netloc}",
        "Connection: close",
        "User-Agent: bitboot UPnP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        *([] if body is None else [f"Content-Length: {len(body)}"]),
    ]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + (body or b"")


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The status and the body of an answer. Raises ValueError, IncompleteReadError or LimitOverrunError."""
    head = await reader.readuntil(b"\r\n\r\n")
    if head.split(b" ")[1:2] == [b"100"]:  # it would like to see the body first, which is on its way already
        head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = status_line.partition(" ")
    if not version.startswith("HTTP/1.") or not (rest[:3].isascii() and rest[:3].isdigit()):
        raise ValueError("no status")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return int(rest[:3]), await _chunks(reader)
    length = headers.get("content-length", "")
    if length:
        if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > MAX_BODY:
            raise ValueError(f"a body of {length[:20]!a} bytes")
        return int(rest[:3]), await reader.readexactly(int(length))
    body = b""
    while piece := await reader.read(MAX_BODY):
        body += piece
        if len(body) > MAX_BODY:
            raise ValueError(f"a body of more than {MAX_BODY} bytes")
    return int(rest[:3]), body


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks (RFC 9112, section 7.1)."""
    body = b""
    while True:
        size = (await reader.readuntil(b"\n")).partition(b";")[0].strip()
        if not size or len(size) > 6:
            raise ValueError("a chunk without a size")
        length = int(size, 16)
        if length < 0 or len(body) + length > MAX_BODY:
            raise ValueError(f"a body of more than {MAX_BODY} bytes")
        if not length:
            return body
        body += await reader.readexactly(length)
        await reader.readuntil(b"\n")
