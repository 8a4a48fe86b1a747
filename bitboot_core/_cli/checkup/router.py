"""Whether the router opens ports, and whether that would help: asked in every way that is installed."""

from __future__ import annotations

from contextlib import aclosing

from ..._plugins.frozen import how_to_get
from ..._plugins.registry import Registry
from ..._swarms.ports.mapping import DOUBLE_NAT_HINT
from ..._swarms.ports.routers import Routers, all_failed
from ...aio.clock import Clock
from ...errors import NoRouterAnswered, PortMappingFailed
from ...model import address_scope
from ..report.checks import OK, UNKNOWN, WARNING, Check, Tell

HOW = "--map-port has it open one for your program, map_ports = true the node's own"


class RouterCheckup:
    """Made once, however many networks are looked at. Changes nothing on the router."""

    def __init__(self, registry: Registry, clock: Clock, tell: Tell) -> None:
        self._registry, self._clock, self._tell = registry, clock, tell
        self._is_done = False

    async def run(self) -> None:
        """Ask, within some three seconds."""
        if self._is_done:
            return
        self._is_done = True
        routers = Routers(self._registry, self._clock)
        try:
            self._tell(await self._check(routers))
        finally:
            await routers.aclose()

    async def _check(self, routers: Routers) -> Check:
        if not routers.families:
            return Check(
                check="router",
                status=UNKNOWN,
                message="nothing is installed that asks routers to open ports",
                hint=how_to_get("nat"),
            )
        failures: dict[str, PortMappingFailed] = {}
        found: dict[str, str] = {}
        async with aclosing(routers.answering(4, failures)) as answers:
            async for answer in answers:
                found[answer.mapper.name] = "" if answer.outside.is_any else answer.outside.host
        if not found:
            error = all_failed(failures)
            status = UNKNOWN if isinstance(error, NoRouterAnswered) else WARNING
            return Check.failed("router", error, status=status)
        message = f"opens ports, by {', '.join(found)}"
        outside = next((host for host in found.values() if host), "")
        if not outside:
            return Check(
                check="router", status=OK, message=f"{message}; it does not say its address", hint=HOW
            )
        message += f"; its outside address is {outside}"
        if address_scope(outside) != "public":
            return Check(
                check="router",
                status=WARNING,
                message=f"{message}, which is private: another NAT follows it (double NAT)",
                hint=DOUBLE_NAT_HINT,
            )
        return Check(check="router", status=OK, message=message, hint=HOW)
