"""Who may: what is checked of every request before any route sees it.

The unix socket is for its owner alone, so its file says who may. Anybody on the machine reaches a TCP port,
and so does every web page in every browser there: hence the token, and the two headers that browsers send.
`Host` must name the daemon itself, so that no name of somebody else's does that resolves to 127.0.0.1 (DNS
rebinding). `Origin`, where it is there, must be the daemon's own. There is no CORS.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import NotAllowed, answer


@dataclass(frozen=True, slots=True)
class Guard:
    """An application behind a TCP port. `token`: what clients must send. `hosts`: what `Host` may say."""

    app: ASGIApp
    token: str
    hosts: frozenset[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope["path"], Headers(scope=scope))
        if refusal is None:
            await self.app(scope, receive, send)
            return
        error, status, headers = refusal
        await answer(error, status=status, headers=headers)(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> tuple[NotAllowed, int, dict[str, str]] | None:
        """Why a request is refused, with the status and headers to say it with."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            error = NotAllowed("the header Host does not name this daemon", hint="use 127.0.0.1 and its port")
            return error, 403, {}
        for origin in headers.getlist("origin"):
            if origin.lower().removeprefix("http://") not in self.hosts:
                return NotAllowed("a page of another origin may not ask this daemon"), 403, {}
        if path == "/" or path.startswith("/static/"):
            return None
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self.token.encode()):
            return None
        error = NotAllowed("the token is missing, or is another one", hint="Authorization: Bearer TOKEN")
        return error, 401, {"WWW-Authenticate": "Bearer"}


def hosts_of(host: str, port: int) -> frozenset[str]:
    """What the header Host may say of an address on loopback: as it is, and as "localhost"."""
    names = {f"[{host}]" if ":" in host else host, "localhost"}
    return frozenset(f"{name}:{port}" for name in names) | (frozenset(names) if port == 80 else frozenset())
