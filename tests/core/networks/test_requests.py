"""Requests from node to node: handed round to whoever wants to answer, and kept from doing harm."""

import asyncio
import dataclasses
import logging
from typing import Any

import pytest

from bitboot_core import (
    Announces,
    Backend,
    BackendError,
    BackendTimeout,
    BitBoot,
    Capabilities,
    KnownHost,
    ListenFailed,
    NetworkDefinition,
    NotRunning,
    Registry,
    RequestRefused,
    Scope,
    UnsupportedOperation,
)
from bitboot_core._networks.network import ActiveNetwork
from bitboot_core._networks.requests import Requests
from bitboot_core.aio.requests import LOGGED_BURST, Answering, check_request
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, waits

MEMBER = KnownHost("192.0.2.7", 6881)
PLAIN = Capabilities(can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PROCESS)
CARRIES = dataclasses.replace(PLAIN, own_port=True, max_request=100)


def of(bitboot: BitBoot) -> Requests:
    (network,) = bitboot._networks
    return network.requests


def echo(sender: KnownHost, payload: bytes) -> bytes:
    return payload


async def test_what_the_node_answers_comes_back(serve: Any) -> None:
    backend = FakeBackend(capabilities=CARRIES, request=answers(b"pong"))
    requests = of(await serve(backend))
    assert requests.max_payload == 100
    assert await requests.ask(MEMBER, b"ping", timeout=5) == b"pong"
    assert ("request", MEMBER, b"ping", 5) in backend.calls


@pytest.mark.parametrize("answer", [None, "pong", 17, bytearray(b"pong"), bytes(101)])
async def test_an_answer_that_is_none_names_the_backend(serve: Any, answer: object) -> None:
    backend = FakeBackend(capabilities=CARRIES, request=answers(answer))
    with pytest.raises(BackendError, match="fake-backend failed to ask another node: it answered"):
        await of(await serve(backend)).ask(MEMBER, b"ping", timeout=5)


async def test_a_backend_without_requests_says_so(serve: Any) -> None:
    class Plain(FakeBackend):
        request = Backend.request
        on_request = Backend.on_request

    requests = of(await serve(Plain()))
    assert requests.max_payload == 0
    requests.answer(echo)()
    with pytest.raises(UnsupportedOperation, match="carries no requests"):
        await requests.ask(MEMBER, b"ping", timeout=5)


async def test_the_backends_own_errors_come_through_and_others_are_wrapped(serve: Any) -> None:
    backend = FakeBackend(capabilities=CARRIES)
    requests = of(await serve(backend))
    for error in (RequestRefused("no"), BackendTimeout("silence"), UnsupportedOperation("too long")):
        backend.acts["request"] = fails(error)
        with pytest.raises(type(error), match=str(error)):
            await requests.ask(MEMBER, b"x", timeout=5)
    backend.acts["request"] = fails(ZeroDivisionError("oops"))
    with pytest.raises(
        BackendError, match="fake-backend failed to ask another node: ZeroDivisionError: oops"
    ):
        await requests.ask(MEMBER, b"x", timeout=5)


