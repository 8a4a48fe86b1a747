"""A stock libtorrent node, asked over a Unix socket: one JSON request a connection, one JSON answer.

lt_node.py SOCKET [enforce] [v6]. Requests are {"op": NAME, ...} with the fields of the functions below.
Peers are written ADDRESS:PORT, IPv6 without brackets.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

import libtorrent as lt

PORT = 6881
ROUTERS = "router.bittorrent.com:6881,dht.libtorrent.org:6881"


class Libtorrent:
    """What may be asked of it."""

    def __init__(self, enforce: bool, v6: bool) -> None:
        kinds = lt.alert.category_t
        self._session = lt.session(
            {
                "listen_interfaces": f"0.0.0.0:{PORT}" + (f",[::]:{PORT}" if v6 else ""),
                "dht_bootstrap_nodes": ROUTERS,
                "dht_enforce_node_id": enforce,
                "enable_dht": True,
                "enable_lsd": False,
                "enable_upnp": False,
                "enable_natpmp": False,
                "alert_mask": kinds.dht_notification
                | kinds.dht_operation_notification
                | kinds.status_notification,
            }
        )
        self._stored: dict[str, dict[str, float]] = {}
        self._found: dict[str, set[str]] = {}
        self._outside: set[str] = set()
        self._contacts = 0

    def pump(self, seconds: float = 0) -> None:
        """Take note of what libtorrent reports."""
        if seconds:
            self._session.wait_for_alert(int(seconds * 1000))
        for alert in self._session.pop_alerts():
            if isinstance(alert, lt.dht_announce_alert):
                stored = self._stored.setdefault(str(alert.info_hash), {})
                stored.setdefault(f"{alert.ip}:{alert.port}", time.monotonic())
            elif isinstance(alert, lt.dht_get_peers_reply_alert):
                peers = {f"{host}:{port}" for host, port in alert.peers()}
                self._found.setdefault(str(alert.info_hash), set()).update(peers)
            elif isinstance(alert, lt.external_ip_alert):
                self._outside.add(str(alert.external_address))
            elif isinstance(alert, lt.dht_stats_alert):
                contacts = sum(bucket["num_nodes"] for bucket in alert.routing_table)
                self._contacts = max(self._contacts, contacts)

    def add(self, nodes: list[tuple[str, int]]) -> dict[str, Any]:
        """Get to know other nodes."""
        for host, port in nodes:
            self._session.add_dht_node((host, port))
        return {}

    def announce(self, keys: list[str], port: int) -> dict[str, Any]:
        """Announce once; the answer does not wait for it."""
        for key in keys:
            self._session.dht_announce(lt.sha1_hash(bytes.fromhex(key)), port, 0)
        return {}

    def find(self, key: str, until: list[str], seconds: float = 5) -> dict[str, Any]:
        """Look up, until these peers are found or so long: libtorrent does not say when it is done."""
        self._found.pop(key, None)
        started = time.monotonic()
        first = None
        self._session.dht_get_peers(lt.sha1_hash(bytes.fromhex(key)))
        while time.monotonic() < started + seconds and not self._found.get(key, set()).issuperset(until):
            self.pump(0.05)
            if first is None and self._found.get(key):
                first = time.monotonic() - started
        return {"peers": sorted(self._found.get(key, ())), "first": first}

    def holds(self, keys: list[str]) -> dict[str, Any]:
        """Who was announced to this node, under each key, and when for the first time (monotonic clock)."""
        return {"peers": {key: self._stored.get(key, {}) for key in keys}}

    def status(self) -> dict[str, Any]:
        """How many contacts it has, and which outside addresses it was told of."""
        self._contacts = 0
        self._session.post_dht_stats()
        self.pump(0.2)
        self.pump(0.05)
        return {"contacts": self._contacts, "outside": sorted(self._outside)}


def main(path: str, *options: str) -> None:
    """Answer for ever."""
    node = Libtorrent("enforce" in options, "v6" in options)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    server.settimeout(0.1)
    while True:
        node.pump()
        try:
            connection, _ = server.accept()
        except TimeoutError:
            continue
        with connection, connection.makefile("rw") as stream:
            try:
                request = json.loads(stream.readline())
                answer = getattr(node, request.pop("op"))(**request)
            except Exception as error:  # noqa: BLE001 - it goes to whoever asked
                answer = {"error": repr(error)}
            stream.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
