"""Our own queries: under way, limited in rate, and how long to wait for their answers."""
