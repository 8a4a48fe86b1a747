"""Bitboot on the local network: BEP 14, which BitTorrent clients speak too."""
