"""Whether a node serves others, in one IP family: one that strangers cannot reach had better not (BEP 43).

Behind a NAT a node is reached by those whom it has just written to, and by nobody else. It would get into
tables all the same, and everybody who learns of it there would wait for nothing. So it is read-only there: it
says so in its queries, and answers none. Three things make it serve:

- No NAT is in between: the address from which this machine writes to the internet is public, and others see
  the node at that, or at another of this machine's.
- Strangers have called, which shows that they get through (`Reach.is_called`).
- A router was asked to let them in to the port that others see the node at (`mapped_port`).

Local networks are served in any case: there is no NAT between their machines.
"""

from __future__ import annotations

from typing import Protocol

from ..table.reach import Reach
from ..wire.compact import scope

LOOK_EVERY = 10.0
"""Seconds for which what the machine says of its addresses is taken to hold."""


class Machine(Protocol):
    """What a node wants to know of the machine that it runs on."""

    def outward(self, family: int) -> bytes | None:
        """The IP address from which it writes to the internet; None where there is no way."""

    def has(self, ip: bytes) -> bool:
        """Whether an IP address belongs to it."""


class Serving:
    """The rule for one family. Without a `machine` no NAT is assumed."""

    def __init__(self, family: int, reach: Reach, machine: Machine | None) -> None:
        self.mapped_port: int | None = None
        """The outside port by which a router lets strangers in."""
        self._family = family
        self._reach = reach
        self._machine = machine
        self._looked: tuple[float, bytes | None] | None = None
        self._behind_nat = False

    def is_on(self, now: float) -> bool:
        """Whether the node is to serve the internet."""
        return not self._is_behind_nat(now) or self._reach.is_called(now) or self._is_mapped()

    def _is_mapped(self) -> bool:
        # Others call where they see us: a mapping to another port is of no use to them.
        return self.mapped_port is not None and self._reach.outside_port in (None, self.mapped_port)

    def _is_behind_nat(self, now: float) -> bool:
        if self._machine is None:
            return False
        elected = self._reach.outside
        if self._looked is None or now >= self._looked[0] + LOOK_EVERY or elected != self._looked[1]:
            self._looked = now, elected
            own = self._machine.outward(self._family)
            self._behind_nat = own is not None and (
                scope(own) != "public"
                or (elected is not None and elected != own and not self._machine.has(elected))
            )
        return self._behind_nat
