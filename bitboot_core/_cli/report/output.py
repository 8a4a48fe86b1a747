"""The one way out: lines to stdout and stderr, and what becomes of an output that is gone or full."""

from __future__ import annotations

import os
import sys

from ...errors import BitBootError


class OutputFailed(BitBootError):
    """What was found out cannot be written: the disk is full, or stdout is closed."""


def write_line(line: str, *, err: bool = False) -> None:
    """Write a line, at once. Raises BrokenPipeError where its reader has gone, OutputFailed otherwise."""
    stream = sys.stderr if err else sys.stdout
    if stream is None:
        if err:
            return  # there is nobody to tell, and nowhere to say so
        raise OutputFailed("stdout is closed", hint="leave `>&-` out; to see nothing, use `>/dev/null`")
    try:
        stream.write(line + "\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise failed(error) from error


def failed(error: OSError) -> OutputFailed:
    """What an error in writing means for the command."""
    return OutputFailed(f"the output cannot be written: {error.strerror}", hint="is the disk full?")


def forget_stdout() -> None:
    """Have what is not written yet go nowhere: Python would fail once more when it flushes stdout at exit."""
    import contextlib  # noqa: PLC0415 - `quick` has no time for it, nor for click's way to write

    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
