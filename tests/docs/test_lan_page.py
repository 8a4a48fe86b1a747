"""docs/lan.md: its program and its commands run, on loopback, and its numbers are those of the code."""

from __future__ import annotations

import dataclasses
import os
import random
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bitboot_lan import backend, message
from bitboot_lan.settings import Settings

from bitboot_core import KnownHost

from .pages import DOCS, blocks_of

BLOCKS = blocks_of(DOCS / "lan.md")
PAGE = " ".join((DOCS / "lan.md").read_text(encoding="utf-8").split())
COMMANDS = [
    line
    for page in ("lan.md", "tutorial.md")
    for block in blocks_of(DOCS / page)
    if block.language == "sh"
    for line in block.code.splitlines()
    if "--network lan" in line
]


@pytest.mark.usefixtures("mainline_here")
def test_its_program_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a group of its own and on loopback alone, so that no real network hears it."""
    real = backend.LanBackend
    port = random.randrange(20_000, 30_000)
    settings = Settings(groups={4: "239.255.77.7", 6: "ff15::efc0:988f"}, port=port)

    def on_loopback(config: Any) -> Any:
        return real(dataclasses.replace(config, listen=KnownHost("127.0.0.1", 0)), settings)

    monkeypatch.setattr(backend, "LanBackend", on_loopback)
    (program,) = (block.code for block in BLOCKS if block.language == "python")
    exec(compile(program, "lan.md", "exec"), {"__name__": "__main__"})
    assert "127.0.0.1:7001 known from " in capsys.readouterr().out


@pytest.mark.once
@pytest.mark.parametrize("line", COMMANDS)
def test_its_commands_run(line: str, tmp_path: Path) -> None:
    program, name, *arguments = shlex.split(line)
    assert program == "bitboot"
    arguments += ["--listen", "127.0.0.1:0"]
    if name in {"announce", "join"}:
        arguments += ["--for", "0.5"]
    command = [sys.executable, "-m", "bitboot_core", name, *arguments]
    environ = os.environ | {"BITBOOT_STATE_DIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


SETTINGS = Settings()


@pytest.mark.parametrize(
    "words",
    [
        f"takes {SETTINGS.patience} s at most",
        f"{SETTINGS.groups[4]} and {SETTINGS.groups[6]}, UDP port {SETTINGS.port}",
        f"{message.MAX_KEYS} fit into a message",
        f"{SETTINGS.received_per_second:g} messages a second, {SETTINGS.max_ports} ports in a swarm",
        f"all {SETTINGS.max_peers:,} places",
        f"{SETTINGS.answers_per_second:g} a second at most",
        "every five minutes, and no more than one a minute",
        "within a quarter of a second",
    ],
)
def test_its_numbers_are_right(words: str) -> None:
    assert words in PAGE
    assert (SETTINGS.period, SETTINGS.pace, SETTINGS.jitter) == (300, 60, 0.25)