async def test_a_backend_that_does_not_end_is_cut_off_and_one_that_does_has_the_word(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(capabilities=CARRIES, request=hangs())
    requests = of(await serve(backend))
    asking = asyncio.ensure_future(requests.ask(MEMBER, b"x", timeout=5))
    await clock.advance(5.1)
    with pytest.raises(BackendTimeout, match="fake-backend did not ask another node within 5"):
        await asking
    backend.acts["request"] = waits(clock, 5, fails(BackendTimeout("the member is silent")))
    asking = asyncio.ensure_future(requests.ask(MEMBER, b"x", timeout=5))
    await clock.advance(5.0)
    with pytest.raises(BackendTimeout, match="the member is silent"):
        await asking


async def test_one_that_is_cancelled_leaves_nothing(serve: Any) -> None:
    (network,) = (await serve(FakeBackend(capabilities=CARRIES, request=hangs())))._networks
    asking = asyncio.ensure_future(network.requests.ask(MEMBER, b"x", timeout=5))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(network.tasks) == 0 or network.is_running


async def test_a_network_that_could_not_start_tells_why(registry: Registry, clock: ManualClock) -> None:
    from bitboot_core.testing import spec_of  # noqa: PLC0415

    for name, backend in (
        ("good", FakeBackend()),
        ("bad", FakeBackend(start=fails(ListenFailed("port 6881 is taken")))),
    ):
        registry.register_backend(spec_of(backend, name, [name]))
    networks = [NetworkDefinition(name, name) for name in ("good", "bad")]
    async with BitBoot(network=networks, registry=registry, clock=clock, state_dir=False) as bitboot:
        bad: ActiveNetwork = bitboot._networks.named("bad")[0]
        with pytest.raises(ListenFailed, match="port 6881 is taken"):
            await bad.requests.ask(MEMBER, b"x", timeout=5)


async def test_after_its_end_it_does_not_run(serve: Any) -> None:
    backend = FakeBackend(capabilities=CARRIES)
    bitboot = await serve(backend)
    requests = of(bitboot)
    end = requests.answer(echo)
    await bitboot.aclose()
    with pytest.raises(NotRunning):
        await requests.ask(MEMBER, b"x", timeout=5)
    end()


# Answering


async def test_the_backend_is_told_while_somebody_answers(serve: Any) -> None:
    backend = FakeBackend(capabilities=CARRIES)
    requests = of(await serve(backend))
    assert backend.handler is None
    ends = [requests.answer(lambda sender, payload: None), requests.answer(echo)]
    assert backend.handler is not None
    assert backend.handler(MEMBER, b"x") == b"x"
    ends[1]()
    ends[1]()
    assert backend.handler(MEMBER, b"x") is None
    ends[0]()
    assert backend.handler is None
    assert backend.count("on_request") == 2


async def test_who_wants_to_answer_before_the_start_does_afterwards(serve: Any) -> None:
    backend = FakeBackend(capabilities=CARRIES)
    bitboot = serve.make(backend)
    of(bitboot).answer(echo)
    assert backend.handler is None
    async with bitboot:
        assert backend.handler is not None
        assert backend.handler(MEMBER, b"x") == b"x"


def test_the_first_that_gives_an_answer_has_the_say() -> None:
    answering = Answering()
    seen: list[str] = []

    def handler(name: str, answer: Any) -> Any:
        def handle(sender: KnownHost, payload: bytes) -> Any:
            seen.append(name)
            return answer

        return handle

    answering.handlers = [handler("one", None), handler("two", b"2"), handler("three", b"3")]
    assert answering.answer(MEMBER, b"x", 0.0) == b"2"
    assert seen == ["one", "two"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (ZeroDivisionError("oops"), "raised ZeroDivisionError"),
        (b"longer", "gave 6 bytes for a request of 1 bytes"),
        ("x", "gave 'x'"),
        (bytearray(b"x"), "gave bytearray"),
    ],
    ids=["raises", "too long", "text", "no bytes"],
)
def test_a_handler_at_fault_is_reported_and_gives_no_answer(
    answer: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(sender: KnownHost, payload: bytes) -> bytes:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    answering = Answering()
    answering.use(faulty)
    with caplog.at_level(logging.ERROR):
        for _ in range(1_000):
            assert answering.answer(MEMBER, b"x", 0.0) is None
    assert told in caplog.text
    assert answering.faults == 1_000
    assert len(caplog.records) == LOGGED_BURST
    answering.handlers.append(echo)
    assert answering.answer(MEMBER, b"x", 0.0) == b"x", "one that fails must not spoil another"


@pytest.mark.parametrize(
    ("endpoint", "payload"),
    [
        (MEMBER, bytes(101)),
        (KnownHost("192.0.2.7", 0), b""),
        (KnownHost("", 6881), b""),
        (KnownHost("member.example", 6881), b""),
        (KnownHost("2001:db8::7", 6881), b""),
    ],
    ids=["too long", "no port", "no host", "a name", "another IP version"],
)
def test_what_cannot_be_sent_at_all_is_refused(endpoint: KnownHost, payload: bytes) -> None:
    check_request(MEMBER, bytes(100), max_request=100, families=(4,))
    with pytest.raises(UnsupportedOperation):
        check_request(endpoint, payload, max_request=100, families=(4,))
