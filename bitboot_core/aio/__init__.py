"""Tools for asyncio, shared by the core and its plugins: clock, tasks, timing, limits, names, UDP, logs."""
