"""Adds `bitboot count` to the command line."""
