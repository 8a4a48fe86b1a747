"""Tools for asyncio, shared by the core and its plugins: clock, tasks, threads, timing, limits, logs."""
