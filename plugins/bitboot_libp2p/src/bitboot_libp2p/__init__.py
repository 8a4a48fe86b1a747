"""Bitboot on libp2p: swarms on a private Kademlia DHT of libp2p hosts.

Most people need nothing from here: `BitBoot(network="libp2p")` finds this package by itself. For
tests of one's own there is `bitboot_libp2p.testnet`.
"""
