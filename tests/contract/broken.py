"""Backends that break the contract in one point each, by the check that finds it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from bitboot_core import (
    AnnounceFailed,
    BackendError,
    BackendTimeout,
    Item,
    KnownHost,
    NotRunning,
    Receipt,
    RoutingContact,
    SwarmSize,
    UnsupportedOperation,
)
from bitboot_core.items import immutable_target, mutable_target

from .model import HOST, Hub, Model, ModestModel, WithoutRequests


class SeesOnlyThoseBeforeIt(Model):
    """Who was there first never learns of who came later."""

    def visible(self, key: bytes) -> list[KnownHost]:
        order = self.hub.started
        return [
            peer
            for peer in super().visible(key)
            if order.index(self.hub.peers[key][peer][1]) <= order.index(self)
        ]


class MakesPeersUp(Model):
    def visible(self, key: bytes) -> list[KnownHost]:
        return super().visible(key) or [KnownHost(HOST, 6881)]

    async def size(self, key: bytes) -> SwarmSize:
        await super().size(key)
        return SwarmSize(seeds=0, peers=len(super().visible(key)))


class CutsKeysShort(Model):
    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        super().store(key[:-1], endpoint, end)

    def visible(self, key: bytes) -> list[KnownHost]:
        return super().visible(key[:-1])

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        await super().withdraw(key[:-1], endpoint)


class RefusesWhatIsThere(Model):
    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        there, _ = self.hub.peers.get(key, {}).get(endpoint, (self.hub.now, self))
        if there - self.hub.now > (end - self.hub.now) / 2:
            raise AnnounceFailed("it is announced already")
        super().store(key, endpoint, end)


class TakesSilenceForAnEmptySwarm(Model):
    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        with contextlib.suppress(BackendTimeout):
            async for peer in super().lookup(key):
                yield peer


class CountsNobodyInSilence(Model):
    async def size(self, key: bytes) -> SwarmSize:
        try:
            return await super().size(key)
        except BackendTimeout:
            return SwarmSize(seeds=0, peers=0)


class CountsItselfInEverySwarm(Model):
    async def size(self, key: bytes) -> SwarmSize:
        size = await super().size(key)
        return replace(size, peers=size.peers + 1)


class CountsWhatItAnnouncedItself(Model):
    async def size(self, key: bytes) -> SwarmSize:
        await super().size(key)
        mine = [by for _, by in self.hub.peers.get(key, {}).values() if by is self]
        return SwarmSize(seeds=0, peers=len(mine))


class CountsInHalves(Model):
    async def size(self, key: bytes) -> SwarmSize:
        size = await super().size(key)
        return replace(size, peers=size.peers / 1)  # type: ignore[arg-type]


class PretendsToCount(ModestModel):
    async def size(self, key: bytes) -> SwarmSize:
        self.running()
        return SwarmSize(seeds=0, peers=0)


class StoresInSilence(Model):
    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        try:
            return await super().announce(key, endpoint, lifetime=lifetime)
        except BackendTimeout:
            return Receipt(1, lifetime)


class CollectsBeforeItYields(Model):
    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        for peer in [peer async for peer in super().lookup(key)]:
            yield peer


class TakesTwentyLookups(Model):
    busy = 0

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        self.busy += 1
        try:
            if self.busy > 20:
                raise BackendError("too busy")
            async for peer in super().lookup(key):
                yield peer
        finally:
            self.busy -= 1


class NobodyStoredIt(Model):
    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        return Receipt(0, (await super().announce(key, endpoint, lifetime=lifetime)).lifetime)


class GrantsForEver(Model):
    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        receipt = await super().announce(key, endpoint, lifetime=lifetime)
        return Receipt(1, lifetime if lifetime > self.can.max_lifetime else receipt.lifetime)


class NeverForgets(Model):
    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        super().store(key, endpoint, float("inf"))


class ForgetsEarly(Model):
    """Its lifetime is half of what it grants, until it is announced anew."""

    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        half = (self.hub.now + end) / 2
        super().store(key, endpoint, end if endpoint in self.hub.peers.get(key, ()) else half)


class NeverRenews(Model):
    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        self.hub.peers.setdefault(key, {}).setdefault(endpoint, (end, self))


class WithdrawsNothing(Model):
    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        self.running()


class WithdrawsEverything(Model):
    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        self.running()
        self.hub.peers.pop(key, None)


class PretendsToWithdraw(ModestModel):
    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        self.running()


class AnnouncesItselfInstead(Model):
    def stored(self, endpoint: KnownHost) -> KnownHost:
        return KnownHost(HOST, super().stored(endpoint).port)


class AnnouncesItselfForOthers(ModestModel):
    def stored(self, endpoint: KnownHost) -> KnownHost:
        with contextlib.suppress(UnsupportedOperation):
            return super().stored(endpoint)
        if endpoint.family not in self.can.families:
            raise UnsupportedOperation("IPv4 only")
        return KnownHost(HOST, endpoint.port)


class DropsIPv6(Model):
    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        if endpoint.family != 6:
            super().store(key, endpoint, end)


class TakesAnyFamily(ModestModel):
    def stored(self, endpoint: KnownHost) -> KnownHost:
        return super().stored(KnownHost("", endpoint.port) if endpoint.is_any else endpoint)


class AnnouncesNowhere(Model):
    def stored(self, endpoint: KnownHost) -> KnownHost:
        return endpoint if endpoint.is_any and endpoint.port else super().stored(endpoint)


class AnnouncesPort0(WithoutRequests):
    def stored(self, endpoint: KnownHost) -> KnownHost:
        return KnownHost(HOST, 0) if not endpoint.port else super().stored(endpoint)


class RefusesItsOwnPort(ModestModel):
    def stored(self, endpoint: KnownHost) -> KnownHost:
        if not endpoint.port:
            raise UnsupportedOperation("port 0")
        return super().stored(endpoint)


class EndsPayloadsAtANul(Model):
    def answer(self, sender: KnownHost, payload: bytes) -> bytes | None:
        return super().answer(sender, payload.partition(b"\0")[0])


class KeepsTheAskerToItself(Model):
    def answer(self, sender: KnownHost, payload: bytes) -> bytes | None:
        return super().answer(KnownHost(HOST, self.address.port), payload)


class TakesAnyLength(Model):
    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        return await super().request(endpoint, payload[: self.can.max_request], timeout=timeout)


class TakesRequestsForNobody(ModestModel):
    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        self.running()
        raise BackendTimeout("nobody answered")


class TellsMembersFromStrangers(Model):
    def answer(self, sender: KnownHost, payload: bytes) -> bytes | None:
        answer = super().answer(sender, payload)
        if answer is None and self.handler is not None:
            raise BackendTimeout("no answer")
        return answer


class FailsInSilence(Model):
    def answer(self, sender: KnownHost, payload: bytes) -> bytes | None:
        with contextlib.suppress(LookupError):
            return None if self.handler is None else self._within(self.handler(sender, payload), payload)
        return None

    @staticmethod
    def _within(answer: bytes | None, payload: bytes) -> bytes | None:
        return None if answer is None or len(answer) > len(payload) else answer


class MixesAnswersUp(Model):
    last = b""

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        self.last = await super().request(endpoint, payload, timeout=timeout)
        await asyncio.sleep(0)
        return self.last


class TakesSilenceForAnAnswer(Model):
    async def silence(self, end: float) -> bytes:
        with contextlib.suppress(BackendTimeout):
            await super().silence(end)
        return b""


class GoesOnAskingWhereCancelled(Model):
    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        try:
            return await super().request(endpoint, payload, timeout=timeout)
        except asyncio.CancelledError:
            return payload


class TripsOverTheEndOfARequest(Model):
    async def silence(self, end: float) -> bytes:
        try:
            return await super().silence(end)
        except NotRunning:
            raise AttributeError("'NoneType' object has no attribute 'sendto'") from None


class CountsInWords(Model):
    def stats(self) -> Mapping[str, int | float]:
        return {**super().stats(), "health": "good"}  # type: ignore[dict-item]


class TabulatesPairs(Model):
    def routing_table(self) -> Sequence[RoutingContact]:
        return [(KnownHost("127.0.0.1", 7001), 160)]  # type: ignore[list-item]


class CountsItself(Model):
    async def bootstrap(self, contacts: object) -> int:
        self.running()
        return 1


class FailsWhereALookupIsLeft(Model):
    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        try:
            async for peer in super().lookup(key):
                yield peer
        except GeneratorExit as end:
            raise RuntimeError("I was not done") from end


class ClosesOnce(Model):
    closed = False

    async def aclose(self) -> None:
        if self.closed:
            raise RuntimeError("closed already")
        await super().aclose()
        self.closed = True


class TripsOverItsEnd(Model):
    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        self.running()
        async for peer in super().lookup(key):
            yield peer
            if self.transport is None:
                raise AttributeError("'NoneType' object has no attribute 'sendto'")


class KnowsNobodyBeforeStart(Model):
    started = False

    async def start(self) -> None:
        await super().start()
        self.started = True

    def contacts(self) -> list[KnownHost]:
        return super().contacts() if self.started else []


class CountsAfterItsEnd(Model):
    started = False

    async def start(self) -> None:
        await super().start()
        self.started = True

    def stats(self) -> Mapping[str, int | float]:
        return {} if self.started else super().stats()


class IgnoresCancellation(Model):
    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        try:
            return await super().announce(key, endpoint, lifetime=lifetime)
        except asyncio.CancelledError:
            return Receipt(1, lifetime)


class LeavesATaskWhereCancelled(Model):
    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        self.running()
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await super().withdraw(key, endpoint)


class CannotCloseWhatHasNotStarted(Model):
    starting = False

    async def start(self) -> None:
        self.starting = True
        await super().start()
        self.starting = False

    async def aclose(self) -> None:
        if self.starting:
            raise RuntimeError("not started yet")
        await super().aclose()


class RenewsForEver(Model):
    renewing: ClassVar[list[asyncio.Future[object]]] = []

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        receipt = await super().announce(key, endpoint, lifetime=lifetime)
        self.renewing.append(asyncio.ensure_future(asyncio.Event().wait()))
        return receipt


class LeavesASocket(Model):
    opened: ClassVar[list[socket.socket]] = []

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        async for peer in super().lookup(key):
            yield peer
        self.opened.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))


class LeavesAThread(Model):
    released: ClassVar[threading.Event] = threading.Event()

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.thread = threading.Thread(target=self.released.wait)

    async def start(self) -> None:
        await super().start()
        self.thread.start()


class LeavesAThreadOnce(Model):
    """In whichever check comes first, and never again."""

    thread: ClassVar[threading.Thread | None] = None

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        await super().withdraw(key, endpoint)
        if LeavesAThreadOnce.thread is None:
            LeavesAThreadOnce.thread = threading.Thread(target=LeavesAThread.released.wait)
            LeavesAThreadOnce.thread.start()


class BlocksTheLoop(Model):
    blocks = 0.15
    """Seconds for which it does."""

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        time.sleep(self.blocks)  # noqa: ASYNC251 - that is what is wrong with it
        await super().withdraw(key, endpoint)


class TrustsWhatIsStored(Model):
    def read(self, stored: bytes) -> KnownHost | None:
        return KnownHost.parse(stored.decode("ascii"))


class TrustsStrangers(Model):
    class protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            data.decode("ascii")


class MixesSaltsUp(Model):
    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        receipt = await super().publish(item, cas=cas)
        self.hub.items[mutable_target(item.public_key)] = item
        return receipt

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        return await super().resolve(public_key, b"")


class StoresTextAlone(Model):
    async def put_item(self, encoded: bytes) -> Receipt:
        receipt = await super().put_item(encoded)
        self.hub.values[immutable_target(encoded)] = encoded.replace(b"\0", b"")
        return receipt


class PretendsToKeepItems(ModestModel):
    async def get_item(self, target: bytes) -> bytes | None:
        return None


class TakesOlderItems(Model):
    def replaces(self, item: Item, there: Item, cas: int | None) -> bool:
        return cas in (None, there.seq)


class IgnoresCas(Model):
    def replaces(self, item: Item, there: Item, cas: int | None) -> bool:
        return item.seq > there.seq


class TakesSilenceForAMissingItem(Model):
    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        with contextlib.suppress(BackendTimeout):
            return await super().resolve(public_key, salt)
        return None


class SeesNobodyEarly(Model):
    async def lookup_through(
        self, key: bytes, contacts: Sequence[KnownHost]
    ) -> AsyncGenerator[KnownHost, None]:
        for _ in range(0):
            yield KnownHost(HOST, 1)


class PretendsToLookUpEarly(SeesNobodyEarly):
    can = replace(Model.can, early_lookups=False)


BROKEN: list[tuple[str, type[Model]]] = [
    ("announced_here_is_found_there", SeesOnlyThoseBeforeIt),
    ("an_unknown_key_ends_empty", MakesPeersUp),
    ("keys_do_not_mix", CutsKeysShort),
    ("announcing_again_is_idempotent", RefusesWhatIsThere),
    ("the_first_peer_arrives_before_the_lookup_ends", CollectsBeforeItYields),
    ("fifty_lookups_at_once", TakesTwentyLookups),
    ("lookups_begin_early_or_that_is_refused", SeesNobodyEarly),
    ("lookups_begin_early_or_that_is_refused", PretendsToLookUpEarly),
    ("a_receipt_is_true", NobodyStoredIt),
    ("a_receipt_is_true", GrantsForEver),
    ("an_announcement_lapses", NeverForgets),
    ("an_announcement_lapses", ForgetsEarly),
    ("announcing_again_renews", NeverRenews),
    ("what_is_withdrawn_is_gone", WithdrawsNothing),
    ("what_is_withdrawn_is_gone", WithdrawsEverything),
    ("withdrawing_is_refused_where_it_cannot_be_done", PretendsToWithdraw),
    ("where_nobody_answers_a_call_fails", TakesSilenceForAnEmptySwarm),
    ("where_nobody_answers_a_call_fails", StoresInSilence),
    ("where_nobody_answers_a_call_fails", CountsNobodyInSilence),
    ("a_swarm_is_counted_or_that_is_refused", CountsItselfInEverySwarm),
    ("a_swarm_is_counted_or_that_is_refused", CountsWhatItAnnouncedItself),
    ("a_swarm_is_counted_or_that_is_refused", CountsInHalves),
    ("a_swarm_is_counted_or_that_is_refused", PretendsToCount),
    ("only_addresses_that_it_can_announce_are_announced", AnnouncesItselfInstead),
    ("only_addresses_that_it_can_announce_are_announced", AnnouncesItselfForOthers),
    ("the_families_are_those_that_it_declares", DropsIPv6),
    ("the_families_are_those_that_it_declares", TakesAnyFamily),
    ("an_address_left_out_is_its_own", AnnouncesNowhere),
    ("port_0_is_its_own_where_it_says_so", AnnouncesPort0),
    ("port_0_is_its_own_where_it_says_so", RefusesItsOwnPort),
    ("a_request_is_answered", EndsPayloadsAtANul),
    ("the_handler_is_told_who_asks", KeepsTheAskerToItself),
    ("what_cannot_be_carried_is_refused", TakesAnyLength),
    ("what_cannot_be_carried_is_refused", TakesRequestsForNobody),
    ("a_request_without_an_answer_fails", TellsMembersFromStrangers),
    ("a_request_without_an_answer_fails", FailsInSilence),
    ("many_requests_at_once", MixesAnswersUp),
    ("a_request_ends_in_time", TakesSilenceForAnAnswer),
    ("a_request_can_be_cancelled", GoesOnAskingWhereCancelled),
    ("closing_ends_requests", TripsOverTheEndOfARequest),
    ("items_are_kept_or_that_is_refused", MixesSaltsUp),
    ("items_are_kept_or_that_is_refused", StoresTextAlone),
    ("items_are_kept_or_that_is_refused", PretendsToKeepItems),
    ("only_a_newer_item_replaces_one", TakesOlderItems),
    ("cas_replaces_the_item_that_it_names", IgnoresCas),
    ("where_nobody_answers_no_item_is_found_missing", TakesSilenceForAMissingItem),
    ("it_tells_about_itself", CountsInWords),
    ("it_tells_about_itself", TabulatesPairs),
    ("bootstrapping_from_nobody_reaches_nobody", CountsItself),
    ("a_lookup_can_be_closed_early", FailsWhereALookupIsLeft),
    ("closing_twice_is_closing_once", ClosesOnce),
    ("closing_ends_what_is_under_way", TripsOverItsEnd),
    ("before_start_it_does_not_run", KnowsNobodyBeforeStart),
    ("after_closing_it_does_not_run", CountsAfterItsEnd),
    ("cancelled_at_every_await_it_stops_and_leaves_nothing", IgnoresCancellation),
    ("cancelled_at_every_await_it_stops_and_leaves_nothing", LeavesATaskWhereCancelled),
    ("cancelled_while_it_starts_or_closes_it_can_be_closed", CannotCloseWhatHasNotStarted),
    ("no_task_is_left", RenewsForEver),
    ("no_socket_is_left", LeavesASocket),
    ("no_thread_is_left", LeavesAThread),
    ("no_thread_is_left", LeavesAThreadOnce),
    ("no_call_blocks_the_event_loop", BlocksTheLoop),
    ("stored_rubbish_does_no_harm", TrustsWhatIsStored),
    ("hostile_datagrams_do_no_harm", TrustsStrangers),
]
"""A check's name without `test_`, and a backend that fails it and no other."""
