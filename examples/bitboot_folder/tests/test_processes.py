"""Processes that know nothing of each other but the folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import asyncio, sys
from bitboot_core import BitBoot

async def main(port, many):
    async with BitBoot(network="folder", state_dir=False, timeout=30) as bitboot:
        async with bitboot.announce("unique_network", port=port) as announcement:
            await announcement.announced()
            found = set()
            async with asyncio.timeout(50):
                while len(found) < many:
                    found |= {peer.port for peer in await bitboot.lookup("unique_network")}
            print(*sorted(found), flush=True)
            await asyncio.to_thread(sys.stdin.read)  # until everybody has found everybody

asyncio.run(main(*map(int, sys.argv[1:])))
"""

PORTS = [7001, 7002, 7003]


def test_they_find_each_other_and_take_their_announcements_with_them(tmp_path: Path) -> None:
    environment = {**os.environ, "BITBOOT_FOLDER": str(tmp_path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(port), str(len(PORTS))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for port in PORTS
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline().split() == [str(port) for port in PORTS]
        for process in processes:
            process.communicate(timeout=60)
            assert process.returncode == 0
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert list(tmp_path.iterdir()) == []
