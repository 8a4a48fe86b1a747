"""Private swarms in programs as people write them: on the network `local`, and with threads."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import BitBoot, Identity, InvalidConfig, Message, SwarmSecret, blocking

SECRET = SwarmSecret.generate()


@pytest.fixture
def pair() -> Iterator[list[Any]]:
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                blocking.BitBoot(network="local", state_dir=False, identity=Identity.generate())
            )
            for _ in range(2)
        ]


def test_without_asyncio(pair: list[Any]) -> None:
    one, other = pair
    with (
        one.join("swarm", port=7001, secret=SECRET, data=b"one") as ada,
        other.join("swarm", port=7002, secret=SECRET) as bob,
    ):
        there = {}
        for event in bob:
            there[event.peer.port] = event.peer
            if 7001 in there:
                break
        assert there[7001].data == b"one"
        bob.send(there[7001].member, b"hello")
        assert next(ada.messages()) == Message(other.config.identity.public_key, b"hello")
        assert ada.admit is None
        ada.admit = lambda member: False
        assert ada.admit is not None
        assert {peer.port for peer in one.lookup("swarm", secret=SECRET)} == {7001, 7002}
        with other.find("swarm", secret=SwarmSecret.generate()) as found:
            assert found.collect() == []
            assert found.unproved == 0
        messages = bob.messages()
    assert list(messages) == []


def test_announcing_and_watching_without_asyncio(pair: list[Any]) -> None:
    one, other = pair
    one.announce_peer("swarm", "127.0.0.1:7003", secret=SECRET)
    with one.announce("swarm", port=7004, secret=SECRET) as announcement:
        announcement.announced()
        with other.watch("swarm", secret=SECRET) as events:
            assert {next(events).peer.port for _ in range(2)} == {7003, 7004}


async def test_the_identity_is_kept_in_the_state_folder(tmp_path: Path) -> None:
    async def whoami() -> bytes | None:
        async with (
            BitBoot(network="local", state_dir=tmp_path) as bitboot,
            bitboot.join("swarm", port=7005, secret=SECRET) as swarm,
        ):
            return (await anext(swarm)).peer.member

    first = await whoami()
    kept = Identity.load(tmp_path / "identity", make=False)
    assert first == kept.public_key == await whoami()
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "identity").stat().st_mode) == 0o600


async def test_a_damaged_identity_is_told(tmp_path: Path) -> None:
    (tmp_path / "identity").write_text("nonsense")
    async with BitBoot(network="local", state_dir=tmp_path) as bitboot:
        with pytest.raises(InvalidConfig, match="holds no identity"):
            await bitboot.lookup("swarm", secret=SECRET)
        with pytest.raises(InvalidConfig, match="holds no identity"):
            await bitboot.announce_peer("swarm", ":7006", secret=SECRET)


async def test_a_passphrase_will_do() -> None:
    secret = SwarmSecret.from_passphrase("correct horse battery staple")
    async with (
        BitBoot(network="local", state_dir=False) as bitboot,
        bitboot.announce("swarm", port=7007, secret=secret) as announcement,
    ):
        await announcement.announced()
        assert [peer.port for peer in await bitboot.lookup("swarm", secret=secret)] == [7007]


@pytest.mark.once
def test_without_the_library_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "import asyncio\n"
        "from bitboot_core import BitBoot, LibraryMissing, SwarmSecret\n"
        "async def main():\n"
        "    async with BitBoot(network='local', state_dir=False) as bitboot:\n"
        "        try:\n"
        "            bitboot.find('x', secret=SwarmSecret.generate())\n"
        "        except LibraryMissing as error:\n"
        "            print(error, error.hint)\n"
        "asyncio.run(main())"
    )
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "private swarms need the library cryptography" in out
    assert "bitboot-core[private]" in out
