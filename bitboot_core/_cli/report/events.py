"""What the command line has to tell: one class an event, each with its JSON object and its line for people.

Both are for programs too, so both stay as they are: a script may read `peer: 127.0.0.1:6881 …` as
well as the JSON.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Self

from ...errors import BitBootError
from ...identity import fingerprint
from ...model import KnownHost, Peer
from . import plain
from .escaping import escaped
from .plain import count
from .wording import as_options


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `name` is what JSON calls "event", and the line's first word."""

    name: ClassVar[str]

    def as_json(self) -> dict[str, object]:
        """The object that `--json` prints."""
        return {"event": self.name, **dataclasses.asdict(self)}

    def text(self) -> str:
        """The line for people, after its first word."""
        raise NotImplementedError

    def lines(self) -> list[str]:
        """All lines for people, safe to show: `text`, and what stands below it."""
        return [escaped(self.text())]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Event):
    """A network can be used."""

    name = "ready"
    network: str
    backend: str
    listen: str
    contacts: int

    def text(self) -> str:
        return plain.ready(self.network, self.backend, self.listen, self.contacts)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """The demo's own network runs."""

    name = "started"
    network: str
    nodes: int

    def text(self) -> str:
        return f"{self.network} of {count(self.nodes, 'node')} on this machine alone"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Announced(Event):
    """A network stored an announcement, for the first time or again. `port`: where several peers are.

    `could_store`: how many nodes could have stored it, where that is far more.
    """

    name = "announced"
    swarm: str
    network: str
    stored_on: int
    expires_in: float
    port: int | None = None
    could_store: int | None = None

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        port = "" if self.port is None else f"port {self.port}, "
        of = "" if self.could_store is None else f"{self.stored_on} of "
        stored = of + count(self.could_store or self.stored_on, "node")
        return f"{self.swarm} on {self.network}, {port}stored on {stored}, expires in {self.expires_in:g} s"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerFound(Event):
    """A peer of a swarm that was looked up.

    `peer_id`: on networks whose nodes have such ids (libp2p). `member`: in a private swarm, the public key.
    """

    name = "peer"
    swarm: str
    host: str
    port: int
    sources: Sequence[str]
    peer_id: str | None = None
    member: str | None = None

    @classmethod
    def of(cls, swarm: str, peer: Peer) -> Self:
        """The event that tells of `peer`."""
        return cls(
            swarm=swarm,
            host=peer.host,
            port=peer.port,
            sources=list(peer.sources),
            peer_id=peer.peer_id,
            member=None if peer.member is None else peer.member.hex(),
        )

    @property
    def endpoint(self) -> str:
        """Where it is, as people write it."""
        return str(KnownHost(self.host, self.port, self.peer_id))

    def environment(self) -> dict[str, str]:
        """What a program that is started for this peer finds in its environment."""
        member = {} if self.member is None else {"BITBOOT_MEMBER": self.member}
        return {
            "BITBOOT_PEER": self.endpoint,
            "BITBOOT_HOST": self.host,
            "BITBOOT_PORT": str(self.port),
            "BITBOOT_SWARM": self.swarm,
            **member,
        }

    @property
    def fingerprint(self) -> str:
        """Who it is in a private swarm, as people compare it; "" elsewhere."""
        return "" if self.member is None else fingerprint(bytes.fromhex(self.member))

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        member = "" if self.member is None else f", member {self.fingerprint}"
        return f"{plain.peer(self.endpoint, self.sources)}{member}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Joined(PeerFound):
    """A peer was seen in a swarm that is watched, and was not there before."""

    name = "peer-joined"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Left(PeerFound):
    """A peer of a swarm that is watched has not been seen for long. `sources`: who told of it before."""

    name = "peer-left"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Done(Event):
    """The command has done what it was asked. `peers` is None where none were asked for.

    `unproved`: how many did not prove to be members of a private swarm.
    """

    name = "done"
    swarm: str
    peers: int | None = None
    seconds: float
    unproved: int | None = None

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        if self.peers is None:
            return f"{self.swarm}, after {self.seconds:g} s"
        others = f", {self.unproved} did not prove to be members" if self.unproved else ""
        return f"{plain.done(self.swarm, self.peers, self.seconds)}{others}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cost(Event):
    """What a lookup cost the node that made it: datagrams both ways, milliseconds to the last peer."""

    name = "cost"
    datagrams: int
    milliseconds: float

    def text(self) -> str:
        return f"{count(self.datagrams, 'datagram')} both ways, {self.milliseconds:g} ms"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """Something failed: all of it, or one `network` of several while the others went on."""

    name = "error"
    error: str
    message: str
    hint: str
    network: str | None = None

    @classmethod
    def of(cls, error: BaseException, *, network: str | None = None) -> Failed:
        """The event that tells of `error`."""
        hint = error.hint if isinstance(error, BitBootError) else ""
        return cls(
            error=type(error).__name__, message=as_options(str(error)), hint=as_options(hint), network=network
        )

    def as_json(self) -> dict[str, object]:
        fields = Event.as_json(self)
        if self.network is None:
            del fields["network"]
        return fields

    def text(self) -> str:
        where = f"{self.network}: " if self.network else ""
        return f"{where}{self.message}"

    def lines(self) -> list[str]:
        hint = [f"hint: {escaped(self.hint)}"] if self.hint else []
        return [escaped(self.text()), *hint]
