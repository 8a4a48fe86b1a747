"""Checks of what nodes ask each other, where a backend carries requests (`Capabilities.max_request`)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from bitboot_core.backend import Backend, RequestHandler
from bitboot_core.errors import BackendTimeout, BitBootError, RequestRefused, UnsupportedOperation
from bitboot_core.model import KnownHost

from ._base import Checks, Nodes, check, key_of, raised_by
from ._failing import fail
from ._hostile import LOOPBACK, errors_logged
from ._interrupted import interrupt

AT_ONCE = 50
PATIENT, HASTY = 300.0, 0.2
"""Seconds that a request to nobody may take, by a clock that can be put forward and by any other."""

TURNS = 20
"""Turns of the event loop in which a request gets on its way."""


class RequestChecks(Checks):
    """A node asks another, and hears what that one's handler says; nobody else answers for it."""

    @check
    async def test_a_request_is_answered(self, nodes: Nodes) -> None:
        """At the endpoint that a lookup finds for port 0, with payloads of all lengths and bytes."""
        one, other = await _pair(nodes)
        other.on_request(lambda sender, payload: payload)
        found = await _own_endpoint(nodes, other, one)
        most = one.capabilities.max_request
        for payload in (b"", b"\0", b"x", bytes(most), b"e" * most, b":" * most, _mixed(most)):
            answer = await nodes.soon(one.request(found, payload, timeout=nodes.patience), "request()")
            if answer != payload:
                fail(f"a request of {len(payload)} bytes that was sent back came as {answer!r:.100}")
        other.on_request(lambda sender, payload: b"")
        answer = await nodes.soon(one.request(found, b"x", timeout=nodes.patience), "request()")
        if answer != b"":
            fail(f"an answer of no bytes came as {answer!r:.100}")

    @check
    async def test_the_handler_is_told_who_asks(self, nodes: Nodes) -> None:
        """With an endpoint at which the one who asked can be asked in turn."""
        one, other = await _pair(nodes)
        askers: list[KnownHost] = []

        def note(sender: KnownHost, payload: bytes) -> bytes:
            askers.append(sender)
            return payload

        other.on_request(note)
        one.on_request(lambda sender, payload: b"me")
        found = await _own_endpoint(nodes, other, one)
        await nodes.soon(one.request(found, b"who", timeout=nodes.patience), "request()")
        answer = await nodes.soon(other.request(askers[0], b"you?", timeout=nodes.patience), "request()")
        if answer != b"me":
            fail(f"asked back at {askers[0]}, somebody answered {answer!r:.100}")

    @check
    async def test_what_cannot_be_carried_is_refused(self, nodes: Nodes) -> None:
        """A payload that is too long; any, and any handler, where it carries none."""
        other, one = await nodes.pair()
        most = one.capabilities.max_request
        somewhere = KnownHost("127.0.0.1", 9)
        if most:
            other.on_request(lambda sender, payload: payload)
            somewhere = await _own_endpoint(nodes, other, one)
        else:
            _expect_refusal(await raised_by(lambda: one.on_request(None)), "max_request is 0, on_request()")
        error = await nodes.soon(
            raised_by(lambda: one.request(somewhere, bytes(most + 1), timeout=nodes.patience)), "request()"
        )
        _expect_refusal(error, f"max_request is {most}, a request of {most + 1} bytes")

    @check
    async def test_a_request_without_an_answer_fails(self, nodes: Nodes) -> None:
        """In the same way without a handler, and with one that gives none, raises, or gives too much."""
        one, other = await _pair(nodes)
        found = await _own_endpoint(nodes, other, one)
        without = await _failure(nodes, one, found, "without a handler")
        handlers: dict[str, RequestHandler] = {
            "with a handler that gives None": lambda sender, payload: None,
            "with a handler that raises": _raise,
            "with an answer longer than the request": lambda sender, payload: bytes(len(payload) + 1),
        }
        for when, handler in handlers.items():
            other.on_request(handler)
            with errors_logged() as errors:
                failure = await _failure(nodes, one, found, when)
            if failure is not without:
                fail(f"without a handler a request raised {without.__name__}, {when} {failure.__name__}")
            if handler is _raise and not errors:
                fail("a handler raised, and nothing was logged")
        other.on_request(lambda sender, payload: payload)
        await nodes.soon(one.request(found, b"x", timeout=nodes.patience), "a request after others failed")
        other.on_request(None)
        if await _failure(nodes, one, found, "without a handler any more") is not without:
            fail("without its handler a node does otherwise than before it had one")

    @check
    async def test_many_requests_at_once(self, nodes: Nodes) -> None:
        """Each gets its own answer."""
        one, other = await _pair(nodes)
        other.on_request(lambda sender, payload: payload[::-1])
        found = await _own_endpoint(nodes, other, one)
        asked = [b"%03d" % number for number in range(AT_ONCE)]
        answers = await nodes.soon(
            asyncio.gather(*(one.request(found, payload, timeout=nodes.patience) for payload in asked)),
            f"{AT_ONCE} requests at once",
        )
        if answers != [payload[::-1] for payload in asked]:
            fail(f"of {AT_ONCE} requests at once some got others' answers")

    @check
    async def test_a_request_ends_in_time(self, nodes: Nodes) -> None:
        """Where nobody answers: with BackendTimeout."""
        one, _ = await _pair(nodes)
        with _silent(one) as nobody:
            can_wait = nodes.world.advance is not None
            asking = asyncio.ensure_future(
                raised_by(lambda: one.request(nobody, b"x", timeout=PATIENT if can_wait else HASTY))
            )
            await _get_going()
            if can_wait:
                await nodes.advance(PATIENT + 0.1)
            error = await nodes.soon(asking, "a request whose time is up")
        if not isinstance(error, BackendTimeout):
            fail(f"nobody answered a request, which ended with {error!r} instead of BackendTimeout")

    @check
    async def test_a_request_can_be_cancelled(self, nodes: Nodes) -> None:
        """At each of its awaits, and leaves nothing."""
        one, other = await _pair(nodes)
        other.on_request(lambda sender, payload: payload)
        found = await _own_endpoint(nodes, other, one)
        await interrupt(nodes, "request()", lambda: one.request(found, b"x", timeout=nodes.patience))

    @check
    async def test_closing_ends_requests(self, nodes: Nodes) -> None:
        """Those under way raise a BitBootError."""
        one, _ = await _pair(nodes)
        with _silent(one) as nobody:
            asking = asyncio.ensure_future(raised_by(lambda: one.request(nobody, b"x", timeout=PATIENT)))
            await _get_going()
            await nodes.close(one)
            error = await nodes.soon(asking, "a request of a node that has been closed")
        if not isinstance(error, BitBootError):
            fail(f"closing the node, a request under way ended with {error!r}, which is not a BitBootError")


