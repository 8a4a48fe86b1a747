"""Bitboot in a shared folder: an announcement is a file, and a lookup reads the files that are there."""
