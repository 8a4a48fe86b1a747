"""Who was seen in a swarm on one network, when, and how often missed since.

The rule, for each network on its own:

- a scan that fails, or is cut short, says nothing of anybody;
- a peer is gone from a network when MISSES scans in a row ended well without it, and it was last
  seen at least GONE_AFTER seconds ago. Where each scan overlooks 30 % of the peers, one that is there
  is taken for gone once in 0.3 ** -16, that is in 200 million sights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import BitBootError
from ..model import KnownHost

MISSES = 16
GONE_AFTER = 600.0
SILENT_AFTER = 3600.0

MAX_PEERS = 1 << 16
"""How many peers of a swarm are followed: newcomers beyond that have to wait until somebody leaves."""


@dataclass(slots=True, eq=False, repr=False)
class Sight:
    """How one peer stands on one network, which told of it itself or inherited it."""

    seen: float
    misses: int = 0
    inherited: bool = False

    def is_gone(self, now: float) -> bool:
        """Whether it is there no more."""
        return self.misses >= MISSES and now - self.seen >= GONE_AFTER


class Sights:
    """What one network told of a swarm."""

    def __init__(self, now: float) -> None:
        self.by_host: dict[KnownHost, Sight] = {}
        self.scans = 0
        self.failure: BitBootError | None = None
        self._answered = now

    def saw(self, host: KnownHost, now: float) -> bool:
        """Take note of a peer. False where there is no room for it."""
        sight = self.by_host.get(host)
        if sight is not None:
            sight.seen, sight.misses, sight.inherited = now, 0, False
        elif len(self.by_host) >= MAX_PEERS:
            return False
        else:
            self.by_host[host] = Sight(now)
        return True

    def inherit(self, sights: Mapping[KnownHost, Sight]) -> None:
        """Look for these peers too, whom nobody else looks for any more."""
        for host, sight in sights.items():
            if len(self.by_host) < MAX_PEERS:
                self.by_host.setdefault(host, Sight(sight.seen, inherited=True))

    def scanned(self, began: float, now: float) -> list[KnownHost]:
        """A scan has ended well. Who was not seen in it."""
        self._answered = now
        missing = [host for host, sight in self.by_host.items() if sight.seen < began]
        for host in missing:
            self.by_host[host].misses += 1
        return missing

    def is_missing_somebody(self, now: float) -> bool:
        """Whether there is a peer that was missed, and is not gone yet."""
        return any(sight.misses and not sight.is_gone(now) for sight in self.by_host.values())

    def tells_of(self, host: KnownHost, now: float) -> bool:
        """Whether the network itself told of a peer that is not gone from it."""
        sight = self.by_host.get(host)
        return sight is not None and not sight.inherited and not sight.is_gone(now)

    def is_silent(self, now: float) -> bool:
        """Whether it has not answered for so long that it has no say."""
        return now - self._answered >= SILENT_AFTER


def has_left(host: KnownHost, networks: Iterable[Sights], now: float) -> bool:
    """Whether a peer has left the swarm: it is gone from every network that told of it.

    A network that has not answered for SILENT_AFTER seconds, longer than records live, has no say
    where another one does answer.
    """
    told = [one for one in networks if host in one.by_host]
    gone = [one for one in told if one.by_host[host].is_gone(now)]
    silent = [one for one in told if one not in gone and one.is_silent(now)]
    return len(gone) + (len(silent) if gone else 0) == len(told)
