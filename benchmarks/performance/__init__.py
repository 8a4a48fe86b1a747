"""Bitboot beside real peers, on the same machine in the same run.

    python -m benchmarks.performance            everything (about ten minutes)
    python -m benchmarks.performance lookups    one room only

Ratios, not seconds: absolute times move from machine to machine. The two sides are measured in turns,
so that a busy moment hits both. Everything stays on loopback.
"""
