"""What is used of the library kademlia, with the types that it does not state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:

    class Node:
        """`kademlia.node.Node`: an id, and where it is."""

        id: bytes
        ip: str
        port: int
        long_id: int

        def __init__(self, node_id: bytes, ip: str = "", port: int = 0) -> None: ...

    class KademliaProtocol(asyncio.DatagramProtocol):
        """`kademlia.protocol.KademliaProtocol`. It makes a remote call of any name that it lacks."""

        source_node: Node

        def __init__(self, source_node: Node, storage: IStorage, ksize: int) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    class IStorage:
        """`kademlia.storage.IStorage`: values by key."""

else:
    from kademlia.node import Node
    from kademlia.protocol import KademliaProtocol
    from kademlia.storage import IStorage

__all__ = ["IStorage", "KademliaProtocol", "Node"]