async def _pair(nodes: Nodes) -> tuple[Backend, Backend]:
    """Who asks, and who is asked."""
    other, one = await nodes.pair()
    if not one.capabilities.max_request:
        pytest.skip("it carries no requests, and says so")
    return one, other


async def _own_endpoint(nodes: Nodes, node: Backend, seeker: Backend) -> KnownHost:
    """Where a node that announces itself is found."""
    key = key_of(node, "itself")
    await nodes.announce(node, key, KnownHost("", 0))
    found = await nodes.look(seeker, key)
    if not found or not found[0].port:
        fail(f"a node that carries requests announced itself, by port 0, and is found as {found}")
    return found[0]


async def _failure(nodes: Nodes, node: Backend, endpoint: KnownHost, when: str) -> type[BaseException]:
    """The class of the error that a request ends with, once its time is up at the latest."""
    can_wait = nodes.world.advance is not None
    timeout = PATIENT if can_wait else HASTY
    asking = asyncio.ensure_future(raised_by(lambda: node.request(endpoint, b"x", timeout=timeout)))
    await _get_going()
    done, _ = await asyncio.wait([asking], timeout=HASTY)
    if can_wait and not done:
        await nodes.advance(PATIENT + 0.1)
    error = await nodes.soon(asking, f"a request {when}")
    if not isinstance(error, (RequestRefused, BackendTimeout)):
        fail(f"{when}, a request ended with {error!r}, not with RequestRefused or BackendTimeout")
    return type(error)


async def _get_going() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


@contextlib.contextmanager
def _silent(node: Backend) -> Iterator[KnownHost]:
    """An endpoint where nobody answers, and nobody says so either."""
    family = node.address.family or 4
    with socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as deaf:
        deaf.bind((LOOPBACK[family], 0))
        yield KnownHost(LOOPBACK[family], deaf.getsockname()[1])


def _raise(sender: KnownHost, payload: bytes) -> bytes:
    raise LookupError("the handler's own mistake")


def _mixed(length: int) -> bytes:
    return (b"d1:ai1e\0\r\n\xff" * length)[:length]


def _expect_refusal(error: BaseException | None, what: str) -> None:
    if not isinstance(error, UnsupportedOperation):
        fail(f"{what} raised {error!r}, not UnsupportedOperation")
