"""Peers come to their reader before all else that an answer leads to is done; but it is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.wire import bencode, compact, krpc
from bitboot_btdht.wire.compact import Address

from .conftest import Stranger

HASH = b"h" * 20
PEER = compact.pack("20.0.7.1", 7001)
OTHER = compact.pack("20.0.9.1", 6881)


class Asked:
    """A node that looks peers up, of which the only contact is asked."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.stranger = Stranger(node)
        self.stranger.befriend()
        self.found: list[Address] = []
        self.search = node.find_peers(HASH, self.found.extend, lambda: None, now=100.0)
        ((self.query, _),) = node.outgoing()

    def answer(self, *, peers: list[Address]) -> None:
        """The contact tells of peers, and of another node."""
        values = {b"id": self.stranger.id, b"nodes": b"o" * 20 + OTHER, b"values": peers}
        transaction = bencode.decode(self.query)[b"t"]
        self.node.receive(
            krpc.response(transaction, values, self.stranger.address), self.stranger.address, 100.1
        )

    @property
    def has_learnt(self) -> bool:
        (contact,) = self.node.tables[4]
        return contact.last_seen == 100.1


def test_peers_are_handed_over_before_the_node_learns_from_the_answer(node: Node) -> None:
    asked = Asked(node)
    asked.answer(peers=[PEER])
    assert asked.found == [PEER]
    assert not asked.has_learnt
    node.catch_up()
    assert asked.has_learnt
    assert [address for _, address in node.outgoing()] == [OTHER]


@pytest.mark.parametrize(
    "use",
    [
        lambda node: node.deadline(),
        lambda node: node.poll(100.2),
        lambda node: node.receive(b"no message", OTHER, 100.2),
        lambda node: None,  # but for what there is to be sent
    ],
)
def test_whoever_uses_the_node_again_finds_that_it_has_learnt(
    node: Node, use: Callable[[Node], object]
) -> None:
    asked = Asked(node)
    asked.answer(peers=[PEER])
    use(node)
    assert OTHER in [address for _, address in node.outgoing()]
    assert asked.has_learnt, "at the time when the answer came"


def test_an_answer_that_nobody_waits_for_is_learnt_from_at_once(node: Node) -> None:
    asked = Asked(node)
    asked.answer(peers=[])
    assert asked.has_learnt


def test_a_lookup_that_is_called_off_over_its_first_peer_asks_nobody_else(node: Node) -> None:
    asked = Asked(node)
    asked.answer(peers=[PEER])
    asked.search.cancel()
    assert node.outgoing() == []
    assert asked.has_learnt


def test_an_exception_of_a_callback_is_no_reason_to_forget_the_rest(node: Node) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    asked = Asked(node)
    asked.answer(peers=[PEER])
    node._client.postponed.insert(0, fail)
    with pytest.raises(ValueError, match="a bug"):
        node.catch_up()
    node.catch_up()
    assert asked.has_learnt
