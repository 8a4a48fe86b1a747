"""Requests from node to node: who is answered, how often; nobody else can tell that there is a handler."""

from __future__ import annotations

import asyncio

import pytest
import umsgpack
from bitboot_kademlia.exchange import MAX_ASKED, MAX_PAYLOAD
from bitboot_kademlia.messages import encode_answer, encode_call
from bitboot_kademlia.node import KEEP_OPEN
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.wire import Address

from bitboot_core import BackendError, KnownHost, NotRunning, RequestHandler

from .conftest import found, running
from .strangers import MESSAGE, STRANGER, Talk, Time

NOTHING: RequestHandler = lambda sender, payload: None  # noqa: E731


def echo(sender: KnownHost, payload: bytes) -> bytes:
    return payload


def request(payload: object = b"x") -> bytes:
    return encode_call(MESSAGE, "bitboot", [payload])


PROBES: dict[str, bytes] = {
    "a request": request(),
    "of 1,000 bytes": request(bytes(MAX_PAYLOAD)),
    "too long": request(bytes(MAX_PAYLOAD + 1)),
    "a number": request(17),
    "a list": request([b"x"]),
    "two arguments": encode_call(MESSAGE, "bitboot", [b"x", b"y"]),
    "cut short": request(b"xyz")[:-1],
    "with more behind": request() + b"\0",
    "a token": request() + b"t" * 8,
    "another call": encode_call(MESSAGE, "bitbooT", [b"x"]),
}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
async def test_a_stranger_cannot_tell_a_member_from_a_stranger(time: Time, probe: bytes) -> None:
    """Not by what the probes are answered, nor by what is answered to other calls after them."""
    traces = []
    for handler in (None, NOTHING):
        talk = Talk(Settings(), time)
        talk.protocol.exchange.answering.use(handler)
        trace = [talk.send(probe) for _ in range(200)]
        trace += [talk.send(encode_call(MESSAGE, "stun", [])) for _ in range(200)]
        traces.append((trace, dict(talk.protocol.counters)))
        talk.protocol.close()
    assert traces[0] == traces[1]
    assert traces[0][0][:200] == [[]] * 200


@pytest.mark.parametrize("payload", [b"", b"\0", b"x" * 255, b"x" * 256, bytes(MAX_PAYLOAD)])
async def test_an_answer_is_shorter_than_its_call(talk: Talk, payload: bytes) -> None:
    talk.protocol.exchange.answering.use(echo)
    call = request(payload)
    ((answer, address),) = talk.send(call)
    assert (answer, address) == (encode_answer(MESSAGE, payload), STRANGER)
    assert len(answer) < len(call) <= 1_232


@pytest.mark.parametrize(
    "probe", ["too long", "a number", "a list", "two arguments", "cut short", "with more behind"]
)
async def test_what_is_no_request_is_never_shown_to_a_handler(talk: Talk, probe: str) -> None:
    shown: list[bytes] = []

    def show(sender: KnownHost, payload: bytes) -> bytes:
        shown.append(payload)
        return payload

    talk.protocol.exchange.answering.use(show)
    assert talk.send(PROBES[probe]) == []
    assert shown == []


@pytest.mark.parametrize("kind", ["an address", "a /24", "all together"])
async def test_the_handler_is_asked_so_often(talk: Talk, kind: str) -> None:
    talk.protocol.exchange.answering.use(echo)

    def sender(number: int) -> Address:
        hosts = {
            "an address": "20.0.0.1",
            "a /24": f"20.0.0.{number % 250}",
            "all together": f"20.{number // 250}.{number % 250}.1",
        }
        return hosts[kind], 1024 + number

    answered = sum(len(talk.send(request(), sender(number))) for number in range(3_000))
    settings = Settings()
    most = {
        "an address": 4 * settings.calls_per_stranger,
        "a /24": 4 * settings.calls_per_strange_network,
        "all together": settings.calls_of_strangers,
    }
    assert answered == most[kind]


