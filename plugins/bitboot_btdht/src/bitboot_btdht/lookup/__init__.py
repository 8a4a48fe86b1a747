"""Iterative lookups: towards a target, for nodes, for peers, for a place in the network."""
