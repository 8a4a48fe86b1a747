"""docs/tutorial.md, typed in as it stands: two terminals, two programs, then mainline."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from .conftest import free_ports
from .pages import DOCS, blocks_of

BLOCKS = blocks_of(DOCS / "tutorial.md")
COMMANDS = [line for block in BLOCKS if block.language == "sh" for line in block.code.splitlines()]
(HELLO,) = (block.code for block in BLOCKS if block.language == "python")
PROGRAMS = {"bitboot": ["-m", "bitboot_core"], "python": []}
PATIENCE = 60.0


@asynccontextmanager
async def typed(commands: Sequence[str], folder: Path) -> AsyncIterator[list[asyncio.StreamReader]]:
    """The commands, each in a terminal of its own, on ports that are free here; gives what they print."""
    free = dict(zip(("4000", "4001"), map(str, free_ports(2)), strict=True))
    processes = []
    try:
        for command in commands:
            program, *words = shlex.split(re.sub(r"(?<=:)\d+", lambda port: free[port[0]], command))
            processes.append(
                await asyncio.create_subprocess_exec(
                    sys.executable,
                    *PROGRAMS[program],
                    *words,
                    cwd=folder,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"},
                    stdout=asyncio.subprocess.PIPE,
                )
            )
        yield [process.stdout for process in processes if process.stdout is not None]
    finally:
        for process in processes:
            process.kill()
            await process.communicate()


async def shows(output: asyncio.StreamReader, *wanted: str) -> None:
    """Wait until a program has printed all of these."""
    left = set(wanted)
    async with asyncio.timeout(PATIENCE):
        while left:
            line = (await output.readline()).decode()
            assert line, f"it ended without printing {left}"
            left -= {one for one in left if one in line}


@pytest.mark.once
@pytest.mark.parametrize("program", ["bitboot join", "python hello.py"])
async def test_two_terminals_find_each_other(program: str, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO, encoding="utf-8")
    commands = [line for line in COMMANDS if line.startswith(program) and "127.0.0.1:4000" in line]
    assert len(commands) == 2
    async with typed(commands, tmp_path) as outputs:
        for output in outputs:
            await shows(output, "127.0.0.1:7001", "127.0.0.1:7002")


@pytest.mark.once
@pytest.mark.usefixtures("mainline_here")
def test_the_program_on_mainline(capsys: pytest.CaptureFixture[str]) -> None:
    """Without contacts: the network's own are those of a testnet here."""
    assert "python hello.py 7001" in COMMANDS
    room: dict[str, object] = {"__name__": "hello"}
    exec(compile(HELLO, "hello.py", "exec"), room)

    async def until_it_greets() -> None:
        task = asyncio.ensure_future(room["main"](7001))  # type: ignore[operator]
        async with asyncio.timeout(PATIENCE):
            said = ""
            while "hello 127.0.0.1:7001" not in said:
                await asyncio.sleep(0.01)
                said += capsys.readouterr().out
                assert not task.done(), task.exception()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(until_it_greets())
