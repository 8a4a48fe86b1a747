"""The contract of port mappers, kept by each of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bitboot_nat.mappers.natpmp import NatPmpMapper
from bitboot_nat.mappers.pcp import PcpMapper
from bitboot_nat.mappers.upnp import UpnpMapper

from bitboot_core import PortMapper, Transport
from bitboot_core.testing import ManualClock
from bitboot_core.testing.contract import PortMapperContract, RouterWorld

from .double_igd import double_igd
from .double_router import GATEWAY, PATIENT, DoubleRouter, double_router

PROTOCOL: dict[Transport, int] = {"tcp": 6, "udp": 17}


class UdpContract(PortMapperContract):
    __test__ = False

    def make(self, router: DoubleRouter) -> PortMapper:
        raise NotImplementedError

    @asynccontextmanager
    async def world(self) -> AsyncIterator[RouterWorld]:
        async with double_router(ManualClock(5000)) as router:
            yield RouterWorld(
                make=lambda: self.make(router),
                is_open=lambda transport, port: (PROTOCOL[transport], port) in router.open,
                silence=router.speaks.clear,
                refuse=lambda: setattr(router, "result", 2),
                restart=router.restart,
            )


class TestPcp(UdpContract):
    __test__ = True

    def make(self, router: DoubleRouter) -> PortMapper:
        return PcpMapper(lambda family: [GATEWAY], port=router.port, clock=router.clock, pauses=PATIENT)


class TestNatPmp(UdpContract):
    __test__ = True

    def make(self, router: DoubleRouter) -> PortMapper:
        return NatPmpMapper(lambda family: [GATEWAY], port=router.port, clock=router.clock, pauses=PATIENT)


class TestUpnp(PortMapperContract):
    @asynccontextmanager
    async def world(self) -> AsyncIterator[RouterWorld]:
        async with double_igd() as igd:
            yield RouterWorld(
                make=lambda: UpnpMapper(lambda family: [igd.gateway], port=igd.port, group="127.0.0.1"),
                is_open=lambda transport, port: (transport.upper(), port) in igd.open,
                silence=lambda: setattr(igd, "deaf", True),
                refuse=lambda: igd.faults.update(AddPortMapping=[606]),
                restart=igd.open.clear,
            )