async def test_a_flood_of_strangers_does_not_cost_us_whom_we_have_asked(talk: Talk) -> None:
    talk.protocol.exchange.answering.use(echo)
    asking = asyncio.ensure_future(talk.protocol.exchange.ask(("30.0.0.1", 7000), b"x", 60.0))
    await asyncio.sleep(0)
    for number in range(3_000):
        talk.send(request(), (f"20.{number // 250}.{number % 250}.1", 7000))
    assert talk.send(request(), ("20.99.0.1", 7000)) == []
    assert len(talk.send(request(), ("30.0.0.1", 9999))) == 1
    asking.cancel()


async def test_who_was_asked_is_remembered_within_bounds(talk: Talk) -> None:
    exchange = talk.protocol.exchange
    for number in range(MAX_ASKED + 100):
        exchange._note(f"20.0.{number // 250}.{number % 250}")
    assert len(exchange._asked) == MAX_ASKED


async def test_an_answer_counts_from_the_address_that_was_asked_alone(talk: Talk) -> None:
    asking = asyncio.ensure_future(talk.protocol.exchange.ask(STRANGER, b"x", 60.0))
    await asyncio.sleep(0)
    ((call, _),) = talk.sent.datagrams
    talk.answer(call, b"not mine", ("20.0.0.1", 7001))
    talk.answer(call, 17)
    talk.answer(call, bytes(MAX_PAYLOAD + 1))
    assert talk.protocol.counters["strays"] == 1
    assert talk.protocol.counters["malformed"] == 2
    talk.answer(call, b"mine")
    talk.answer(call, b"twice")
    assert await asking == b"mine"


async def test_it_is_sent_once_and_silence_counts_against_nobody(talk: Talk) -> None:
    await talk.befriend(b"s" * 20)
    before = len(talk.sent.datagrams)
    with pytest.raises(TimeoutError):
        await talk.protocol.exchange.ask(STRANGER, b"x", 0.01)
    assert len(talk.sent.datagrams) == before + 1
    assert STRANGER not in talk.protocol.suspects


async def test_too_many_at_once_are_refused(time: Time) -> None:
    talk = Talk(Settings(max_outstanding=2), time)
    asking = [asyncio.ensure_future(talk.protocol.exchange.ask(STRANGER, b"x", 60.0)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(BackendError, match="too many requests"):
        await talk.protocol.exchange.ask(STRANGER, b"x", 60.0)
    talk.protocol.close()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(error) for error in ended] == [NotRunning, NotRunning]


async def test_a_read_only_node_is_found_and_answers(ipv6: None) -> None:
    """In either IP family, where it listens on both."""
    async with running("") as public, running("", read_only=True) as member:
        assert await member.bootstrap([KnownHost("127.0.0.1", public.address.port)]) == 1
        assert await member.bootstrap([KnownHost("::1", public.address.port)]) == 1
        member.on_request(echo)
        await member.announce(b"k" * 20, KnownHost("", 0), lifetime=60)
        endpoints = await found(public, b"k" * 20)
        assert {endpoint.family for endpoint in endpoints} == {4, 6}
        for endpoint in endpoints:
            assert await public.request(endpoint, b"hello", timeout=10) == b"hello"


async def test_while_requests_are_answered_others_are_asked_where_they_see_us_every_25_seconds() -> None:
    """Behind a NAT, where a node listens everywhere or at a private address: its outside port stays."""
    async with running("") as backend:
        nodes = list(backend.nodes.values())
        assert max(node._pause() for node in nodes for _ in range(1_000)) > KEEP_OPEN[1]
        backend.on_request(echo)
        pauses = [node._pause() for node in nodes for _ in range(1_000)]
        assert KEEP_OPEN[0] <= min(pauses)
        assert max(pauses) <= KEEP_OPEN[1]


def test_the_call_is_as_the_page_says() -> None:
    assert request(b"x") == b"\x00" + MESSAGE + b"\x92\xa7bitboot\x91" + umsgpack.packb(b"x")
