"""What strangers can do to nodes of the kademlia plugin, on real sockets. Figures: docs/security.md."""
