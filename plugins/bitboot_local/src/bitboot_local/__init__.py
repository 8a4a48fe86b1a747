"""Bitboot in memory: swarms within one process, for tests and first steps."""
