"""The kit for port mappers finds what it is there to find, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bitboot_core import KnownHost, NoRouterAnswered, PortGrant, PortMapper, PortMappingFailed, PortRequest
from bitboot_core.testing import FakePortMapper
from bitboot_core.testing.contract import PortMapperContract, RouterWorld

pytestmark = pytest.mark.once

CHECKS = [name for name in dir(PortMapperContract) if name.startswith("test_")]


class Model(FakePortMapper):
    """A mapper that keeps the contract, with the router in itself."""

    silent = refusing = False

    async def probe(self, family: int) -> KnownHost:
        if self.silent:
            raise NoRouterAnswered("nobody answered")
        return await super().probe(family)

    async def map(self, request: PortRequest) -> PortGrant:
        if self.refusing:
            raise PortMappingFailed("it says no")
        return await super().map(request)


class ProbeOpens(Model):
    async def probe(self, family: int) -> KnownHost:
        outside = await super().probe(family)
        self.open["tcp", 7001] = PortRequest(family=4, transport="tcp", port=1, outside_port=1, lifetime=1)
        return outside


class ProbeTellsAPort(Model):
    async def probe(self, family: int) -> KnownHost:
        return KnownHost((await super().probe(family)).host, 7001)


class OpensNothing(Model):
    async def map(self, request: PortRequest) -> PortGrant:
        grant = await super().map(request)
        if request.port == 7001 and request.transport == "tcp":
            del self.open["tcp", grant.outside.port]
        return grant

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        self.calls.append(("check",))
        return self.restarts == 0

    restarts = 0


class Wanders(Model):
    async def map(self, request: PortRequest) -> PortGrant:
        grant = await super().map(request)
        self.open[request.transport, grant.outside.port + 1] = request
        return PortGrant(KnownHost(grant.outside.host, grant.outside.port + 1), grant.lifetime)


class ClosesAll(Model):
    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        self.open.clear()


class AlwaysContent(Model):
    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        return True


class RefusesInSilence(Model):
    async def probe(self, family: int) -> KnownHost:
        if self.silent:
            raise PortMappingFailed("no")
        return await super().probe(family)


class SilentRefusal(Model):
    async def map(self, request: PortRequest) -> PortGrant:
        if self.refusing:
            raise NoRouterAnswered("no")
        return await super().map(request)


class HangsInSilence(Model):
    async def probe(self, family: int) -> KnownHost:
        if self.silent:
            await asyncio.Event().wait()
        return await super().probe(family)


class LeavesATask(Model):
    async def probe(self, family: int) -> KnownHost:
        self.task = asyncio.ensure_future(asyncio.sleep(60))
        return await super().probe(family)


class LeavesASocket(Model):
    def __init__(self) -> None:
        super().__init__()
        self.sockets: list[socket.socket] = []

    async def probe(self, family: int) -> KnownHost:
        self.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        return await super().probe(family)

    def __del__(self) -> None:
        for sock in self.sockets:
            sock.close()


def failures(make: Callable[[], Model]) -> dict[str, str]:
    """What the kit says against a mapper, by check."""

    class Contract(PortMapperContract):
        patience, grace = 0.5, 0.1

        @asynccontextmanager
        async def world(self) -> AsyncIterator[RouterWorld]:
            model = make()

            def made() -> PortMapper:
                return model

            def restart() -> None:
                model.open.clear()
                if isinstance(model, OpensNothing):
                    model.restarts += 1

            yield RouterWorld(
                make=made,
                is_open=lambda transport, port: (transport, port) in model.open,
                silence=lambda: setattr(model, "silent", True),
                refuse=lambda: setattr(model, "refusing", True),
                restart=restart,
            )

    failed = {}
    for name in CHECKS:
        try:
            getattr(Contract(), name)()
        except pytest.fail.Exception as error:
            failed[name.removeprefix("test_")] = str(error)
    return failed


def test_a_good_one_passes() -> None:
    assert failures(Model) == {}


@pytest.mark.parametrize(
    ("broken", "check", "words"),
    [
        (ProbeOpens, "a_probe_changes_nothing", "opened a port"),
        (ProbeTellsAPort, "a_probe_changes_nothing", "not a KnownHost with port 0"),
        (OpensNothing, "a_port_is_opened_renewed_and_closed", "has not opened it"),
        (Wanders, "a_port_is_opened_renewed_and_closed", "it moved from port"),
        (ClosesAll, "closing_one_leaves_the_others", "closed more"),
        (AlwaysContent, "a_check_tells_whether_it_stands", "did not notice"),
        (RefusesInSilence, "silence_is_no_refusal", "in place of NoRouterAnswered"),
        (HangsInSilence, "silence_is_no_refusal", "did not end within"),
        (SilentRefusal, "a_refusal_is_told", "raised NoRouterAnswered"),
        (LeavesATask, "nothing_is_left", "it left"),
        (LeavesASocket, "nothing_is_left", "it left"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_one_that_breaks_it_is_found(broken: type[Model], check: str, words: str) -> None:
    found = failures(broken)
    assert set(found) == {check}
    assert words in found[check]
