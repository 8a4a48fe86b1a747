"""The plain things that everything else speaks of: hosts and peers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from functools import lru_cache, total_ordering
from typing import Literal

from .errors import InvalidEndpoint

__all__ = ["KnownHost", "Peer"]

KEY_BYTES = 20
"""The length of a swarm's key: SHA-1's, and that of BitTorrent's info-hashes (BEP 5)."""

_MAX_HOST_LENGTH = 253
"""The longest name that DNS can carry (RFC 1035, section 2.3.4)."""

_MAX_LABEL_LENGTH = 63
"""The longest that stands between two dots of one (the same)."""

_ANY_HOSTS = frozenset({"", "0.0.0.0", "::"})
"""Hosts that name no particular address. In an announcement they mean "mine"."""

AddressScope = Literal["machine", "link", "private", "public"]
"""How far away an address can be reached from: see `address_scope`."""


def address_scope(ip: str | bytes) -> AddressScope:
    """How far away an IP address, as text or packed, can be reached from. Raises ValueError for others.

    "machine": loopback. "link": link-local. "private": a network of one's own (RFC 1918, RFC 4193), what lies
    behind a carrier's NAT (100.64.0.0/10, RFC 6598), and ranges where nobody is (0.0.0.0, documentation,
    multicast, reserved). "public": the whole internet.

    The one place that decides it: to `ipaddress` 100.64.0.0/10 is neither private nor global.
    """
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_loopback:
        return "machine"
    if address.is_link_local:
        return "link"
    return "public" if address.is_global and not address.is_multicast else "private"


@total_ordering  # dataclass(order=True) would compile four methods more at each import
@dataclass(frozen=True, slots=True)
class KnownHost:
    """An endpoint: a host name or IP address, and a port from 0 to 65535.

    Port 0 means "any free port" where one is listened on. IPv6 addresses are kept in their
    shortest spelling, without brackets; IPv4 addresses mapped into IPv6 (::ffff:1.2.3.4, RFC 4291,
    section 2.5.5.2) become IPv4, so that one endpoint is never two. An IPv6 address may have a zone
    (`fe80::1%eth0`, RFC 4007, section 11): letters, digits, dots, hyphens and underscores, up to 32.
    Raises InvalidEndpoint for anything else, such as a name that is a number (`127.1`).

    `peer_id`: the id that whoever is there proves to have, on networks whose nodes have such ids
    (libp2p). It does not count where endpoints are compared.
    """

    host: str
    port: int
    peer_id: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_port(self.port)
        if not isinstance(self.host, str):
            raise InvalidEndpoint(f"{self.host!r:.60} is not a host", hint="give text: a name or IP address")
        object.__setattr__(self, "host", _checked_host(self.host))
        if self.peer_id is not None:
            _check_peer_id(self.peer_id)

    @classmethod
    def parse(cls, text: str) -> KnownHost:
        """Read "host:port", "1.2.3.4:port", "[v6]:port" or ":port" (any host), or a multiaddr.

        A multiaddr is one of TCP, with or without a peer id: "/ip4/1.2.3.4/tcp/4001/p2p/12D3Koo…"
        (https://github.com/multiformats/multiaddr). As such an endpoint with a peer id is written too.
        """
        if not isinstance(text, str):
            raise InvalidEndpoint(f"{text!r} is not an endpoint", hint="write it as HOST:PORT")
        if text.strip().startswith("/"):
            return cls(*_parsed_multiaddr(text.strip()))
        host, colon, port = text.strip().rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            colon = ""  # "::1" or "fe80::1:6881": where would the port begin?
        if not colon or not _PORT.fullmatch(port):
            raise InvalidEndpoint(
                f"{text[:200]!r} is not an endpoint",
                hint="write it as HOST:PORT, with an IPv6 address in brackets: [::1]:6881; "
                "a port is a whole number, 0 to 65535",
            )
        return cls(host, int(port))

    @property
    def family(self) -> int | None:
        """4 or 6 for an IP address, None for a name that has to be resolved first."""
        return _family_of(self.host)

    @property
    def is_any(self) -> bool:
        """Whether the host names no particular address ("", 0.0.0.0 or ::)."""
        return self.host in _ANY_HOSTS

    def __lt__(self, other: KnownHost) -> bool:
        if not isinstance(other, KnownHost):
            return NotImplemented
        return (self.host, self.port) < (other.host, other.port)

    def __str__(self) -> str:
        if self.peer_id is not None:
            kind = f"ip{self.family}" if self.family else "dns"
            return f"/{kind}/{self.host}/tcp/{self.port}/p2p/{self.peer_id}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@total_ordering
