"""A Bitboot node with its defaults, asked over a Unix socket: one JSON request a connection, one JSON answer.

bb_node.py SOCKET [SETTINGS], where SETTINGS is JSON with some of BitBoot's settings, and as "node" some of
bitboot_btdht's. Requests are {"op": NAME, ...} with the fields of the functions below. Peers are written
ADDRESS:PORT, IPv6 without brackets.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import compact

from bitboot_core import BackendSpec, BitBoot, BitBootError, BootstrapFailed, KnownHost, register_backend


class Bitboot:
    """What may be asked of it."""

    def __init__(self, bitboot: BitBoot) -> None:
        self._bitboot = bitboot
        backend = bitboot.backend("mainline")
        assert isinstance(backend, MainlineBackend)
        self._backend = backend
        self._requests = next(one for one in bitboot._networks if one.name == "mainline").requests
        self._callers: set[str] = set()
        self._backend.node.extensions.on_query(
            lambda _, address: self._callers.add(compact.known_host(address).host)
        )

    async def announce(self, swarm: str, port: int) -> dict[str, Any]:
        """Announce until the node ends; answers once it is stored. Port 0: that of the node's own socket."""
        announcement = await self._bitboot.announce_peer(swarm, KnownHost("", port))
        return {"stored_on": announcement.status["mainline"].stored_on}

    async def begin(self, swarm: str, port: int) -> dict[str, Any]:
        """Announce until the node ends; the answer does not wait for it."""
        self._bitboot.announce(swarm, port=port).open()
        return {}

    async def find(self, swarm: str, source: str | None = None) -> dict[str, Any]:
        """Look up to the end: the peers (of one network, `source`), seconds until the first and in all."""
        started = time.monotonic()
        first = None
        peers = []
        async with self._bitboot.find(swarm) as found:
            async for peer in found:
                if first is None:
                    first = time.monotonic() - started
                peers.append(f"{peer.host}:{peer.port}")
            if source is not None:
                peers = [f"{one.host}:{one.port}" for one in found.peers if source in one.sources]
        return {"peers": sorted(peers), "first": first, "seconds": time.monotonic() - started}

    async def stores(self, key: str) -> dict[str, Any]:
        """How many IPv4 peers it stores itself under a key, in hex."""
        node = self._backend.node
        return {"peers": len(node.store.get(bytes.fromhex(key), 4, 1000, node.now))}

    async def reach(self, places: list[tuple[str, int]], tries: int = 3) -> dict[str, Any]:
        """Whether a node at one of these places answers to requests from this node's own socket."""
        for _ in range(tries):
            try:
                if await self._backend.bootstrap([KnownHost(*place) for place in places]):
                    return {"answered": True}
            except BootstrapFailed:
                await asyncio.sleep(0.2)
        return {"answered": False}

    async def answer(self) -> dict[str, Any]:
        """Answer requests from now on, each with its payload backwards."""
        self._requests.answer(lambda sender, payload: payload[::-1])
        return {}

    async def request(self, places: list[tuple[str, int]], tries: int = 3) -> dict[str, Any]:
        """Ask at each place, some times, half a second apart: who has answered, how other requests ended."""
        answered, errors = set(), set()

        async def once(place: tuple[str, int], after: int) -> None:
            await asyncio.sleep(after / 2)
            try:
                answer = await self._requests.ask(KnownHost(*place), b"hello", timeout=1.0)
                assert answer == b"olleh"
                answered.add(f"{place[0]}:{place[1]}")
            except BitBootError as error:
                errors.add(type(error).__name__)

        await asyncio.gather(*(once(place, number) for place in places for number in range(tries)))
        return {"answered": sorted(answered), "errors": sorted(errors)}

    async def callers(self) -> dict[str, Any]:
        """From which IP addresses queries have come in since this was asked last, answered or not."""
        callers, self._callers = self._callers, set()
        return {"hosts": sorted(callers)}

    async def status(self) -> dict[str, Any]:
        """Where others see the node, whether they reach it, whom it serves, and who answered recently."""
        return {
            "outside": self._backend.seen_at,
            "places": {
                family: (place.reachability.value, place.outside and str(place.outside))
                for family, place in self._backend.places.items()
            },
            "serves": [family for family in (4, 6) if self._backend.node.is_serving(family)],
            "contacts": [f"{contact.host}:{contact.port}" for contact in self._backend.contacts()],
        }


async def main(path: str, settings: str = "{}") -> None:
    """Answer for ever."""
    chosen = {"network": "mainline"} | json.loads(settings)
    if "node" in chosen:
        own = Settings(**chosen.pop("node"))
        register_backend(
            BackendSpec(
                name="own", protocols=["mainline"], factory=lambda config: MainlineBackend(config, own)
            )
        )
        chosen["backend"] = "own"
    async with BitBoot(**chosen) as bitboot:
        node = Bitboot(bitboot)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                request = json.loads(await reader.readline())
                result = await getattr(node, request.pop("op"))(**request)
            except Exception as error:  # noqa: BLE001 - it goes to whoever asked
                result = {"error": repr(error)}
            writer.write(json.dumps(result).encode() + b"\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_unix_server(answer, path)
        try:
            await bitboot.ready()
        except BitBootError as error:
            print("not ready:", error)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
