"""What `secret=` makes of an announcement, a lookup, a watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...model import KnownHost
from ..arguments import swarm_names
from ..keys import SwarmName, SwarmNames
from ..use import Context
from .announcement import PrivateAnnouncement
from .lookup import PrivateLookup
from .membership import Membership, Memberships
from .record import check_endpoint, checked_data
from .secret import SwarmSecret, checked_secret, private_name
from .watch import PrivateWatch

if TYPE_CHECKING:
    from ..ports.mapping import PortMapping


class PrivateSwarms:
    """The private swarms of one BitBoot."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._memberships = Memberships(context)

    def of(self, swarms: SwarmNames, secret: SwarmSecret) -> list[Membership]:
        """The memberships that are meant, each once. Raises InvalidSwarmName, InvalidConfig."""
        given = swarm_names(swarms)
        names = dict.fromkeys(map(private_name, given))
        return [self._memberships.of(name, checked_secret(secret)) for name in names]

    def announcement(
        self,
        swarms: SwarmNames,
        secret: SwarmSecret,
        endpoint: KnownHost,
        data: bytes,
        *,
        mapping: PortMapping | None,
        **options: Any,
    ) -> PrivateAnnouncement:
        """Raises as `of`, and InvalidEndpoint. `options`: those of an Announcement."""
        check_endpoint(endpoint)
        return PrivateAnnouncement(
            self._context, self.of(swarms, secret), endpoint, checked_data(data), mapping=mapping, **options
        )

    def lookup(
        self, swarms: SwarmNames, secret: SwarmSecret, *, limit: int | None, timeout: float
    ) -> PrivateLookup:
        """Raises as `of`."""
        return PrivateLookup(self._context, self.of(swarms, secret), limit=limit, timeout=timeout)

    def watch(self, swarm: SwarmName, secret: SwarmSecret, *, timeout: float) -> PrivateWatch:
        """Raises as `of`."""
        (membership,) = self.of(swarm, secret)
        return PrivateWatch(self._context, membership, timeout=timeout)
