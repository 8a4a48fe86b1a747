"""examples/count_command: a plugin that adds a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "count_command"

INSTALLED = """
import asyncio
from importlib.metadata import EntryPoint

from bitboot_core import BitBoot, KnownHost, Registry
from bitboot_core._cli import main
from bitboot_core._plugins import registry
from bitboot_core._plugins.installed import installed

mine = EntryPoint("count", "bitboot_count.plugin", "bitboot")
registry._default.append(Registry(entry_points=lambda: [*installed(), mine]))


async def announced():
    async with BitBoot(network="local") as bitboot:
        await bitboot.announce_peer("mynet", KnownHost("127.0.0.1", 1))
        return await asyncio.to_thread(main, ["count", "mynet", "--network", "local"])


print("status", asyncio.run(announced()))
print("status", main(["count", "mynet", "--network", "local"]))
main(["--help"])
"""


@pytest.mark.once
def test_the_command_counts_peers(tmp_path: Path) -> None:
    """Beside a program that announces in the same process, on the network in memory."""
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    environ = {"PYTHONPATH": str(EXAMPLE / "src"), "BITBOOT_CONFIG": str(tmp_path / "config.toml")}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environ,
    )
    lines = done.stdout.split("\n")
    assert lines[:4] == ["1 on 1", "status 0", "0 on 0", "status 3"], done.stderr
    assert any("Count the peers of a swarm." in line for line in lines)
