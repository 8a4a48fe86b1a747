"""What the programs in examples/ make of peers who are none of theirs."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from types import ModuleType

import pytest

from bitboot_core import KnownHost

from .programs import EXAMPLES, program


def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.replace("/", "_"), EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


async def test_the_chat_hangs_up_on_who_talks_without_end() -> None:
    chat = module("chat/chat.py")
    hung_up = asyncio.Event()

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                writer.write(bytes(100_000))
                await writer.drain()
        writer.close()
        hung_up.set()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        endpoint = KnownHost(*server.sockets[0].getsockname())
        meeting = asyncio.create_task(chat.Chat("Ada").meet(endpoint))
        await asyncio.wait_for(hung_up.wait(), 30)
        meeting.cancel()


@pytest.mark.parametrize(
    ("number", "factors", "right"),
    [
        (12, [2, 3, 2], True),
        (1_000_003, [1_000_003], True),
        (12, [12], False),  # no prime
        (12, [4, 3], False),
        (12, [2, 2, 2], False),
        (12, [], False),
        (12, [2.0, 6], False),
        (12, [-3, -4], False),
        (12, [True, 2, 2, 3], False),
        (12, [1] * 10_000, False),
        (12, {"2": 6}, False),
        (2047, [2047], False),  # composite, and passes for a prime with base 2
        (2**39 - 7, [2**39 - 7], True),
    ],
)
def test_factors_are_checked(number: int, factors: object, right: bool) -> None:
    assert module("workers/workers.py").is_factors(factors, number) is right


def test_the_check_agrees_with_trial_division() -> None:
    workers = module("workers/workers.py")
    for number in range(2, 3000):
        assert workers.is_prime(number) is (workers.factors_of(number) == [number])


@pytest.mark.parametrize("line", [b"[" * 9000, b"", b"7", b"{", b"\xff", b'{"a":' * 1500, b"9" * 9000])
async def test_a_message_that_is_none_is_an_error_of_one_kind(line: bytes) -> None:
    workers = module("workers/workers.py")
    reader = asyncio.StreamReader(limit=workers.MAX_LINE)
    reader.feed_data(line + b"\n")
    reader.feed_eof()
    with pytest.raises(ValueError, match=r"no message|Expecting|decode|limit"):
        await workers.receive(reader)


@pytest.mark.parametrize("typed", ["1", "-6", str(2**40), "six"])
async def test_numbers_that_no_worker_would_take_are_refused(typed: str) -> None:
    async with program("workers/workers.py", "coordinator", "--", typed) as coordinator:
        assert await coordinator.ended() == 2
        assert "invalid number value" in coordinator.printed[-1]
