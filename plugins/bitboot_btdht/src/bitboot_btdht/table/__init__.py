"""The routing table, its upkeep, and what others say our address is."""
