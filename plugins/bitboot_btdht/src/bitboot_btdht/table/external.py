"""Which address and port others see us at: a vote, since no single stranger can be believed (BEP 42)."""

from __future__ import annotations

from collections import Counter

from ..wire.compact import Address, is_public, subnet

QUORUM = 5
"""Voters from so many networks of their own must agree."""

MAX_VOTERS = 32
"""Only the latest votes count."""

MOMENT = 30.0
"""Seconds within which the votes on the port must come. A NAT that forgets us takes another port for the
next datagram, which is no other port for each destination: NATs forget after 30 s at the earliest, most
of them after minutes (RFC 4787, section 4.3)."""


class _Vote:
    """For what, and when."""

    __slots__ = ("claim", "when")

    def __init__(self, claim: Address, when: float) -> None:
        self.claim: Address = claim
        self.when: float = when


class ExternalAddress:
    """Collects what `ip` fields say, one vote per /24 (IPv6: /64) of the senders."""

    def __init__(self) -> None:
        # By network. The latest is the last.
        self._votes: dict[bytes, _Vote] = {}
        self._claim = b""  # of the latest: nearly all say the same, so that it is kept once
        self.ip: bytes | None = None
        """The address that was elected last: 4 or 16 bytes."""
        self.port: int | None = None
        """The port there, 0 where each destination sees another one, None where that is not known."""
        self.in_doubt: bool = False
        """Whether there is a new vote for another address than that."""

    def vote(self, voter: Address, claim: bytes | None, now: float) -> bool:
        """A node at `voter` says that we are at `claim`. True where that changes the elected address.

        Nonsense, local addresses, and voters on local networks do not count.
        """
        if claim is None or len(claim) != len(voter) or not is_public(voter) or not is_public(claim):
            return False
        if claim != self._claim:
            self._claim = claim
        ip, network = claim[:-2], subnet(voter)
        before = self._votes.pop(network, None)
        self._votes[network] = _Vote(self._claim, now)
        if len(self._votes) > MAX_VOTERS:
            del self._votes[next(iter(self._votes))]
        if ip == self.ip:
            if (claim[-2] << 8 | claim[-1]) != (self.port or 0):
                self._judge_port()
            return False  # nobody else has more votes for it
        if before is not None and ip == before.claim[:-2]:
            return False  # nothing new
        self.in_doubt = self.ip is not None
        return self._elect()

    def recount(self, since: float) -> bool:
        """Only votes since then count any more: others were asked whether they stand by theirs.

        True where that changes the result. With too few votes left there is still a doubt.
        """
        for network in [network for network, vote in self._votes.items() if vote.when < since]:
            del self._votes[network]
        self.in_doubt = len(self._votes) < QUORUM
        return self._elect()

    def _elect(self) -> bool:
        if len(self._votes) < QUORUM:
            return False
        votes = Counter([vote.claim[:-2] for vote in self._votes.values()])
        winner, count = max(votes.items(), key=lambda item: item[1], default=(None, 0))
        if count < QUORUM or 2 * count <= len(self._votes) or winner == self.ip:
            return False
        self.ip, self.in_doubt, self.port = winner, False, None
        self._judge_port()
        return True

    def _judge_port(self) -> None:
        """One port for all, as two thirds of one moment's votes say, or another for each, as more than half.

        Too few votes, and those that say neither, change nothing.
        """
        latest = next(reversed(self._votes.values())).when
        ports = Counter(
            [
                int.from_bytes(vote.claim[-2:], "big")
                for vote in self._votes.values()
                if vote.claim[:-2] == self.ip and vote.claim[-2:] != b"\0\0" and vote.when >= latest - MOMENT
            ]
        )
        port, count = max(ports.items(), key=lambda item: item[1], default=(0, 0))
        if count >= QUORUM and 3 * count >= 2 * ports.total():
            self.port = port
        elif len(ports) >= QUORUM and 2 * count < ports.total():
            self.port = 0
