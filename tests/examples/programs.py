"""The programs in examples/, each in a process, read and typed to."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
PATIENCE = 60.0
"""Seconds. Nothing here takes long, but machines may be busy."""


class Program:
    """A running program. `printed`: its lines so far, of stdout and stderr."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._input, self._output = process, process.stdin, process.stdout
        self.printed: list[str] = []

    async def shows(self, wanted: str) -> None:
        """Read until a line begins with `wanted`; lines that were read before count."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not any(line.startswith(wanted) for line in self.printed):
                    line = await self._output.readline()
                    assert line, f"it ended without printing {wanted!r}: {self.printed}"
                    self.printed.append(line.decode().rstrip())
        except TimeoutError:
            raise AssertionError(f"it did not print {wanted!r}: {self.printed}") from None

    async def types(self, line: str) -> None:
        """Type a line to it."""
        self._input.write(f"{line}\n".encode())
        await self._input.drain()

    async def interrupt(self) -> None:
        """Press Ctrl-C."""
        if sys.platform == "win32":
            self._process.send_signal(signal.CTRL_C_EVENT)
        else:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        async with asyncio.timeout(PATIENCE):
            rest = await self._output.read()
            self.printed += rest.decode().splitlines()
            return await self._process.wait()


@asynccontextmanager
async def program(path: str, *arguments: str) -> AsyncIterator[Program]:
    """Run a program of examples/ for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLES / path,
        *arguments,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
