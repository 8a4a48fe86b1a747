"""What holds where nobody says otherwise, on its own: `bitboot lookup` does not wait for the classes."""

from __future__ import annotations

TIMEOUT = 20.0
"""Seconds that a call may take."""

MAINLINE = (
    "router.bittorrent.com:6881",
    "dht.transmissionbt.com:6881",
    "router.utorrent.com:6881",
    "dht.libtorrent.org:25401",
)
"""Contacts of the mainline DHT to start from."""
