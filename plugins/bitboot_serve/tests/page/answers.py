"""What a daemon in use would answer: two networks, swarms of several kinds, and an hour of traffic."""

from __future__ import annotations

import math
import random
from typing import Any

NOW = 1_790_000_000
"""Seconds since 1970 of the newest minute."""


def peer(number: int, *sources: str, **more: Any) -> dict[str, Any]:
    host = f"2001:db8::{number:x}" if number % 5 == 4 else f"203.0.113.{number}"
    told = {"member": None, "data": None, **more}
    return {"host": host, "port": 6881 + number, "sources": list(sources or ("mainline",)), **told}


def swarm(name: str, peers: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    key = random.Random(name).randbytes(20).hex()
    flags = {"private": False, "watched": True, "announced": False, **more}
    return {"swarm": name, "key": key, "peers": peers, **flags}


def network(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": name,
        "backend": "btdht" if name == "mainline" else name,
        "state": "ready",
        "listen": "0.0.0.0:6881",
        "contacts": 164,
        "reachability": [{"family": 4, "reachability": "cone", "outside": "198.51.100.7:6881"}],
        "error": None,
        **more,
    }


def standing(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "stored_on": 8, "expires_in": 1620.0, "next_try": 1350.0, "error": None, **more}


def announcement(number: int, swarm: str, *networks: dict[str, Any], **more: Any) -> dict[str, Any]:
    stands = list(networks or (standing("mainline"),))
    where = {"host": "0.0.0.0", "port": 6881 + number, "lease": None, "lapses_in": None}
    return {"id": f"a{number}", "swarm": swarm, "networks": stands, **where, **more}


def minutes(number: int = 60) -> list[dict[str, Any]]:
    rng = random.Random(25)
    found = []
    for back in reversed(range(number)):
        wave = 0.55 + 0.3 * math.sin(back / 7) + 0.15 * rng.random() + (1.1 if back in (18, 19) else 0)
        sent, received = int(140 * wave), int(150 * wave * rng.uniform(0.85, 1.0))
        mainline = {
            "sent": sent,
            "received": received,
            "sent_bytes": sent * 104,
            "received_bytes": received * 268,
        }
        lan = {"sent": 2, "received": 5, "sent_bytes": 180, "received_bytes": 455}
        networks = [{"name": "mainline", **mainline}, {"name": "lan", **lan}]
        found.append({"at": NOW - 60 * back, "networks": networks})
    return found


def contacts(number: int = 120) -> list[dict[str, Any]]:
    rng = random.Random(6)
    found = []
    for distance in range(160, 138, -1):
        for _ in range(
            min(8, max(1, int(number / 2 ** (160 - distance))) if distance > 146 else rng.choice((0, 1)))
        ):
            trip = None if rng.random() < 0.02 else rng.lognormvariate(-2.4, 0.6)
            host = f"198.18.{rng.randrange(256)}.{rng.randrange(1, 255)}"
            where = {"host": host, "port": rng.randrange(1024, 65536)}
            found.append({**where, "distance": distance, "round_trip": trip, "silent": rng.random() < 0.04})
    return found


def answers() -> dict[str, Any]:
    """A fresh copy, for a test to change."""
    lobby = [peer(number, "mainline", *(("lan",) if number < 3 else ())) for number in range(1, 13)]
    team = [
        peer(31, member="5f1d0c9a" * 8, data="ada, editing notes.md"),
        peer(32, member="a47be310" * 8, data="grace"),
    ]
    unanswered = {
        "error": "BootstrapFailed",
        "message": "none of the 3 contacts of kademlia answered",
        "hint": "check that 192.0.2.5:8468 runs, and that UDP gets there",
    }
    networks = [
        network("mainline"),
        network("lan", listen="0.0.0.0:6771", contacts=3, reachability=[]),
        network(
            "kademlia",
            state="connecting",
            listen="0.0.0.0:8468",
            contacts=0,
            reachability=[],
            error=unanswered,
        ),
    ]
    swarms = [
        swarm("my-app/v1/lobby", lobby, announced=True),
        swarm("notes of the team", team, private=True),
        swarm("nobody-here-yet", []),
    ]
    leased = announcement(
        2, "chess/openings", standing("mainline"), host="203.0.113.9", lease=60.0, lapses_in=41.0
    )
    trouble = standing("kademlia", stored_on=0, expires_in=None, next_try=12.0, error=unanswered)
    return {
        "/v1/status": {
            "version": "0.2.0",
            "pid": 4711,
            "uptime": 93_784.0,
            "problems": [{"message": unanswered["message"], "hint": unanswered["hint"]}],
            "networks": networks,
            "clients": 4,
            "lookups": 1,
            "announcements": 2,
            "watches": 3,
        },
        "/v1/swarms": {"swarms": swarms},
        "/v1/announcements": {
            "announcements": [announcement(1, "my-app/v1/lobby", standing("mainline"), trouble), leased]
        },
        "/v1/traffic": {"minutes": minutes()},
        "/v1/networks/mainline/contacts": {"network": "mainline", "contacts": contacts()},
        "/v1/networks/lan/contacts": {"network": "lan", "contacts": []},
        "/v1/networks/kademlia/contacts": {"network": "kademlia", "contacts": []},
    }
