"""The backend's announcements: of this node's own address, and of no other."""

from __future__ import annotations

import asyncio

from bitboot_core import AnnounceFailed, KnownHost, Receipt, UnsupportedOperation
from bitboot_core.aio.udp import is_own_address

from .lookup.per_family import Run
from .udp import UdpDriver
from .wire import compact


async def announce(driver: UdpDriver, run: Run, key: bytes, endpoint: KnownHost, lifetime: float) -> Receipt:
    """`MainlineBackend.announce`."""
    families = _own_families(driver, endpoint)
    node, now = driver.node, asyncio.get_running_loop().time()
    stored = await run(lambda done: node.announce(key, endpoint.port, done, now=now, families=families))
    if not stored:
        known = sum(len(table) for table in node.tables.values())
        raise AnnounceFailed(
            f"none of the network's nodes stored the announcement ({known} contacts known)",
            hint="wait until other nodes have joined"
            if not known
            else "check that UDP is not filtered on the way out",
        )
    could_store = sum(min(node.settings.k, len(node.tables[family])) for family in families)
    return Receipt(stored, min(lifetime, node.settings.peer_lifetime), max(stored, could_store))


def _own_families(driver: UdpDriver, endpoint: KnownHost) -> list[int]:
    """Where to announce. Raises UnsupportedOperation for an address that is not ours."""
    tables = driver.node.tables
    if not endpoint.host or endpoint.is_any:
        wanted = endpoint.family if endpoint.host else None
        families = [family for family in tables if wanted in (None, family)]
    elif endpoint.family in tables and _is_own(driver, endpoint):
        families = [endpoint.family]
    else:
        families = []
    if not families:
        raise UnsupportedOperation(
            f"{endpoint.host} is not an address of this node, and mainline announces no other",
            hint="leave the host out: the network stores the address that it sees us at (BEP 5)",
        )
    return families


def _is_own(driver: UdpDriver, endpoint: KnownHost) -> bool:
    if not driver.address.is_any and driver.address.family == endpoint.family:
        return endpoint.host == driver.address.host
    external = driver.node.external.get(endpoint.family or 4)
    ip = compact.pack(endpoint.host, 0)[:-2]
    return (external is not None and external.ip == ip) or is_own_address(endpoint.host)
