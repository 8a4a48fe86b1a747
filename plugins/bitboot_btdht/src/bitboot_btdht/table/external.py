"""Which address others see us at: a vote, since no single stranger can be believed (BEP 42)."""

from __future__ import annotations

from collections import Counter, OrderedDict

from ..wire.compact import Address, scope, subnet

QUORUM = 5
"""Voters from so many networks of their own must agree."""

MAX_VOTERS = 32
"""Only the latest votes count."""


class ExternalAddress:
    """Collects what `ip` fields say, one vote per /24 (IPv6: /64) of the senders."""

    def __init__(self) -> None:
        self._votes: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()  # by network: for whom, and when
        self.ip: bytes | None = None
        """The address that was elected last: 4 or 16 bytes."""
        self.in_doubt: bool = False
        """Whether there is a new vote for another address than that."""

    def vote(self, voter: Address, claim: bytes | None, now: float) -> bool:
        """A node at `voter` says that we are at `claim`. True where that changes the result.

        Nonsense, local addresses, and voters on local networks do not count.
        """
        if claim is None or len(claim) != len(voter) or scope(voter[:-2]) != "public":
            return False
        ip = claim[:-2]
        if scope(ip) != "public":
            return False
        before, _ = self._votes.pop(subnet(voter), (None, 0.0))
        self._votes[subnet(voter)] = ip, now
        if len(self._votes) > MAX_VOTERS:
            self._votes.popitem(last=False)
        if ip in (before, self.ip):
            return False  # nothing new, or nobody else has more votes for it
        self.in_doubt = self.ip is not None
        return self._elect()

    def recount(self, since: float) -> bool:
        """Only votes since then count any more: others were asked whether they stand by theirs.

        True where that changes the result. With too few votes left there is still a doubt.
        """
        for network in [network for network, (_, when) in self._votes.items() if when < since]:
            del self._votes[network]
        self.in_doubt = len(self._votes) < QUORUM
        return self._elect()

    def _elect(self) -> bool:
        votes = Counter(ip for ip, _ in self._votes.values())
        winner, count = max(votes.items(), key=lambda item: item[1], default=(None, 0))
        if count < QUORUM or 2 * count <= len(self._votes) or winner == self.ip:
            return False
        self.ip, self.in_doubt = winner, False
        return True
