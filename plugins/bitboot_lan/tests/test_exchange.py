"""Requests between programs of a local network: who is answered, how often, and what is believed."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest
from bitboot_lan.exchange import MAX_PAYLOAD, MAX_WAITING, Exchange
from bitboot_lan.settings import Settings

from bitboot_core import BackendConfig, BackendError, KnownHost, NotRunning

from .group import LOOPBACK, found, member, private

NEIGHBOUR, OTHER = KnownHost("192.168.1.3", 7000), KnownHost("192.168.1.4", 7000)
KEY = b"k" * 20


def echo(sender: KnownHost, payload: bytes) -> bytes:
    return payload


class Talk:
    """An exchange without sockets."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, KnownHost]] = []
        self.exchange = Exchange(
            Settings(), lambda datagram, endpoint: self.sent.append((datagram, endpoint))
        )
        self.answers: list[bytes] = []

    def receive(
        self, datagram: bytes, sender: KnownHost = NEIGHBOUR, *, now: float = 0.0, is_neighbour: bool = True
    ) -> list[tuple[bytes, KnownHost]]:
        """It comes from there; what goes out at that."""
        self.sent.clear()
        self.exchange.receive(datagram, sender, now, is_neighbour=is_neighbour)
        return list(self.sent)

    def ask(self, payload: bytes = b"x") -> bytes:
        """Ask the neighbour; the datagram."""
        self.sent.clear()
        assert self.exchange.ask(NEIGHBOUR, payload, self.answers.append) is not None
        ((datagram, endpoint),) = self.sent
        assert endpoint == NEIGHBOUR
        return datagram


@pytest.fixture
def talk() -> Talk:
    return Talk()


def answered(request: bytes, payload: bytes) -> bytes:
    return request[:4] + b"\1" + request[5:13] + payload


@pytest.mark.parametrize("payload", [b"", b"\0", bytes(MAX_PAYLOAD)])
def test_an_answer_goes_to_who_asked_and_is_no_longer_than_the_request(talk: Talk, payload: bytes) -> None:
    request = talk.ask(payload)
    talk.exchange.answering.use(echo)
    ((answer, endpoint),) = talk.receive(request)
    assert (answer, endpoint) == (answered(request, payload), NEIGHBOUR)
    assert len(answer) == len(request) <= 1_232
    talk.receive(answer)
    assert talk.answers == [payload]


@pytest.mark.parametrize(
    "handler", [None, lambda sender, payload: None, lambda sender, payload: payload + b"!"]
)
def test_without_an_answer_nothing_is_sent(talk: Talk, handler: object) -> None:
    request = talk.ask()
    talk.exchange.answering.use(handler)  # type: ignore[arg-type]
    assert talk.receive(request) == []


def test_only_neighbours_are_answered_and_so_often(talk: Talk) -> None:
    request = talk.ask()
    talk.exchange.answering.use(echo)
    assert talk.receive(request, is_neighbour=False) == []
    count = sum(len(talk.receive(request)) for _ in range(1_000))
    assert count == 4 * Settings().requests_per_second
    assert talk.exchange.counters["limited"] == 1_000 - count
    assert len(talk.receive(request, OTHER)) == 1
    assert len(talk.receive(request, now=10.0)) == 1


def test_an_answer_counts_from_who_was_asked_alone_and_once(talk: Talk) -> None:
    answer = answered(talk.ask(), b"y")
    talk.receive(answer, OTHER)
    talk.receive(answer, replace(NEIGHBOUR, port=7001))
    talk.receive(answered(answer[:5] + b"i" * 8, b"y"))
    talk.receive(answer, is_neighbour=False)
    assert talk.answers == []
    talk.receive(answer)
    talk.receive(answer)
    assert talk.answers == [b"y"]
    assert talk.exchange.counters["unmatched"] == 4


def test_a_neighbour_is_the_same_however_its_zone_is_written() -> None:
    talk = Talk()
    talk.exchange.ask(KnownHost("fe80::1%2", 7000), b"x", talk.answers.append)
    ((request, _),) = talk.sent
    talk.receive(answered(request, b"y"), KnownHost("fe80::1%eth0", 7000))
    assert talk.answers == [b"y"]


def test_one_that_is_given_up_leaves_its_place(talk: Talk) -> None:
    kept = [talk.exchange.ask(NEIGHBOUR, b"x", talk.answers.append) for _ in range(MAX_WAITING)]
    assert talk.exchange.ask(NEIGHBOUR, b"x", talk.answers.append) is None
    give_up = kept[0]
    assert give_up is not None
    give_up()
    give_up()
    assert talk.exchange.ask(NEIGHBOUR, b"x", talk.answers.append) is not None


def test_whatever_strangers_send_there_is_one_answer_at_most(talk: Talk) -> None:
    request, chance = talk.ask(b"payload"), random.Random(1)
    talk.exchange.answering.use(echo)
    for _ in range(5_000):
        data = bytearray(request)
        for _ in range(chance.randrange(4)):
            start = chance.randrange(len(data))
            data[start : start + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        for datagram in (bytes(data), bytes(data)[: chance.randrange(30)], chance.randbytes(20)):
            sent = talk.receive(datagram, now=float(chance.randrange(10**6)))
            assert len(sent) <= 1
            assert sum(len(answer) for answer, _ in sent) <= len(datagram)
    talk.receive(request[:13] + bytes(MAX_PAYLOAD + 1))
    assert talk.answers == []


async def test_its_socket_is_opened_when_it_is_needed_and_its_own() -> None:
    settings = private()
    async with member(settings) as one, member(settings) as other:
        assert one._running.requesting._sockets == {}
        one.on_request(echo)
        await one.announce(KEY, KnownHost("", 0), lifetime=60)
        (endpoint,) = await found(other, KEY)
        assert endpoint.port not in (0, settings.port)
        assert await other.request(endpoint, b"hello", timeout=10) == b"hello"
        await one.withdraw(KEY, KnownHost("", 0))
        await asyncio.sleep(0.05)
        assert await found(other, KEY) == []


async def test_closing_while_it_opens_leaves_nothing() -> None:
    async with member(private()) as one:
        opening = asyncio.ensure_future(one.request(NEIGHBOUR, b"x", timeout=60))
        await one.aclose()
        with pytest.raises((NotRunning, BackendError)):
            await opening


async def test_an_interface_that_is_gone_loses_the_datagram_and_no_more() -> None:
    async with member(private(), config=replace_listen("127.0.0.1")) as one:
        with pytest.raises(TimeoutError):
            await one.request(KnownHost("192.0.2.77", 7000), b"x", timeout=0.05)


def replace_listen(host: str) -> BackendConfig:
    return replace(LOOPBACK, listen=KnownHost(host, 0))
