"""How peers outlive the nodes that hold them: whoever ought to hold a key's peers fetches them.

The library's holders push all they have to whoever looks new, which costs them thousands of
messages to made-up nodes, and by a key that is hashed twice. Here the newcomer asks: it knows best
which of its neighbours live, and so whether it is among the k closest to a key. Holders only ever
answer, and newcomers decide how much they take.

A node compares what it holds with each contact that it meets, and with its neighbours every few
minutes, since a holder that dies moves others up. Where fingerprints are equal that is all.

A liar's lists could go on for ever, or be different each time. So a source has a budget of requests that
bring nothing, and one of requests in all; when one is used up, comparing ends, and it fills up again only
in the time between two rounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bitboot_core.aio.limits import Allowance, packed, source_of
from bitboot_core.aio.logs import logger

from .contacts import Contact
from .messages import read_peers_answer
from .protocol import PeerProtocol
from .wire import (
    ID_BYTES,
    Address,
    fill_in,
    is_loopback,
    pack_reachable,
    split_records,
    unpack_endpoint,
)

_log = logger(__name__)

WORKERS = 3
"""Contacts that one node is compared with at a time."""


PACE = 150.0
"""Requests a second to one source, with bursts: fewer than a node answers."""

PATIENCE = 10.0
"""Seconds that one request waits for its turn."""


class _EndedError(Exception):
    """There is no more to be had of a contact for now."""


class Healing:
    """The contacts that wait to be compared with, and the tasks that do it."""

    def __init__(self, protocol: PeerProtocol) -> None:
        self._protocol = protocol
        self._queue: asyncio.Queue[Contact] = asyncio.Queue(protocol.settings.max_healing)
        self._tasks: list[asyncio.Task[None]] = []
        self._may_work = asyncio.Event()
        self._may_work.set()
        settings = protocol.settings
        self._useless = Allowance(settings.heal_useless / settings.heal_every, settings.heal_useless)
        self._in_all = Allowance(settings.heal_requests / settings.heal_every, settings.heal_requests)
        self._pace = Allowance(PACE, 4 * PACE)

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
            except _EndedError as ended:
                _log.debug("comparing with %s ends: %s", contact, ended)
            except Exception:  # noqa: BLE001 - logged with its traceback
                # Others must still be healed: what is wrong here is a bug, so say so.
                _log.exception("comparing with %s failed", contact)
            finally:
                self._queue.task_done()

    async def _compare(self, contact: Contact) -> None:
        """Fetch what we ought to hold, and hold otherwise or not at all."""
        protocol = self._protocol
        await self._get_token(contact)
        last = b""
        for _ in range(protocol.settings.max_keys):
            found = _read_keys(await self._ask(contact, "keys", last))
            ours = [key for key, _ in found if protocol.router.is_among_closest(int.from_bytes(key, "big"))]
            for key, fingerprint in found:
                if key in ours and protocol.peers.fingerprint(key) != fingerprint:
                    await self._fetch(contact, key)
            if not ours or not self._is_further(found, last):
                return
            last = found[-1][0]
            self._was_useless(contact)  # what was fetched has been counted by itself

    async def _get_token(self, contact: Contact) -> None:
        """Without one, answers are short, and few of them."""
        held = self._protocol.held_tokens
        if not held.get(contact.address):
            answer = await self._ask(contact, "find_peers", self._protocol.node_id, 0)
            try:
                held.put(contact.address, read_peers_answer(answer).token)
            except ValueError:
                self._protocol.counters["malformed"] += answer is not None

    async def _fetch(self, contact: Contact, key: bytes) -> None:
        ip = packed(contact.address[0])
        after = 0
        for _ in range(self._protocol.settings.max_peers_per_key):
            page, more = _read_page(await self._ask(contact, "records", key, after))
            is_news = False
            try:
                for record in split_records(page):
                    endpoint = fill_in(record.endpoint, contact.address[0])
                    endpoint = pack_reachable(unpack_endpoint(endpoint))
                    is_news |= self._protocol.peers.hand(key, record._replace(endpoint=endpoint), ip)
            except ValueError as error:
                self._protocol.counters["malformed"] += 1
                raise _EndedError("malformed") from error
            if not is_news:
                self._was_useless(contact)
            if more <= after:
                return
            after = more

    async def _ask(self, contact: Contact, name: str, *args: Any) -> Any:
        """What it answers, if anything. Raises _EndedError where it stays silent or was asked enough."""
        source, now = _source(contact.address), self._protocol.now()
        if self._useless.level(source, now) < 1 or not self._in_all.take(source, now):
            raise _EndedError("its budget is used up")
        if not is_loopback(contact.address[0]):
            delay = self._pace.reserve(source, asyncio.get_running_loop().time(), PATIENCE)
            if delay is None:
                raise _EndedError("too much waits for it")
            await asyncio.sleep(delay)
        answer = await self._protocol.requests.call(contact.address, name, (self._protocol.node_id, *args))
        if answer is None and self._protocol.suspects.failures(contact.address) > 1:
            raise _EndedError("it is silent")
        return answer.value if answer is not None else None

    def _was_useless(self, contact: Contact) -> None:
        self._useless.take(_source(contact.address), self._protocol.now())

    def _is_further(self, found: list[tuple[bytes, int]], last: bytes) -> bool:
        """Whether a page of keys leads away from us, as an honest one does."""
        own = int.from_bytes(self._protocol.node_id, "big")
        return not last or int.from_bytes(found[-1][0], "big") ^ own > int.from_bytes(last, "big") ^ own


def _source(address: Address) -> bytes:
    """Whose budget it is. On loopback each port has one."""
    ip = packed(address[0])
    return ip + address[1].to_bytes(2, "big") if is_loopback(address[0]) else source_of(ip)


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
