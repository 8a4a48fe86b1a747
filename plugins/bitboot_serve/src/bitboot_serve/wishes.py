"""What clients ask for, checked: every field by its own rule, unknown ones refused."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from bitboot_core import (
    InvalidConfig,
    InvalidEndpoint,
    InvalidSwarmName,
    KnownHost,
    SwarmKey,
    UsageError,
    swarm_key,
)

from .limits import LEASE, MAX_LEASE, MAX_TIMEOUT, MIN_LEASE, STALLED
from .problems import TooLarge, Unread

MAX_NAME = 1024
"""Characters of a swarm's name. Names of the network's own can be longer, but nobody needs that."""

MAX_KEY = 2048
"""Characters of a raw key, where it is a magnet link."""

MAX_DATA = 512
"""Bytes that members of a private swarm are told (docs/private-swarms.md)."""

MAX_PEERS = 1_000_000
"""The highest limit of a lookup."""

MIN_TIMEOUT = 0.001
"""Seconds that a lookup may be asked to take, at least."""

HOST_NAME = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_-]{0,62}[.])*[A-Za-z_][A-Za-z0-9_-]{0,62}")
"""A host's name as DNS carries it; the last part begins with no digit, so that it is no number."""


@dataclass(frozen=True, slots=True)
class SwarmWish:
    """Which swarm is meant; `secret` is the name of one of the daemon's files."""

    swarm: str | SwarmKey
    secret: str | None


@dataclass(frozen=True, slots=True)
class LookupWish(SwarmWish):
    """A lookup that is asked for. `networks`: those that are meant, each with the contacts to start from."""

    limit: int | None
    timeout: float | None
    networks: Mapping[str, frozenset[str]] | None


@dataclass(frozen=True, slots=True)
class AnnouncementWish(SwarmWish):
    """An announcement that is asked for. `lease`: seconds."""

    endpoint: KnownHost
    data: bytes
    lease: float


