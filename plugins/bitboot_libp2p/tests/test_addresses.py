"""What a stranger's address becomes: never one that answering others would fail for."""

from __future__ import annotations

import pytest
from bitboot_libp2p.addresses import TCP, pack, unpack, varint

from bitboot_core import KnownHost


def dns(name: bytes) -> bytes:
    return varint(0x35) + varint(len(name)) + name + varint(TCP) + b"\x1a\xe1"


def test_a_name_is_read_and_written() -> None:
    assert unpack(dns(b"peer.example.org")) == KnownHost("peer.example.org", 6881)
    assert pack(KnownHost("peer.example.org", 6881)) == dns(b"peer.example.org")


@pytest.mark.parametrize("name", [b"peer..example.org", b".", b".org", b"x" * 64])
def test_a_name_that_cannot_be_written_is_not_read(name: bytes) -> None:
    """It would stay in the table, and every answer that names its node would fail."""
    with pytest.raises(ValueError, match="not a host"):
        unpack(dns(name))
