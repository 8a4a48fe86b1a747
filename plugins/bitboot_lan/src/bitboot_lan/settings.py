"""The numbers: those of BEP 14, and our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GROUPS: Mapping[int, str] = {4: "239.192.152.143", 6: "ff15::efc0:988f"}
"""The multicast groups of BEP 14, by IP version."""

PORT = 6771
"""Their port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Seconds, and counts. All but the defaults are for tests.

    `period`: between two announcements of a swarm; `pace`: between two announcements of this program,
    whatever their swarms (BEP 14: every 5 minutes, and no more than one a minute). `gather`: for so long
    the first announcement waits for others to share its datagram. `jitter`: answers are spread over so
    long. `ask_again` and `patience`: after the first question of a lookup, it asks again, and ends.
    `retry`: after an announcement that left from no address. `look_every`: between two looks at the
    interfaces.
    """

    groups: Mapping[int, str] = field(default_factory=lambda: GROUPS)
    port: int = PORT
    period: float = 300.0
    pace: float = 60.0
    gather: float = 0.1
    jitter: float = 0.25
    ask_again: float = 0.35
    patience: float = 0.75
    retry: float = 5.0
    look_every: float = 5.0
    max_lifetime: float = 1800.0
    """The longest that an announcement lives without renewal."""
    longest_kept: float = 3600.0
    """The longest that a peer is kept without being heard again, whatever it asks for."""
    max_peers: int = 16_384
    """Peers kept, all swarms together. When it is full the machine that announces most loses one."""
    max_peers_per_key: int = 2_048
    max_ports: int = 64
    """Ports of one machine kept in one swarm."""
    answers_per_second: float = 8.0
    questions_per_second: float = 5.0
    burst: float = 4.0
    """This many seconds' worth of answers, or of questions, may be sent at once."""
    received_per_second: float = 64.0
    """Datagrams of one machine that are read."""
    requests_per_second: float = 50.0
    """Requests of one machine for which the handler is asked."""