async def body_of(request: Request, limit: int) -> dict[str, Any]:
    """The JSON object that a request carries. Raises Unread, or TooLarge beyond `limit` bytes."""
    content = bytearray()
    try:
        async with asyncio.timeout(STALLED):
            async for chunk in request.stream():
                content += chunk
                if len(content) > limit:
                    raise TooLarge(f"the body is larger than {limit} bytes", hint="no request needs as much")
    except TimeoutError:
        raise Unread(f"the body did not arrive within {STALLED:g} s") from None
    try:
        found = json.loads(bytes(content), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unread("the body is not JSON", hint='send an object, such as {"swarm": "my-app/v1"}') from None
    if not isinstance(found, dict):
        raise Unread("the body is no JSON object", hint='such as {"swarm": "my-app/v1"}')
    return found


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def lookup_wish(body: Mapping[str, Any]) -> LookupWish:
    """What a lookup's body asks for. Raises InvalidSwarmName or InvalidConfig."""
    _known(body, "swarm", "key", "secret", "limit", "timeout", "networks")
    limit, timeout = body.get("limit"), body.get("timeout")
    if limit is not None:
        limit = _whole(limit)
        if limit is None or not 1 <= limit <= MAX_PEERS:
            raise InvalidConfig(
                f"limit={body['limit']!r:.40} is not a number of peers", hint="a whole number above 0"
            )
    if timeout is not None:
        timeout = _seconds("timeout", timeout, MIN_TIMEOUT, MAX_TIMEOUT)
    return LookupWish(_swarm(body), _secret(body), limit, timeout, _networks(body))


def announcement_wish(body: Mapping[str, Any]) -> AnnouncementWish:
    """What an announcement's body asks for. Raises InvalidSwarmName, InvalidEndpoint or InvalidConfig."""
    _known(body, "swarm", "key", "secret", "port", "host", "data", "lease")
    port, host, data = _whole(body.get("port")), body.get("host"), body.get("data")
    if port is None:
        raise InvalidConfig(
            f"port={body.get('port')!r:.40} is not a port", hint="give the one that your program listens on"
        )
    if host is not None and not isinstance(host, str):
        raise InvalidConfig(f"host={host!r:.40} is not text", hint='leave it out for "mine"')
    if data is not None and not isinstance(data, str):
        raise InvalidConfig(f"data={data!r:.40} is not text", hint="members are told at most 512 bytes of it")
    lease = LEASE if body.get("lease") is None else _seconds("lease", body["lease"], MIN_LEASE, MAX_LEASE)
    content = _encoded("data", data or "")
    if len(content) > MAX_DATA:
        raise InvalidConfig(f"data of {len(content)} bytes is too long", hint=f"at most {MAX_DATA} bytes")
    if content and body.get("secret") is None:
        raise InvalidConfig("data is told to the members of a private swarm", hint="name its secret")
    endpoint = KnownHost(host if host is not None else "0.0.0.0", port)
    if endpoint.family is None and endpoint.host and not HOST_NAME.fullmatch(endpoint.host):
        raise InvalidEndpoint(
            f"{endpoint.host[:60]!r} is not a host's name",
            hint="letters, digits, hyphens and dots, as in DNS",
        )
    return AnnouncementWish(_swarm(body), _secret(body), endpoint, content, lease)


def query_of(request: Request, *fields: str) -> dict[str, str]:
    """What a request's query says. Raises UsageError for what is no field, or is there twice."""
    found: dict[str, str] = {}
    for field, value in request.query_params.multi_items():
        if field in found:
            raise UsageError(f"{field!r:.80} is there twice")
        found[field] = value
    _known(found, *fields)
    return found


def swarm_wish(parameters: Mapping[str, Any]) -> SwarmWish:
    """The swarm that a query names. Raises InvalidSwarmName or InvalidConfig."""
    return SwarmWish(_swarm(parameters), _secret(parameters))


def _swarm(body: Mapping[str, Any]) -> str | SwarmKey:
    name, key = body.get("swarm"), body.get("key")
    if (name is None) == (key is None):
        raise InvalidSwarmName(
            "one swarm is looked for", hint='give "swarm", its name, or "key", 40 hex digits'
        )
    if key is not None:
        if not isinstance(key, str) or len(key) > MAX_KEY:
            raise InvalidSwarmName(f"{key!r:.80} is not a swarm's key", hint="40 hexadecimal digits")
        return SwarmKey.parse(key)
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise InvalidSwarmName("a swarm's name is text", hint=f"of at most {MAX_NAME} characters")
    swarm_key(name)
    return name


def _secret(body: Mapping[str, Any]) -> str | None:
    secret = body.get("secret")
    if secret is not None and not isinstance(secret, str):
        raise InvalidConfig("a secret is named by text", hint="the name of one of the daemon's files")
    return secret


def _networks(body: Mapping[str, Any]) -> Mapping[str, frozenset[str]] | None:
    networks = body.get("networks")
    if networks is None:
        return None
    if not isinstance(networks, dict) or not all(map(_is_list_of_text, networks.values())):
        raise InvalidConfig(
            f"networks={networks!r:.80} is no object of lists", hint='such as {"mainline": ["host:port"]}'
        )
    return {name: frozenset(contacts) for name, contacts in networks.items()}


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _known(body: Mapping[str, Any], *fields: str) -> None:
    for field in body:
        if field not in fields:
            raise UsageError(f"{field!r:.80} is not a field", hint=f"there are: {', '.join(fields)}")


def _whole(value: object) -> int | None:
    """A whole number; JSON has one kind of numbers, so that 1.0 is one too. None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _encoded(name: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidConfig(f"{name} is not valid Unicode") from None


def _seconds(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise InvalidConfig(f"{name}={value!r:.40} is not a number of seconds")
    if not least <= value <= most:
        raise InvalidConfig(f"{name}={value!r:.40} is out of bounds", hint=f"{least:g} to {most:g} seconds")
    return float(value)
