"""Items (BEP 44): published and kept, found again; where members of a swarm say that they are."""