@dataclass(frozen=True, slots=True)
class Peer:
    """An endpoint that is announced in a swarm, and the networks that told us of it.

    Two peers are equal when their endpoints are: `sources` does not count. Nor does `peer_id`, the id
    that the peer proves to have where it is on a network with such ids (libp2p), nor what a private swarm
    tells: `member`, the public key of the identity that it has proved to be (32 bytes), and `data`, what
    its program says (at most 512 bytes). Both are None in a swarm that is not private.
    """

    host: str
    port: int
    sources: tuple[str, ...] = field(default=(), compare=False)
    peer_id: str | None = field(default=None, compare=False, repr=False)
    member: bytes | None = field(default=None, compare=False, repr=False)
    data: bytes | None = field(default=None, compare=False, repr=False)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as sockets take them: `asyncio.open_connection(*peer.address)`."""
        return self.host, self.port

    @property
    def endpoint(self) -> KnownHost:
        """The same host and port as a KnownHost."""
        return KnownHost(self.host, self.port, self.peer_id)

    def __lt__(self, other: Peer) -> bool:
        if not isinstance(other, Peer):
            return NotImplemented
        return (self.host, self.port) < (other.host, other.port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _check_port(port: int) -> None:
    if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
        raise InvalidEndpoint(f"{port!r} is not a port", hint="ports are whole numbers, 0 to 65535")


def _check_peer_id(peer_id: str) -> None:
    # Base58 or base32 (libp2p, "Peer Ids and Keys"); the longest in use, of RSA keys, have 62 characters.
    if not (isinstance(peer_id, str) and peer_id.isascii() and peer_id.isalnum() and len(peer_id) <= 128):
        raise InvalidEndpoint(f"{peer_id!r:.60} is not a peer id", hint="such as 12D3KooW…")


_MULTIADDR_HOSTS: dict[str, set[int | None]] = {
    "ip4": {4},
    "ip6": {6},
    "dns": {None},
    "dns4": {None},
    "dns6": {None},
}


def _parsed_multiaddr(text: str) -> tuple[str, int, str | None]:
    parts = text[1:].split("/")
    kind, host, tcp, port, p2p, peer_id = [*parts, *[""] * 6][:6]
    if (
        len(parts) not in {4, 6}
        or not host
        or KnownHost(host, 0).family not in _MULTIADDR_HOSTS.get(kind, set())
        or tcp != "tcp"
        or not _PORT.fullmatch(port)
        or (len(parts) == 6 and not (p2p in {"p2p", "ipfs"} and peer_id))
    ):
        raise InvalidEndpoint(
            f"{text[:200]!r} is not a multiaddr that can be used here",
            hint="write it as /ip4/1.2.3.4/tcp/PORT/p2p/PEER_ID (or /ip6/…, /dns/…)",
        )
    return host, int(port), peer_id or None


@lru_cache(maxsize=8192)
def _family_of(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host).version
    except ValueError:
        return None


@lru_cache(maxsize=8192, typed=True)
def _checked_host(host: str) -> str:
    address, percent, zone = host.partition("%")
    if percent and not (":" in address and _ZONE.fullmatch(zone)):
        raise InvalidEndpoint(
            f"{host[:60]!r} is not a host", hint="a zone stands after an IPv6 address, such as fe80::1%eth0"
        )
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        return _checked_name(host)
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _checked_name(name: str) -> str:
    if len(name) > _MAX_HOST_LENGTH or any(c.isspace() or not c.isprintable() or c in "[]/:@" for c in name):
        raise InvalidEndpoint(
            f"{name[:60]!r} is not a host",
            hint="give a name such as router.example.org or an IP address",
        )
    plain = name if name.isascii() else _with_plain_letters(name)
    if plain.startswith("-"):  # whoever hands it to a command would hand over an option
        raise InvalidEndpoint(f"{name!r} is not a host", hint="a host name cannot start with a hyphen")
    if _NUMBER.fullmatch(plain.rstrip(".").rpartition(".")[2]):
        # Resolvers take 127.1, 2130706433 and 0x7f000001 for 127.0.0.1 (inet_aton), and no top-level
        # domain is a number (RFC 3696, section 2).
        raise InvalidEndpoint(
            f"{name!r} is neither a name nor an IP address", hint="write an IPv4 address as 192.0.2.1"
        )
    if name and not _has_fit_labels(plain):
        # For such a name getaddrinfo raises UnicodeError, which is no OSError, as does whoever writes it.
        raise InvalidEndpoint(
            f"{name[:60]!r} is not a host",
            hint="between two dots stand 1 to 63 characters, as DNS carries them",
        )
    return name


def _with_plain_letters(name: str) -> str:
    """As resolvers read it (RFC 3490, section 3.1): with wide digits, dots and hyphens as the plain ones."""
    import unicodedata  # noqa: PLC0415 - most names are ASCII

    return unicodedata.normalize("NFKC", name).replace("\u3002", ".")


def _has_fit_labels(name: str) -> bool:
    """Whether DNS can carry each part of a name (RFC 1035, section 2.3.4; RFC 3490 where it is not ASCII)."""
    if name.isascii():
        return all(1 <= len(label) <= _MAX_LABEL_LENGTH for label in name.removesuffix(".").split("."))
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


_PORT = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9._-]{1,32}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
