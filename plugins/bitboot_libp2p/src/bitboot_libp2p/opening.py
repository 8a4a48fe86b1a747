"""Making a host, and the node on it, for as long as a context lasts."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio
from libp2p import new_host
from libp2p.crypto.x25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.kad_dht.common import PROTOCOL_ID
from libp2p.network.config import ConnectionConfig, RetryConfig
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE
from libp2p.security.noise.transport import Transport as Noise
from multiaddr import Multiaddr

from bitboot_core import KnownHost, ListenFailed

from .keys import key_pair
from .node import REQUEST_TIMEOUT, Node
from .peer_ids import multiaddr
from .transport import Transport


@asynccontextmanager
async def open_node(
    listen: KnownHost, folder: Path | None, network: str, now: Callable[[], float], *, serves: bool
) -> AsyncIterator[Node]:
    """A node for as long as the context lasts. `serves`: it answers others. Raises ListenFailed."""
    probe(listen)
    pair = key_pair(folder, network)
    noise = Noise(pair, noise_privkey=create_new_key_pair().private_key)
    where = multiaddr(listen)
    transport = Transport()
    host = new_host(
        key_pair=pair,
        transports=[transport],
        sec_opt={TProtocol(NOISE): noise},
        listen_addrs=[where],
        connection_config=ConnectionConfig(dial_timeout=REQUEST_TIMEOUT, min_connections=0, low_watermark=0),
        disable_identify_address_discovery=True,
    )
    # It would knock four times, in 0.8 s, where nobody is. Many are gone that others tell of: on to the next.
    host.get_network().retry_config = RetryConfig(max_retries=0)
    # It would connect to every node that it has heard of, and get in the way of our own requests.
    host.get_network().auto_connector.maybe_connect = trio.lowlevel.checkpoint
    try:
        async with _running(host, where, listen, noise, now, serves=serves) as node:
            yield node
    finally:
        transport.close_sockets()


@asynccontextmanager
async def _running(
    host: Any, where: Multiaddr, listen: KnownHost, noise: Noise, now: Callable[[], float], *, serves: bool
) -> AsyncIterator[Node]:
    async with host.run(listen_addrs=[where]):
        addresses = host.get_transport_addrs()
        if not addresses:
            raise ListenFailed(f"{listen} cannot be listened on")
        async with trio.open_nursery() as nursery:
            node = Node(host, noise, now, nursery)
            port = int(addresses[0].value_for_protocol("tcp"))
            node.address = KnownHost(listen.host, port, node.peer_id)
            if serves:
                host.set_stream_handler(TProtocol(PROTOCOL_ID), node.server.serve)
            try:
                yield node
            finally:
                nursery.cancel_scope.cancel()


def probe(listen: KnownHost) -> None:
    """Raises ListenFailed where the port is taken: the library shares ports, and would not say so."""
    if listen.family is None:
        raise ListenFailed(
            f"{listen.host!r} is not an address", hint="listen on an IP address of this machine"
        )
    family = socket.AF_INET if listen.family == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        try:
            if hasattr(socket, "SO_REUSEPORT"):  # there it lets a port be reused that nobody listens on
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((listen.host, listen.port))
            sock.listen(1)
        except OSError as error:
            raise ListenFailed(
                f"{listen} cannot be listened on: {error.strerror}",
                hint="choose another port, or 0 for any free",
            ) from error
