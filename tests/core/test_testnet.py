"""What plugins' testnets stand on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bitboot_core import KnownHost
from bitboot_core.testing import MemberTestnet


class Node:
    def __init__(self, port: int) -> None:
        self.address = KnownHost("127.0.0.1", port)
        self.joined_through: list[int] | None = None
        self.is_running = True

    async def aclose(self) -> None:
        self.is_running = False


class Testnet(MemberTestnet[Node]):
    def __init__(self, size: int, *, unable: int | None = None) -> None:
        super().__init__(size)
        self.every: list[Node] = []
        self._unable = unable

    async def add(self) -> Node:
        return await self._add_member()

    async def _start_member(self) -> Node:
        node = Node(len(self.every) + 1)
        self.every.append(node)
        return node

    async def _join(self, member: Node, contacts: Sequence[KnownHost]) -> None:
        member.joined_through = [contact.port for contact in contacts]
        if member.address.port == self._unable:
            raise OSError("the network is down")


async def test_each_joins_through_the_first_three_and_all_are_stopped() -> None:
    async with Testnet(4) as testnet:
        assert [node.joined_through for node in testnet.every] == [[], [1], [1, 2], [1, 2, 3]]
        assert (await testnet.add()).joined_through == [1, 2, 3]
        assert testnet.addresses == [node.address for node in testnet.every]

        await testnet.remove(0)
        assert [node.is_running for node in testnet.every] == [False, True, True, True, True]
        assert [contact.port for contact in testnet.bootstrap] == [2, 3, 4]
    assert not any(node.is_running for node in testnet.every)
    assert testnet.addresses == []


async def test_where_one_cannot_join_all_are_stopped() -> None:
    testnet = Testnet(4, unable=3)
    with pytest.raises(OSError, match="down"):
        async with testnet:
            pass
    assert [node.is_running for node in testnet.every] == [False, False, False]


def test_a_network_has_a_node() -> None:
    with pytest.raises(ValueError, match="at least one node"):
        Testnet(0)
