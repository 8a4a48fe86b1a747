"""Which address others see us at: a vote, since no single stranger can be believed (BEP 42)."""

from __future__ import annotations

from collections import Counter, OrderedDict

from ..wire.compact import Address, scope, subnet

QUORUM = 5
"""Voters from so many networks of their own must agree."""

MAX_VOTERS = 32
"""Only the latest votes count, so that a change of address is noticed."""


class ExternalAddress:
    """Collects what `ip` fields say, one vote per /24 (IPv6: /64) of the senders."""

    def __init__(self) -> None:
        self._votes: OrderedDict[bytes, bytes] = OrderedDict()
        self.ip: bytes | None = None
        """The address that was elected last: 4 or 16 bytes."""

    def vote(self, voter: Address, claim: bytes | None) -> bool:
        """A node at `voter` says that we are at `claim`. True where that changes the result.

        Nonsense, local addresses, and voters on local networks do not count.
        """
        if claim is None or len(claim) != len(voter) or scope(voter[:-2]) != "public":
            return False
        ip = claim[:-2]
        if scope(ip) != "public":
            return False
        network = subnet(voter)
        if self._votes.get(network) == ip:
            self._votes.move_to_end(network)
            return False  # the same vote as before, which has been counted
        self._votes.pop(network, None)
        self._votes[network] = ip
        if len(self._votes) > MAX_VOTERS:
            self._votes.popitem(last=False)
        if ip == self.ip:
            return False  # nobody else has more votes for that
        winner, count = Counter(self._votes.values()).most_common(1)[0]
        if count < QUORUM or 2 * count <= len(self._votes) or winner == self.ip:
            return False
        self.ip = winner
        return True
