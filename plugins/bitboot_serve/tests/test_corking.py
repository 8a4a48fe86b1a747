"""What is written together goes out together."""

from __future__ import annotations

import asyncio

from bitboot_serve.corking import MOST, Corked


class Recording(asyncio.Transport):
    """A transport that notes what becomes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = ""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = "closed"

    def abort(self) -> None:
        self.closed = "aborted"

    def is_closing(self) -> bool:
        return bool(self.closed)


async def test_it_sends_once_a_turn() -> None:
    below = Recording()
    corked = Corked(below, asyncio.get_running_loop())
    for part in (b"head", b"body", b"end"):
        corked.write(part)
    assert below.sent == []
    await asyncio.sleep(0)
    assert below.sent == [b"headbodyend"]
    corked.write(b"more")
    await asyncio.sleep(0)
    assert below.sent == [b"headbodyend", b"more"]


async def test_it_keeps_back_no_more_than_that() -> None:
    below = Recording()
    corked = Corked(below, asyncio.get_running_loop())
    corked.write(b"x" * MOST)
    assert len(below.sent[0]) == MOST
    corked.write(b"y")
    corked.close()
    assert below.sent[1:] == [b"y"]
    assert below.closed == "closed"
    corked.write(b"too late")
    await asyncio.sleep(0)
    assert len(below.sent) == 2


async def test_what_is_cut_off_sends_nothing_more() -> None:
    below = Recording()
    corked = Corked(below, asyncio.get_running_loop())
    corked.write(b"x")
    corked.abort()
    await asyncio.sleep(0)
    assert (below.sent, below.closed) == ([], "aborted")
