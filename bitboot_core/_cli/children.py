"""Programs of the user's that a command starts: run to their end, and never left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BitBootError


class ProgramFailed(BitBootError):
    """A program of the user's could not be started, or ended with an exit status other than 0."""


async def exit_status(
    command: Sequence[str], env: Mapping[str, str], *, last_chance: float, **streams: Any
) -> int:
    """Run a program without a shell; its exit status, as a shell has it: 128 + N after signal N.

    Where we are cancelled it is told to end, and killed after `last_chance` seconds. `streams`: as for
    `asyncio.create_subprocess_exec`. Raises ProgramFailed where it cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(*command, env=dict(env), **streams)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte
        raise ProgramFailed(
            f"{command[0]} could not be started: {error}", hint="check its name, and that you may run it"
        ) from error
    try:
        status = await process.wait()
    except asyncio.CancelledError:
        # Ctrl-C in a terminal reaches it as well; SIGTERM and SIGHUP come to us alone.
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(last_chance):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        raise
    return status if status >= 0 else 128 - status
