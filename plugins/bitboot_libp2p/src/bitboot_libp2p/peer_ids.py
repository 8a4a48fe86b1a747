"""Peer ids and addresses as the library's own types and as ours."""

from __future__ import annotations

from libp2p.peer.id import ID
from multiaddr import Multiaddr

from bitboot_core import KnownHost


def name_of(peer: bytes) -> str:
    """A peer id as text. Raises ValueError for what cannot be one."""
    if not is_id(peer):
        raise ValueError("not a peer id")
    return str(ID(peer).to_base58())


def id_of(name: str) -> bytes | None:
    """A peer id from text, None where it is none."""
    try:
        peer: bytes = ID.from_string(name).to_bytes()
    except Exception:  # noqa: BLE001 - the library's decoders raise what they please
        return None
    return peer if is_id(peer) else None


def is_id(peer: bytes) -> bool:
    """Whether these bytes can be one."""
    # A multihash: of an Ed25519 or secp256k1 key itself (0x00), or SHA-256 of a longer one (0x12).
    return 2 < len(peer) <= 64 and peer[0] in (0x00, 0x12) and peer[1] == len(peer) - 2


def multiaddr(host: KnownHost) -> Multiaddr:
    """Where to dial."""
    kind = f"ip{host.family}" if host.family else "dns"
    return Multiaddr(f"/{kind}/{host.host}/tcp/{host.port}")
