"""What the tests of the daemon share: one that serves on a socket of its own, and clients."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from bitboot_serve.app import create_app
from bitboot_serve.daemon import Daemon
from bitboot_serve.limits import Limits
from bitboot_serve.secrets import Secrets
from bitboot_serve.serving import Servers
from bitboot_serve.sockets import tcp_socket, unix_socket

from bitboot_core import Backend, BackendSpec, BitBootConfig, NetworkDefinition, Registry
from bitboot_core._plugins.installed import installed
from bitboot_core.aio.clock import Clock

TOKEN = "a-token-of-these-tests-0123456789"

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # they speak over unix sockets


class World:
    """A daemon that serves, and whoever asks it."""

    def __init__(self, daemon: Daemon, path: Path, tcp: socket.socket | None) -> None:
        self.daemon, self.path = daemon, path
        self.port: int = 0 if tcp is None else tcp.getsockname()[1]
        self._clients = AsyncExitStack()

    async def client(self) -> httpx.AsyncClient:
        """A program with connections of its own over the unix socket."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.path))
        client = httpx.AsyncClient(transport=transport, base_url="http://daemon", timeout=20)
        return await self._clients.enter_async_context(client)

    async def tcp_client(self, **headers: str) -> httpx.AsyncClient:
        """A program that asks over TCP."""
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=20)
        return await self._clients.enter_async_context(client)

    async def aclose(self) -> None:
        await self._clients.aclose()


def registry_with(backends: dict[str, Backend]) -> Registry:
    """What is installed, and a network for each of these backends, of the same name."""
    registry = Registry(entry_points=installed, environ={})
    for name, backend in backends.items():
        registry.register_backend(BackendSpec(name, [name], lambda config, backend=backend: backend))  # type: ignore[misc]
        registry.register_network(NetworkDefinition(name, name))
    return registry


@asynccontextmanager
async def serving(
    tmp_path: Path,
    *,
    network: Any = "local",
    limits: Limits | None = None,
    clock: Clock | None = None,
    tcp: bool = False,
    **backends: Backend,
) -> AsyncIterator[World]:
    """A daemon on a socket in `tmp_path`. `backends`: networks of those names, served by them."""
    config = BitBootConfig(network=network, state_dir=False, timeout=5)
    path = tmp_path / "serve.sock"
    async with AsyncExitStack() as stack:
        sockets = [stack.enter_context(unix_socket(path))]
        if tcp:
            sockets.append(stack.enter_context(tcp_socket("127.0.0.1:0")))
        daemon = Daemon(
            config,
            limits=limits,
            clock=clock,
            secrets=Secrets(tmp_path / "secrets"),
            registry=registry_with(backends),
        )
        await stack.enter_async_context(daemon)
        servers = Servers(daemon, create_app(daemon), sockets, TOKEN)
        await servers.start()
        world = World(daemon, path, sockets[1] if tcp else None)
        try:
            yield world
        finally:
            await world.aclose()
            daemon.closing.set()
            await servers.stop()


async def until(true: Callable[[], object]) -> None:
    """Let the loop run until it is so. The test's own timeout ends what never becomes so."""
    while not true():  # noqa: ASYNC110 - whatever it is, it has no event for tests
        await asyncio.sleep(0.001)


Serving = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path) -> Serving:
    """`serving`, in a folder of the test's own."""

    def make(**options: Any) -> Any:
        return serving(tmp_path, **options)

    return make


async def next_event_with_id(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any], str]:
    """The next server-sent event of a stream: its kind, what it tells, its id or ""."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line and fields:
            return fields["event"], json.loads(fields["data"]), fields.get("id", "")
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
    raise AssertionError("the stream has ended")


async def next_event(lines: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    """The same without its id."""
    return (await next_event_with_id(lines))[:2]


@contextmanager
def answering_on(path: str, *parts: bytes, holding: bool = False, times: int = 1) -> Iterator[str]:
    """A daemon that gives one answer in these parts, whatever it is asked. `holding`: without an end."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        done = threading.Event()

        def serve() -> None:
            for _ in range(times):
                connection, _ = listening.accept()
                with connection, suppress(BrokenPipeError, ConnectionResetError):  # who had enough of it left
                    connection.recv(65536)
                    for part in parts:
                        connection.sendall(part)
                    if holding:
                        done.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield path
        finally:
            done.set()
            thread.join()
