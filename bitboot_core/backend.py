"""What a plugin's author implements: a `Backend`, described by a `BackendSpec`.

A backend speaks one protocol to one network. It knows nothing of names, renewal, merging or
retries: the core does those once, for all. What it must do is listed at each method; the contract
kit in `bitboot_core.testing` checks it.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from .early_lookups import EarlyLookups
from .errors import UnsupportedOperation
from .item_methods import ItemMethods
from .model import KEY_BYTES, KnownHost
from .reports import Place, Receipt

if TYPE_CHECKING:
    from pathlib import Path

    from .routing_table import RoutingContact
    from .swarm_size import SwarmSize

__all__ = [
    "API_VERSION",
    "Announces",
    "Backend",
    "BackendConfig",
    "BackendSpec",
    "Capabilities",
    "RequestHandler",
    "Scope",
]

PROJECT_NAME = "bitboot"
"""The pluggy project name, and the entry-point group."""

API_VERSION = 1
"""What a plugin's module states as `BITBOOT_API`."""


RequestHandler: TypeAlias = Callable[[KnownHost, bytes], bytes | None]
"""Takes where a request came from, and its payload; gives the answer or None. See `Backend.on_request`."""


class Announces(enum.Enum):
    """Whose address a backend can announce."""

    ANY_ADDRESS = "any"
    OWN_ADDRESS = "own"


