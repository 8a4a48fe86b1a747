"""Where somebody with a known key is: their endpoints, published as an item, and read again.

The item has the salt `SALT`. Its value is text: a first line that says what it is, then an endpoint a line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from ..._networks.network import ActiveNetwork
from ...aio.clock import TimeUp, deadline
from ...aio.logs import logger
from ...aio.tasks import Signal
from ...errors import BitBootError, InvalidEndpoint
from ...identity import Identity
from ...items import MAX_BYTES, byte_string
from ...model import KnownHost
from ..announcement import Announcement
from ..use import Context, NetworkUser
from .publication import Publication

SALT = b"bitboot-endpoints"

HEADER = "bitboot-endpoints-1"

MAX_ENDPOINTS = 16
"""This many are published, and read, at most."""

LOOK_EVERY = 20.0
"""Seconds between looks at where this machine is, as others see it."""

log = logger(__name__)


def written(endpoints: Iterable[KnownHost]) -> bytes:
    """The value that tells of endpoints."""
    lines = [HEADER, *sorted(map(str, endpoints))][: 1 + MAX_ENDPOINTS]
    while len(value := "\n".join(lines).encode()) > MAX_BYTES:
        lines.pop()
    return value


def read(value: bytes) -> list[KnownHost]:
    """The endpoints that a value tells of, less those that nobody could connect to. Strangers write it."""
    header, *lines = value.decode("utf-8", "replace").split("\n")
    found = []
    for line in lines[:MAX_ENDPOINTS] if header == HEADER else ():
        with suppress(InvalidEndpoint):
            endpoint = KnownHost.parse(line)
            if endpoint.port and not endpoint.is_any:
                found.append(endpoint)
    return list(dict.fromkeys(found))


class PublishedEndpoints(NetworkUser):
    """The endpoints of an announcement under an identity's key, for as long as it is open.

    They are published anew whenever they change. Several of one BitBoot with the same identity publish all
    of theirs together.
    """

    what = "publication of endpoints"
    made_by = "join"

    def __init__(
        self, context: Context, identity: Identity, announcement: Announcement, timeout: float
    ) -> None:
        super().__init__(context)
        self.publication: Publication | None = None
        """What is published, once it is known where this machine is."""
        self._identity, self._announcement, self._timeout = identity, announcement, timeout
        self._networks: dict[str, ActiveNetwork] = {}
        self._woken = Signal()

    def open(self) -> None:
        super().open()
        self._wake_all()
        self._tasks.start(self._keep())

    async def leave(self, network: str) -> None:
        """Publish no more where it is announced there."""
        self._networks.pop(network, None)
        self._wake_all()

    # Inside

    def _use(self, network: ActiveNetwork) -> None:
        self._networks[network.name] = network
        self._tasks.start(self._listen(network))
        self._woken.notify()

    def _stop(self) -> None:
        self._wake_all()

    def _wake_all(self) -> None:
        for one in self._alike():
            one._woken.notify()

    def _alike(self) -> list[PublishedEndpoints]:
        """All of this BitBoot that publish under the same key."""
        return [
            one
            for one in self._context.users
            if isinstance(one, PublishedEndpoints) and one._identity == self._identity
        ]

    async def _listen(self, network: ActiveNetwork) -> None:
        while network.name in self._networks:
            await network.news.wait()
            self._woken.notify()

    async def _keep(self) -> None:
        """Publish what is to be published, whenever that changes."""
        published: bytes | None = None
        while True:
            endpoints = {endpoint for one in self._alike() for endpoint in one.present()}
            value = written(endpoints)
            if endpoints and value != published:
                published = value
                try:
                    await self._publish(value)
                except BitBootError as error:  # it is tried again, and shows in the publication's status
                    log.info("endpoints were not published: %s", error)
            with suppress(TimeUp):
                async with deadline(self._clock, self._clock.now() + LOOK_EVERY):
                    await self._woken.wait()

    async def _publish(self, value: bytes) -> None:
        if self.publication is None:
            encoded = byte_string(value)
            self.publication = Publication(
                self._context, self._identity, encoded, salt=SALT, timeout=self._timeout
            )
            self.publication.open()
        else:
            await self.publication.update(value)

    def present(self) -> Iterator[KnownHost]:
        """Where others reach what is announced, as far as it is known."""
        endpoint, mapping = self._announcement.endpoint, self._announcement.mapping
        if not endpoint.is_any:
            yield endpoint
            return
        external = None if mapping is None else mapping.external
        if external is not None and not external.is_any:
            yield external
        for network in self._networks.values():
            if network.is_running:
                yield from _own(network, endpoint.port if external is None else external.port)

    async def _clean_up(self) -> None:
        closing = None if self.publication is None else self.publication.end()
        await super()._clean_up()
        if closing is not None:
            await closing


def _own(network: ActiveNetwork, port: int) -> Iterator[KnownHost]:
    """This machine as others see it; where none has said, the address that the node listens on."""
    outside = [place.outside for place in network.places.values() if place.outside is not None]
    ports = {one.host: one.port for one in outside if one.port}
    address = network.address
    hosts = {*network.seen_at, *(one.host for one in outside)}
    if not hosts and address is not None and not address.is_any:
        hosts = {address.host}
    for host in hosts:
        used = port or ports.get(host, 0 if address is None else address.port)
        if used:
            yield KnownHost(host, used)
