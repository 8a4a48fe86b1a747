"""Plugins: found, checked, kept apart, and known by name."""
