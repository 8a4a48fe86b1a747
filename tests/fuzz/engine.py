"""Runs one target in atheris: `python -m tests.fuzz.engine TARGET [options of libFuzzer] FOLDER`.

A target is a module with `seeds()`, valid inputs to begin with, and `one_input(data)`, which raises for a
finding and for nothing else.
"""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
import sys
import time
from pathlib import Path

import atheris

LIMIT = 0.5
"""Seconds of this process's time that one input may take, instrumented as the code is."""

PACKAGES = ["bitboot_core", "bitboot_btdht", "bitboot_kademlia", "bitboot_libp2p", "bitboot_nat"]


def main() -> None:
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=PACKAGES):
        target = importlib.import_module(f"tests.fuzz.{name}")

    folder = Path(options[-1])
    if folder.is_dir():
        for seed in target.seeds():
            (folder / f"seed-{hashlib.sha1(seed).hexdigest()[:12]}").write_bytes(seed)

    # A collection would count for the input that it happens to meet: it gets a time of its own.
    gc.disable()
    runs = 0

    def timed(data: bytes) -> None:
        nonlocal runs
        runs += 1
        if runs % 5000 == 0:
            gc.collect()
        begun = time.thread_time()
        target.one_input(data)
        taken = time.thread_time() - begun
        if taken > LIMIT:
            raise AssertionError(f"one input took {taken:.2f} s")

    os.environ["BITBOOT_CONFIG"] = os.devnull  # nothing of this user's is read
    atheris.Setup([sys.argv[0], *options], timed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
