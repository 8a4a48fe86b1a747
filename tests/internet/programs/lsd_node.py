"""A stock libtorrent client with local service discovery (BEP 14) and nothing else, in one torrent's swarm.

lsd_node.py KEY PORT. Prints each peer that the local network told of as ADDRESS:PORT, one a line, for ever.
"""

from __future__ import annotations

import sys

import libtorrent as lt


def main(key: str, port: str) -> None:
    """Take part until the process ends."""
    kinds = lt.alert.category_t
    session = lt.session(
        {
            "listen_interfaces": f"0.0.0.0:{port}",
            "enable_lsd": True,
            "enable_dht": False,
            "dht_bootstrap_nodes": "",
            "enable_upnp": False,
            "enable_natpmp": False,
            "alert_mask": kinds.peer_notification | kinds.error_notification,
        }
    )
    torrent = lt.add_torrent_params()
    torrent.info_hashes = lt.info_hash_t(lt.sha1_hash(bytes.fromhex(key)))
    torrent.save_path = "."
    session.add_torrent(torrent)
    while True:
        session.wait_for_alert(1_000)
        for alert in session.pop_alerts():
            if alert.what() == "lsd_peer":  # the bindings have no class for it
                print(alert.message().partition(" peer ")[2].partition(": ")[0], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
