"""examples/webrtc_chat: texts between members of a private swarm; the whole chat where aiortc is there."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import sys
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from bitboot_core import BitBoot, Identity, KnownHost, Message, NetworkDefinition, PeerJoined, SwarmSecret

from .programs import EXAMPLES, program

MEMBER, OTHER = b"m" * 32, b"o" * 32


@pytest.fixture(scope="module")
def signalling() -> ModuleType:
    """The example's module, which is in no package."""
    spec = importlib.util.spec_from_file_location("signalling", EXAMPLES / "webrtc_chat" / "signalling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["signalling"] = module
    spec.loader.exec_module(module)
    return module


class Wire:
    """In place of a swarm: what is sent comes back, in another order, and once more."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.hostile: list[Message] = []

    async def send(self, member: bytes, data: bytes, *, timeout: float = 10.0) -> None:
        assert len(data) <= 900
        self.sent.append(data)

    async def messages(self) -> AsyncIterator[Message]:
        for message in self.hostile:
            yield message
        random.Random(1).shuffle(self.sent)
        for data in self.sent:
            yield Message(MEMBER, data)


@pytest.mark.parametrize("length", [0, 1, 900, 5_000])
async def test_a_text_comes_whole_whatever_the_order_of_its_parts(
    signalling: ModuleType, length: int
) -> None:
    wire = Wire()
    text = random.Random(1).randbytes(length).hex()
    for _ in range(3):
        await signalling.Signalling(wire).send(OTHER, text)
    assert [one async for one in signalling.Signalling(wire).texts()] == [(MEMBER, text)] * 3


async def test_a_text_that_is_too_long_is_refused(signalling: ModuleType) -> None:
    with pytest.raises(ValueError, match="too long"):
        await signalling.Signalling(Wire()).send(OTHER, os.urandom(20_000).hex())


async def test_a_hostile_member_sends_nothing_that_others_suffer_from(signalling: ModuleType) -> None:
    chance, wire = random.Random(1), Wire()
    bombs = [bytes(100_000), bytes(65_537)]
    wire.hostile = [
        *(Message(OTHER, chance.randbytes(chance.randrange(900))) for _ in range(2_000)),
        *(Message(OTHER, chance.randbytes(4) + bytes([0, 2]) + bytes(894)) for _ in range(500)),
        *(Message(OTHER, b"bomb" + bytes([0, 1]) + zlib.compress(one)) for one in bombs),
        Message(OTHER, b"text" + bytes([0, 1]) + zlib.compress(b"\xff\xfe")),
        Message(OTHER, b"half" + bytes([0, 1]) + zlib.compress(b"cut short")[:-3]),
    ]
    await signalling.Signalling(wire).send(OTHER, "an offer " * 200)
    receiving = signalling.Signalling(wire)
    assert [one async for one in receiving.texts()] == [(MEMBER, "an offer " * 200)]
    assert len(receiving._unfinished) <= signalling.MAX_UNFINISHED


async def test_two_members_exchange_an_offer_and_an_answer_by_a_private_swarm(signalling: ModuleType) -> None:
    """With a connection that only notes them: whether WebRTC then connects is another test's question."""
    secret, network = SwarmSecret.generate(), NetworkDefinition("signalling", protocol="local")
    identities = Identity.generate(), Identity.generate()
    offer, answer = (random.Random(seed).randbytes(1_500).hex() for seed in (1, 2))
    async with (
        BitBoot(network=network, state_dir=False, identity=identities[0]) as one,
        BitBoot(network=network, state_dir=False, identity=identities[1]) as other,
        one.join("room", port=0, secret=secret) as here,
        other.join("room", port=0, secret=secret) as there,
    ):
        asking, asked = signalling.Signalling(here), signalling.Signalling(there)

        async def offers() -> str:
            async for event in here:
                if isinstance(event, PeerJoined) and event.peer.member == identities[1].public_key:
                    break
            await asking.send(identities[1].public_key, offer)
            async for member, text in asking.texts():
                assert member == identities[1].public_key
                return str(text)
            raise AssertionError("it has ended without an answer")

        async def answers() -> str:
            async for member, text in asked.texts():
                assert member == identities[0].public_key
                await asked.send(member, answer)
                return str(text)
            raise AssertionError("it has ended without an offer")

        async with asyncio.timeout(60):
            assert list(await asyncio.gather(offers(), answers())) == [answer, offer]


@pytest.mark.skipif(importlib.util.find_spec("aiortc") is None, reason="not installed: pip install aiortc")
async def test_members_meet_talk_and_leave(contacts: Sequence[KnownHost], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SwarmSecret.generate().reveal(), encoding="utf-8")
    chat = "webrtc_chat/webrtc_chat.py", "--secret-file", str(secret), "--listen", "127.0.0.1:0"
    bootstrap = [word for one in contacts for word in ("--bootstrap", str(one))]
    async with program(*chat, *bootstrap, "Ada") as ada, program(*chat, *bootstrap, "Bob") as bob:
        await ada.shows("* Bob is here")
        await bob.shows("* Ada is here")
        await ada.types("hello, is anybody there?")
        await bob.shows("Ada: hello, is anybody there?")
        await bob.types("only \x1b[31mme")
        await ada.shows("Bob: only ?[31mme")
        await bob.types("")
        await ada.shows("* Bob has gone")
        assert await bob.ended() == 0
