"""Open ports on routers: who opens them, one kept open, those of the networks' own nodes."""
