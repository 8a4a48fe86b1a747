"""Every number that a node goes by, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from .origins import Spread

_SPREAD = Spread(per_source=2, per_network=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Sizes, times (seconds) and caps."""

    # The network
    k: int = 20
    """Nodes that store an announcement, contacts in a bucket and in an answer, as in the library."""
    quorum: int = 8
    """A lookup of peers ends when so many of the closest nodes that live have answered."""
    agreement: int = 3
    """... or already when this many have answered first, and hold the very same peers."""
    alpha: int = 4
    """Requests of one lookup under way at once; slow ones do not count."""
    max_lifetime: float = 7200.0
    """The longest that an announcement is kept."""

    # Patience
    slow_floor: float = 0.1
    """A request is sent again, and another node asked beside it, no earlier than this."""
    slow_ceiling: float = 0.5
    """... and no later than this."""
    timeout_floor: float = 0.5
    """A request has failed no earlier than this."""
    timeout_ceiling: float = 2.0
    """... and no later than this. It is about 1 second before anything has been measured."""

    # Dead nodes
    shunned_for: float = 15.0
    """How long a node that did not answer is left alone; four times as long at each further failure."""
    shunned_at_most: float = 900.0
    max_failures: int = 5
    """Failures in a row after which a contact is forgotten, unless we know nobody who answers."""
    max_suspects: int = 2_048
    """Addresses remembered as silent."""

    # Upkeep
    upkeep_every: float = 30.0
    """How often lapsed peers are dropped and silent contacts asked for a sign of life."""
    quiet_after: float = 300.0
    """A contact not heard from for so long is asked for a sign of life."""
    checks_per_upkeep: int = 16
    heal_every: float = 600.0
    """How often a node compares what it holds with its neighbours, newcomers apart."""
    min_handed_lifetime: float = 10.0
    """Peers that expire sooner are not handed on, so that no two nodes can keep one alive between them."""

    # What strangers may ask
    amplification: int = 3
    """Whoever has not shown that it can receive at its address is answered with this many times its bytes."""
    calls_per_stranger: float = 20.0
    """Calls a second, of one source without a token, that are read ..."""
    calls_per_strange_network: float = 80.0
    """... of one network ..."""
    calls_of_strangers: float = 1_000.0
    """... and of all together, those of our contacts not counted."""
    calls_per_source: float = 200.0
    """Calls a second of one source with a token that are read ..."""
    calls_per_network: float = 800.0
    """... and of one network."""
    value_bytes_per_source: float = 2_500.0
    """Bytes a second of long values for one source that runs the bare library, and so has no token ..."""
    value_bytes_per_network: float = 10_000.0
    """... and those of one network."""
    max_introduced: int = 4_096
    """Addresses remembered as having answered us: only such may store without a token ..."""
    introduced_for: float = 600.0
    """... and for how long."""
    max_held_tokens: int = 2_048
    """Tokens of others that we remember."""

    # Healing
    heal_useless: int = 256
    """Requests to one source that bring nothing, in the time of `heal_every` ..."""
    heal_requests: int = 8_192
    """... and requests to it in all, after which it is left alone until the next."""

    # Caps on what strangers can make grow
    max_keys: int = 4_096
    max_peers: int = 16_384
    """Peers held here, all keys together."""
    max_peers_per_key: int = 2_048
    max_value_slots: int = 512
    """Room for values of nodes that run the bare library: this many times 2 KiB."""
    max_contacts_per_source: int = 32
    """Contacts in the table with one IPv4 address, or of one IPv6 /64. Not on loopback, which all share."""
    spread: Spread = _SPREAD
    """Of one source (an IPv4 address, an IPv6 /64) and of one network (a /24, a /48) this many are preferred:
    in a bucket, in an answer, and among the nodes that a lookup waits for. Others come after whoever is
    elsewhere. Holds for public addresses only."""
    max_told: int = 20
    """Nodes that one network has told a lookup of that have not answered yet; anew at each detour."""
    window: int = 32
    """Requests under way at once, all together, without the slow; more wait in line."""
    max_outstanding: int = 8_192
    """Requests under way or in line; beyond that they fail at once."""
    max_verifications: int = 64
    """Greetings under way to nodes that we heard of from themselves."""
    max_healing: int = 256
    """Contacts that wait to be compared with."""
    max_queries: int = 200
    """A lookup asks no more nodes, whatever strangers still suggest."""
    max_candidates: int = 256
    """Nodes that a lookup keeps in mind: the closest."""
    max_pages: int = 256
    """Further parts of answers that a lookup reads, all nodes together."""
    max_found: int = 10_000
    """Peers that one lookup takes."""
    reply_bytes: int = 1_200
    """Our own answers are no longer than this, to pass unfragmented (IPv6's smallest MTU is 1,280)."""
    max_datagram: int = 8_300
    """Longer datagrams are dropped unread: the library sends at most 8,213 bytes."""
