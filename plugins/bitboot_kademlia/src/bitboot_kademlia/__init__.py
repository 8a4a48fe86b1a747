"""Bitboot on a private DHT of your own: sets of peers that expire and heal, over the library kademlia.

Most people need nothing from here: `BitBoot(network="kademlia")` finds this package by itself. For
tests of one's own there is `bitboot_kademlia.testnet`.
"""
