"""What the core tells, as JSON objects."""

from __future__ import annotations

from typing import Any

from bitboot_core import Announcement, BitBoot, NetworkState, Peer, RoutingContact, SwarmKey, swarm_key

from .problems import error_record

Json = dict[str, Any]


def peer_record(swarm: str | SwarmKey, peer: Peer) -> Json:
    """A peer of a swarm. `data`: what its program says where that is text, `data_hex` whatever it is.

    `peer_id`: on networks whose nodes have such ids (libp2p).
    """
    return {
        "swarm": str(swarm),
        "host": peer.host,
        "port": peer.port,
        "sources": list(peer.sources),
        "peer_id": peer.peer_id,
        "member": None if peer.member is None else peer.member.hex(),
        "data": _text(peer.data),
        "data_hex": None if peer.data is None else peer.data.hex(),
    }


def _text(data: bytes | None) -> str | None:
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def swarm_record(swarm: str | SwarmKey) -> Json:
    """A swarm's name (of a raw key its digits) and key."""
    return {"swarm": str(swarm), "key": swarm_key(swarm).hex()}


def network_record(state: NetworkState, protocol: str) -> Json:
    """How a network is doing. `bootstrap`: the contacts that it starts from."""
    failed = not state.ready and state.error is not None
    return {
        "name": state.network,
        "protocol": protocol,
        "backend": state.backend,
        "state": "ready" if state.ready else "failed" if failed else "connecting",
        "listen": None if state.listen is None else str(state.listen),
        "contacts": state.contacts,
        "bootstrap": [str(contact) for contact in state.bootstrap],
        "reachability": [
            {
                "family": family,
                "reachability": place.reachability.value,
                "outside": None if place.outside is None else str(place.outside),
            }
            for family, place in sorted(state.places.items())
        ],
        "error": None if state.error is None else error_record(state.error),
    }


def ready_record(state: NetworkState) -> Json:
    """A network that a lookup asks, as `bitboot lookup` tells of it."""
    return {
        "event": "ready",
        "network": state.network,
        "backend": state.backend,
        "listen": str(state.listen),
        "contacts": state.contacts,
    }


def contact_record(contact: RoutingContact) -> Json:
    """A node in a routing table: its distance in bits, its round trip in seconds."""
    return {
        "host": contact.address.host,
        "port": contact.address.port,
        "distance": contact.distance,
        "round_trip": contact.round_trip,
        "silent": contact.silent,
    }


def standing_records(announcement: Announcement) -> list[Json]:
    """How an announcement stands on each network; times in seconds from now."""
    return [
        {
            "name": name,
            "stored_on": status.stored_on,
            "expires_in": status.expires_in,
            "next_try": status.next_try,
            "error": None if status.last_error is None else error_record(status.last_error),
        }
        for name, status in announcement.status.items()
    ]


def problems_of(bitboot: BitBoot) -> list[Json]:
    """What is wrong with the networks, and what to do about it."""
    found = []
    for name, state in bitboot.networks().items():
        errors = [None if state.ready else state.error, state.mapping_error]
        for error in errors:
            if error is not None:
                record = error_record(error)
                found.append({"message": f"{name}: {record['message']}", "hint": record["hint"]})
    return found
