"""What backends answer is checked, and what makes no sense is told of and stops nothing."""

import dataclasses
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bitboot_core import BackendError, BootstrapFailed, Capabilities, KnownHost, Place, Reachability
from bitboot_core._networks import checked
from bitboot_core._networks.in_touch import CHECK_EVERY
from bitboot_core.backend import Announces, Scope
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails

SEED = KnownHost("192.0.2.1", 6881)
NODE = KnownHost("192.0.2.2", 6881)
PEER = KnownHost("192.0.2.7", 6881)

SOUND = Capabilities(can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PROCESS)


def raises(self: object) -> Any:
    raise LookupError("the backend's own mistake")


def endless(self: object) -> Iterator[KnownHost]:
    while True:
        yield NODE


def test_each_field_of_the_capabilities_is_checked() -> None:
    assert set(checked._CAPABILITIES) == {field.name for field in dataclasses.fields(Capabilities)}
    assert checked.capabilities(SOUND) is SOUND
    checked.capabilities(dataclasses.replace(SOUND, crowd=8, max_lifetime=float("inf")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"can_withdraw": 1},
        {"announces": "any"},
        {"scope": None},
        {"families": None},
        {"families": frozenset()},
        {"families": frozenset({4, 5})},
        {"families": 4},
        {"max_lifetime": "1800"},
        {"max_lifetime": 0},
        {"max_lifetime": float("nan")},
        {"key_bytes": 20.0},
        {"key_bytes": 0},
        {"crowd": 0},
        {"crowd": True},
        {"transport": "sctp"},
    ],
)
async def test_capabilities_that_make_no_sense_name_the_field(serve: Any, wrong: dict[str, Any]) -> None:
    (field,) = wrong
    backend = FakeBackend(capabilities=dataclasses.replace(SOUND, **wrong))
    with pytest.raises(BackendError, match=rf"fake-backend does not say .*capabilities\.{field}") as caught:
        await serve(backend)
    assert "report it to its authors" in caught.value.hint
    assert backend.count("aclose") == 1


async def test_capabilities_that_raise(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeBackend, "capabilities", property(raises))
    with pytest.raises(BackendError, match="does not say what it can do: the backend's own mistake"):
        await serve(FakeBackend())


@pytest.mark.parametrize(
    ("name", "rubbish"),
    [
        ("contacts", lambda self: None),
        ("contacts", lambda self: "192.0.2.1:6881"),
        ("contacts", lambda self: [{"host": "192.0.2.1"}]),
        ("contacts", lambda self: [("192.0.2.1", 6881)]),
        ("contacts", endless),
        ("contacts", raises),
        ("stats", lambda self: None),
        ("stats", lambda self: {"sent": "12"}),
        ("stats", lambda self: {"sent": float("nan")}),
        ("stats", lambda self: {1: 1}),
        ("stats", raises),
        ("address", property(lambda self: ("127.0.0.1", 1))),
        ("address", property(raises)),
        ("seen_at", property(lambda self: "192.0.2.1")),
        ("seen_at", property(lambda self: [KnownHost("192.0.2.1", 1)])),
        ("seen_at", property(lambda self: None)),
        ("seen_at", property(raises)),
        ("places", property(lambda self: None)),
        ("places", property(lambda self: [Place(Reachability.OPEN)])),
        ("places", property(lambda self: {5: Place(Reachability.OPEN)})),
        ("places", property(lambda self: {4: Reachability.OPEN})),
        ("places", property(lambda self: {4: Place("open")})),  # type: ignore[arg-type]
        ("places", property(lambda self: {4: Place(Reachability.OPEN, "192.0.2.1")})),  # type: ignore[arg-type]
        ("places", property(lambda self: {(): Place(Reachability.OPEN)})),
        ("places", property(raises)),
    ],
)
async def test_an_answer_that_makes_no_sense_is_told_of_and_stops_nothing(
    *,
    serve: Any,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    rubbish: Any,
) -> None:
    monkeypatch.setattr(FakeBackend, name, rubbish)
    backend = FakeBackend(bootstrap=answers(0))
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.advance(1)
    bitboot.stats()
    first = bitboot.networks()["fake"]
    assert isinstance(first.error, BackendError)

    # Staying in touch goes on: a network that comes back is noticed.
    del backend.acts["bootstrap"]
    await clock.advance(120)
    state = bitboot.networks()["fake"]
    assert state.ready
    assert f"the {name} of the backend fake-backend makes no sense" in str(state.error)
    assert (await bitboot.announce_peer("swarm", PEER)).status["fake"].stored_on == 1

    (logged,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert name in logged.getMessage()
    assert logged.exc_info is not None


async def test_a_round_of_keeping_in_touch_that_fails_is_told_of_and_tried_again(
    serve: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.settle()
    assert bitboot.networks()["fake"].ready
    with monkeypatch.context() as patch:
        # Whatever it is that nobody has thought of: here a mistake of our own.
        patch.setattr("bitboot_core._networks.in_touch.InTouch._to_try", raises)
        await clock.advance(CHECK_EVERY + 0.5)
    state = bitboot.networks()["fake"]
    assert not state.ready
    assert "LookupError: the backend's own mistake" in str(state.error)
    (logged,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert logged.exc_info is not None
    await clock.advance(61)
    assert bitboot.networks()["fake"].ready
    assert bitboot.networks()["fake"].error is None


async def test_after_a_failed_announcement_the_network_is_asked_what_is_the_matter(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(known=[NODE])
    bitboot = await serve(backend, bootstrap=[SEED])
    await clock.advance(600)
    assert backend.count("bootstrap") == 1  # nodes are known: no reason to begin again
    backend.acts["announce"] = fails(BootstrapFailed("nobody stores it"))
    async with bitboot.announce("swarm", PEER, renew=False) as announcement:
        with pytest.raises(BootstrapFailed):
            await announcement.announced()
    await clock.advance(61)
    assert backend.count("bootstrap") == 2
    await clock.advance(600)
    assert backend.count("bootstrap") == 2  # once, since it answered
