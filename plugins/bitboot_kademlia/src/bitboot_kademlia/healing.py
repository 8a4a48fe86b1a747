"""How peers outlive the nodes that hold them: whoever ought to hold a key's peers fetches them.

The library's holders push all they have to whoever looks new, which costs them thousands of
messages to made-up nodes, and by a key that is hashed twice. Here the newcomer asks: it knows best
which of its neighbours live, and so whether it is among the k closest to a key. Holders only ever
answer, and newcomers decide how much they take.

A node compares what it holds with each contact that it meets, and with its neighbours every few
minutes, since a holder that dies moves others up. Where fingerprints are equal that is all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bitboot_core.aio.logs import logger

from .contacts import Contact
from .protocol import PeerProtocol
from .storage import source_of
from .wire import ID_BYTES, fill_in, pack_reachable, split_records, unpack_endpoint

log = logger(__name__)

WORKERS = 3
"""Contacts that one node is compared with at a time."""


class Healing:
    """The contacts that wait to be compared with, and the tasks that do it."""

    def __init__(self, protocol: PeerProtocol) -> None:
        self._protocol = protocol
        self._queue: asyncio.Queue[Contact] = asyncio.Queue(protocol.settings.max_healing)
        self._tasks: list[asyncio.Task[None]] = []
        self._may_work = asyncio.Event()
        self._may_work.set()

    def start(self) -> None:
        """Begin to work off the queue."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    def close(self) -> list[asyncio.Task[None]]:
        """Stop; the tasks that are about to end."""
        for task in self._tasks:
            task.cancel()
        return self._tasks

    def compare_with(self, contact: Contact) -> None:
        """Queue a contact. Left out where the queue is full: the next round comes soon enough."""
        if not self._queue.full():
            self._queue.put_nowait(contact)

    def compare_with_neighbours(self) -> None:
        """Queue those who hold the same keys as we do, as far as keys are evenly spread."""
        own = int.from_bytes(self._protocol.node_id, "big")
        for contact in self._protocol.router.closest(own, self._protocol.settings.k, plain=False):
            self.compare_with(contact)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the queue grow meanwhile: before it knows its neighbours, a node would fetch everything."""
        self._may_work.clear()
        try:
            yield
        finally:
            self._may_work.set()

    async def idle(self) -> None:
        """Return when the queue has been worked off."""
        await self._queue.join()

    async def _work(self) -> None:
        while True:
            contact = await self._queue.get()
            try:
                await self._may_work.wait()
                await self._compare(contact)
            except Exception:
                # Others must still be healed: what is wrong here is a bug, so say so.
                log.exception("comparing with %s failed", contact)
            finally:
                self._queue.task_done()

    async def _compare(self, contact: Contact) -> None:
        """Fetch what we ought to hold, and hold otherwise or not at all."""
        settings, peers = self._protocol.settings, self._protocol.peers
        last = b""
        for _ in range(settings.max_keys):  # a liar's list might have no end
            found = _read_keys(await self._ask(contact, "keys", last))
            ours = [
                key for key, _ in found if self._protocol.router.is_among_closest(int.from_bytes(key, "big"))
            ]
            for key, fingerprint in found:
                if key in ours and peers.fingerprint(key) != fingerprint:
                    await self._fetch(contact, key)
            if not ours or not self._is_further(found, last):
                return
            last = found[-1][0]

    async def _fetch(self, contact: Contact, key: bytes) -> None:
        source = source_of(contact.address[0])
        after = 0
        for _ in range(self._protocol.settings.max_peers_per_key):
            page, more = _read_page(await self._ask(contact, "records", key, after))
            try:
                for record in split_records(page):
                    endpoint = fill_in(record.endpoint, contact.address[0])
                    endpoint = pack_reachable(unpack_endpoint(endpoint))
                    self._protocol.peers.hand(key, record._replace(endpoint=endpoint), source)
            except ValueError:
                self._protocol.counters["malformed"] += 1
                return
            if more <= after:
                return
            after = more

    async def _ask(self, contact: Contact, name: str, *args: Any) -> Any:
        answer = await self._protocol.requests.call(contact.address, name, (self._protocol.node_id, *args))
        return answer.value if answer is not None else None

    def _is_further(self, found: list[tuple[bytes, int]], last: bytes) -> bool:
        """Whether a page of keys leads away from us, as an honest one does."""
        own = int.from_bytes(self._protocol.node_id, "big")
        return not last or int.from_bytes(found[-1][0], "big") ^ own > int.from_bytes(last, "big") ^ own


def _read_keys(value: Any) -> list[tuple[bytes, int]]:
    """Keys and fingerprints; none where it is anything else."""
    if not isinstance(value, list) or len(value) % 2:
        return []
    found = list(zip(value[::2], value[1::2], strict=True))
    sound = all(
        isinstance(key, bytes) and len(key) == ID_BYTES and isinstance(fingerprint, int)
        for key, fingerprint in found
    )
    return found if sound else []


def _read_page(value: Any) -> tuple[bytes, int]:
    """Packed records, and the number to go on after; none where it is anything else."""
    if (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], bytes)
        and isinstance(value[1], int)
    ):
        return value[0], value[1]
    return b"", 0
