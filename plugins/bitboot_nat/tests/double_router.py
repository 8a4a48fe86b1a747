"""A router on loopback that speaks NAT-PMP and PCP, and does as told: restarts, refuses, lies, hangs."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import struct
from collections.abc import AsyncIterator
from typing import Any

from bitboot_nat.gateway import Gateway

from bitboot_core.testing import ManualClock

PATIENT = (0.05, 0.1, 0.2, 2.0)
"""For questions that are answered: a machine that is busy with other things takes its time."""

SHORT = (0.05, 0.1)
"""For questions that nobody will answer."""

GATEWAY = Gateway("127.0.0.1")
OUTSIDE = "81.2.69.160"


class DoubleRouter(asyncio.DatagramProtocol):
    """`open`: what is open, by protocol number and outside port: the port inside, and the nonce.

    `speaks`: "natpmp", "pcp". `result`: what it answers to everything. `lie`: how its answers are wrong:
    "nonce", "port", "sender", "junk", "short". `deaf`: how many of the next questions it ignores.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.outside = OUTSIDE
        self.speaks = {"natpmp", "pcp"}
        self.open: dict[tuple[int, int], tuple[int, bytes]] = {}
        self.result, self.lie, self.deaf = 0, "", 0
        self.lifetime = 7200
        self.taken: set[int] = set()
        self.asked: list[bytes] = []
        self.started = clock.now() - 1000
        self._transport: Any = None
        self.liar: Any = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def epoch(self) -> int:
        """Seconds since it started."""
        return int(self.clock.now() - self.started)

    def restart(self) -> None:
        """Forget everything."""
        self.open.clear()
        self.started = self.clock.now()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked.append(data)
        if self.deaf:
            self.deaf -= 1
            return
        answer = self._answer(data)
        if answer is None:
            return
        if self.lie == "junk":
            answer = b"\xff" * 3000
        elif self.lie == "short":
            answer = answer[:7]
        sender = self.liar if self.lie == "sender" else self._transport
        sender.sendto(answer, addr)

    def _answer(self, data: bytes) -> bytes | None:
        if data[0] == 0 and "natpmp" in self.speaks:
            return self._natpmp(data)
        if data[0] == 2 and "pcp" in self.speaks:
            return self._pcp(data)
        if data[0] == 2 and "natpmp" in self.speaks:
            return struct.pack("!BBHI", 0, 128, 1, self.epoch)
        return None

    def _natpmp(self, data: bytes) -> bytes:
        head = struct.pack("!BBHI", 0, 128 + data[1], self.result, self.epoch)
        if data[1] == 0:
            return head + ipaddress.IPv4Address(self.outside).packed
        port, wanted, lifetime = struct.unpack_from("!HHI", data, 4)
        protocol = {1: 17, 2: 6}[data[1]]
        outside_port = 0 if self.result else self._change(protocol, port, wanted, lifetime, b"")
        granted = min(lifetime, self.lifetime)
        return head + struct.pack("!HHI", port + (self.lie == "port"), outside_port, granted)

    def _pcp(self, data: bytes) -> bytes:
        opcode, lifetime = data[1], struct.unpack_from("!I", data, 4)[0]
        granted = min(lifetime, self.lifetime)
        result = self.result
        body = data[24:]
        if opcode == 1:
            nonce, protocol, port, wanted = struct.unpack_from("!12sB3xHH", body)
            outside_port = 0
            if not result:
                known = self._known(protocol, port)
                if known is not None and known != nonce:
                    result = 2
                else:
                    outside_port = self._change(protocol, port, wanted, lifetime, nonce)
            if self.lie == "nonce":
                nonce = bytes(12)
            outside = b"\0" * 10 + b"\xff\xff" + ipaddress.IPv4Address(self.outside).packed
            body = struct.pack(
                "!12sB3xHH16s", nonce, protocol, port + (self.lie == "port"), outside_port, outside
            )
        return struct.pack("!BBxBII12x", 2, 0x80 | opcode, result, granted, self.epoch) + body

    def _known(self, protocol: int, port: int) -> bytes | None:
        for (other, _), (inside, nonce) in self.open.items():
            if (other, inside) == (protocol, port):
                return nonce
        return None

    def _change(self, protocol: int, port: int, wanted: int, lifetime: int, nonce: bytes) -> int:
        mine = [key for key, (inside, _) in self.open.items() if key[0] == protocol and inside == port]
        if not lifetime:
            for key in mine:
                del self.open[key]
            return 0
        if mine:
            return mine[0][1]
        while wanted in self.taken or (protocol, wanted) in self.open:
            wanted += 1
        self.open[protocol, wanted] = port, nonce
        return wanted


@contextlib.asynccontextmanager
async def double_router(clock: ManualClock) -> AsyncIterator[DoubleRouter]:
    """One that runs for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    transport, router = await loop.create_datagram_endpoint(
        lambda: DoubleRouter(clock), local_addr=("127.0.0.1", 0)
    )
    liar, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    router.liar = liar
    try:
        yield router
    finally:
        transport.close()
        liar.close()
        await asyncio.sleep(0)