class Scope(enum.Enum):
    """How far away a peer can be and still be found."""

    PROCESS = "process"
    LAN = "lan"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can do, stated before it is asked.

    `can_withdraw`: whether an announcement can be taken back. `announces`: any address, or only
    one of this node's own (BEP 5 stores the packet's source address). `scope`: how far away a peer
    may be. `families`: the IP versions that can be announced and found. `max_lifetime`: the longest
    lifetime that is granted, in seconds. `key_bytes`: the length of a key. `crowd`: from this many
    peers under one key on, a lookup may miss some. Then the core reads the
    swarm's shards too (`bitboot_core._swarms.shards`), and announces under one of them as well. None:
    a key holds any number, and a lookup finds all. `own_port`: whether port 0 can be announced, for
    "mine": it stands for the port that others see this node itself at. `transport`: what its
    own port carries. `max_request`: the longest payload of a request and of its answer, in bytes; 0: it
    carries none. A backend that carries requests has `own_port`: a node is asked where it is announced.
    `sizes`: whether it can tell how large a swarm is without its peers (`Backend.size`).
    `items`: whether the network's nodes keep items (BEP 44), see `Backend.publish`. `early_lookups`: whether
    it looks up before it is in touch (`Backend.lookup_through`).
    """

    can_withdraw: bool
    announces: Announces
    scope: Scope
    families: frozenset[int] = frozenset({4, 6})
    max_lifetime: float = 1800.0
    key_bytes: int = KEY_BYTES
    crowd: int | None = None
    own_port: bool = False
    transport: Literal["tcp", "udp"] = "udp"
    max_request: int = 0
    sizes: bool = False
    items: bool = False
    early_lookups: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendConfig:
    """What the core tells a backend when it makes one.

    `network` and `protocol`: the network that it is to speak to. `listen`: where to listen; None
    leaves the choice to the backend, port 0 is any free port, "localhost" becomes 127.0.0.1.
    `state_dir`: a folder of the user's for whatever the backend wants to keep, or None to keep nothing.
    `read_only`: only ask and announce, serve nobody (a short-lived client, BEP 43); a backend without
    such a mode ignores it.
    """

    network: str
    protocol: str
    listen: KnownHost | None = None
    state_dir: Path | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.listen is not None and self.listen.host.lower().rstrip(".") == "localhost":
            # Some resolvers give ::1 first, and then the node would speak IPv6 only.
            object.__setattr__(self, "listen", KnownHost("127.0.0.1", self.listen.port))


class Backend(EarlyLookups, ItemMethods, ABC):
    """One node of one network.

    Everything runs on the event loop that `start` was called on, and no method blocks it. Every
    await may be cancelled, and leaves nothing behind when it is. Used before `start` or after
    `aclose`, a method raises NotRunning.
    """

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this backend can do. Does not change once it is started."""

    @abstractmethod
    async def start(self) -> None:
        """Open sockets and begin to serve, without waiting for any other node.

        Raises ListenFailed, or BackendUnavailable where it cannot work at all.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Stop, within 2 seconds, and leave no task, socket or thread. May be called twice."""

    @abstractmethod
    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Store `endpoint` under `key` for about `lifetime` seconds. Once: the core renews.

        An endpoint whose host is "any" (see KnownHost.is_any) means this node's own address.
        Returns how many nodes stored it and the lifetime they granted. Raises AnnounceFailed where
        none did, UnsupportedOperation before anything is sent where the capabilities rule it out.
        """

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Take an announcement back. Only where `capabilities.can_withdraw`."""
        raise UnsupportedOperation(
            f"{type(self).__name__} cannot withdraw an announcement: it expires by itself",
            hint="look at capabilities.can_withdraw first",
        )

    @abstractmethod
    def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Yield the peers under `key` as they arrive, and end by itself.

        May repeat a peer. An async generator is the plain way to write it; whoever reads one must
        close it (`contextlib.aclosing`), since one left half-read is finalised by the garbage
        collector, at any time and in no task. The core does.
        """

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Ask the node at `endpoint`, an IP address and port; what its handler answers (`on_request`).

        Only where `capabilities.max_request` is not 0. Sent once: what is lost on the way is not repeated.
        Raises BackendTimeout where no answer has come within `timeout` seconds, RequestRefused where the node
        says that it has none, UnsupportedOperation for a longer payload, or an endpoint that cannot be asked.
        """
        raise UnsupportedOperation(
            f"{type(self).__name__} carries no requests", hint="look at capabilities.max_request first"
        )

    def on_request(self, handler: RequestHandler | None) -> None:
        """Have `handler` answer what other nodes request, from now on; None: nobody any more.

        It is called on the event loop and must be quick. An answer is at most as long as the payload was: a
        forged sender's address gets nobody sent more than the forger sent. Where the handler gives None, the
        node does as one without a handler, byte for byte. A request may come twice.
        """
        raise UnsupportedOperation(
            f"{type(self).__name__} carries no requests", hint="look at capabilities.max_request first"
        )

    async def size(self, key: bytes) -> SwarmSize:
        """About how many peers are under `key`, without fetching them. Only where `capabilities.sizes`.

        What one node alone says is not to be believed where others were asked too. Raises BackendTimeout
        where nodes were asked and none of them answered: that is not an empty swarm.
        """
        raise UnsupportedOperation(
            f"{type(self).__name__} cannot tell how large a swarm is",
            hint="count the peers that a lookup finds",
        )

    @abstractmethod
    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Make contact with the network through `contacts`; return how many of them answered.

        Names are resolved here (`bitboot_core.aio.resolve`). Raises BootstrapFailed, naming them,
        where none answered, HostNotFound where no name resolves and waiting will not help
        (`bootstrap_failure` there knows). No contacts: returns 0.
        """

    @abstractmethod
    def contacts(self) -> list[KnownHost]:
        """Nodes that answered recently, best first: where to start from next time."""

    def routing_table(self) -> Sequence[RoutingContact]:
        """The nodes that it keeps, with their XOR distances, for people to look at: in any order.

        To be asked again and again: it sends nothing. Empty by default, and where nodes have no ids.
        """
        return ()

    @property
    @abstractmethod
    def address(self) -> KnownHost:
        """Where it listens."""

    @property
    def seen_at(self) -> Collection[str]:
        """The addresses that other nodes see this one at, as far as it knows: hosts, without ports.

        Where they change, an announcement of "mine" is made again. None by default: then only `address`
        is watched.
        """
        return ()

    @property
    def places(self) -> Mapping[int, Place]:
        """By IP version (4, 6), whether others can reach this node, and where they see it, where it knows.

        To be asked again and again: it sends nothing. Empty by default: nothing is known.
        """
        return {}

    def on_moved(self, handler: Callable[[], None]) -> None:
        """Call `handler` whenever `address` or `seen_at` has changed, on the event loop.

        Called once, after `start`. By default it is never called: the core looks once a minute.
        """

    def mapped_at(self, outside: Mapping[int, KnownHost]) -> None:
        """The router lets others in to the port that it listens on, there by IP version (4, 6).

        Called with `BitBootConfig(map_ports=True)` alone, whenever that changes; empty: no longer. By default
        nothing is made of it.
        """

    @abstractmethod
    def stats(self) -> Mapping[str, int | float]:
        """Counters for people to look at: datagrams, stored keys and the like.

        Any names will do. Those that the command line and `bitboot serve` know what to make of: `sent` and
        `received` (datagrams), `sent_bytes` and `received_bytes` (what they carried), `stored_keys` and
        `stored_peers` (what is held for others), `nodes_ipv4` and `nodes_ipv6` (about how many nodes the
        network has, 0 while that is not known) with `..._low` and `..._high`.
        """


def _works_here() -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """A backend that a plugin offers.

    `name`: what people call it ("btdht"). `protocols`: those it speaks; it can serve any network
    whose definition names one of them. `factory` makes one; it imports its library when called,
    not before. `description`: a line for people. `unavailable`: why it cannot work here, as text,
    or None where it can; it must be quick and import nothing heavy. `testnet`: where a network of
    this kind can be had without the world, a function that starts this many nodes on loopback for as
    long as the context lasts and gives the contacts to bootstrap from (`bitboot demo` shows it);
    like the factory it imports its library when called. `build`: how it was built, as text, where it
    can be had built in several ways ("compiled"), and "" where not.
    """

    name: str
    protocols: Sequence[str]
    factory: Callable[[BackendConfig], Backend]
    description: str = ""
    unavailable: Callable[[], str | None] = field(default=_works_here)
    testnet: Callable[[int], AbstractAsyncContextManager[Sequence[KnownHost]]] | None = None
    build: str = ""
