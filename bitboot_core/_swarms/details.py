"""What may be known of a peer beside its endpoint."""

from __future__ import annotations

Details = tuple[str | None, bytes | None, bytes | None]
"""`Peer.peer_id`, `Peer.member` and `Peer.data`."""

NO_DETAILS: Details = (None, None, None)
