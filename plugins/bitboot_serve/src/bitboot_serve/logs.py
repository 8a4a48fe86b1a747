"""Logs of the daemon, on stderr: for people, for the journal (sd-daemon(3)), or as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""The priorities of syslog(3)."""


def is_journal(environ: Mapping[str, str]) -> bool:
    """Whether stderr is the journal: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class JournalFormatter(logging.Formatter):
    """Lines with the priority in front, and no time, which the journal has. Nothing forges a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, each of its lines with the priority."""
        lines = [_plain(f"{record.name}: {record.getMessage()}")]
        if record.exc_info:
            lines += [_plain(line) for line in self.formatException(record.exc_info).split("\n")]
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in lines)


class PlainFormatter(logging.Formatter):
    """Lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level and message on one line; a traceback below it."""
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        lines = [_plain(f"{at} {record.levelname} {record.name}: {record.getMessage()}")]
        if record.exc_info:
            lines += [f"    {_plain(line)}" for line in self.formatException(record.exc_info).split("\n")]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in seconds since 1970, level, logger, message, and the traceback where there is one."""
        found = {
            "time": round(record.created, 3),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            found["traceback"] = self.formatException(record.exc_info)
        return json.dumps(found)


def _plain(text: str) -> str:
    """Text without what commands a terminal or begins a line: messages quote strangers."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def set_up(kind: str, verbosity: int, environ: Mapping[str, str]) -> None:
    """Log to stderr. `kind`: "auto", "plain", "journal" or "json"; `verbosity`: how often -v was given."""
    if kind == "auto":
        kind = "journal" if is_journal(environ) else "plain"
    formatters = {"json": JsonFormatter, "journal": JournalFormatter, "plain": PlainFormatter}
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatters[kind]())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel({0: logging.INFO, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    # The servers' own news are of no use to anybody; the selector's neither.
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    if verbosity == 0:
        logging.getLogger("bitboot_core").setLevel(logging.WARNING)
