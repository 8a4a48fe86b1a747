"""Bitboot as a daemon: one warm node for every program on the machine, over HTTP on a unix socket."""
