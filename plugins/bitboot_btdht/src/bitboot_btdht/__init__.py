"""Bitboot on BitTorrent's mainline DHT: a BEP 5 node in plain Python.

Most people need nothing from here: `BitBoot(network="mainline")` finds this package by itself. For
tests of one's own there is `bitboot_btdht.testnet`; for a closer look at the protocol `Node`, which
knows neither sockets nor clocks.
"""

from __future__ import annotations
