"""What `-v` shows: the standard library's logging, on stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .report.escaping import escaped

LEVELS = {0: logging.WARNING, 1: logging.INFO}
"""By how often -v was given; more often is DEBUG."""


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to whatever stderr is at the moment: a live view has its own while it lasts."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _SafeFormatter(logging.Formatter):
    """Escapes what commands a terminal, or would forge a line: messages quote strangers and plugins."""

    def format(self, record: logging.LogRecord) -> str:
        """The message on one line; a traceback below it, set in."""
        record.message = record.getMessage()
        if self.usesTime():
            record.asctime = self.formatTime(record, self.datefmt)
        lines = [escaped(self.formatMessage(record))]
        if record.exc_info:  # not its text, which another handler may have kept unescaped
            lines += [f"    {escaped(line)}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(lines)


@contextmanager
def shown_logs(verbosity: int) -> Iterator[None]:
    """Show what is logged meanwhile: warnings, with -v what is done, with -vv every message."""
    level = LEVELS.get(verbosity, logging.DEBUG)
    format_ = "%(levelname)s: %(message)s"
    if verbosity:
        format_ = "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s"
    handler = _Stderr()
    handler.setFormatter(_SafeFormatter(format_, datefmt="%H:%M:%S"))
    # asyncio tells of its selector, which is no news of a network.
    loggers = {logging.getLogger(): level, logging.getLogger("asyncio"): max(level, logging.INFO)}
    before = {logger: logger.level for logger in loggers}
    logging.getLogger().addHandler(handler)
    for logger, wanted in loggers.items():
        logger.setLevel(wanted)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        for logger, former in before.items():
            logger.setLevel(former)
