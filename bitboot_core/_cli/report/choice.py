"""Which report a command uses."""

from __future__ import annotations

import sys

from .report import JsonReport, LineReport, Report


def report_for(as_json: bool) -> Report:
    """The report that fits the user's wish and where stdout goes."""
    if as_json:
        return JsonReport()
    if sys.stdout is None or not sys.stdout.isatty():
        return LineReport()
    from .terminal import TerminalReport  # noqa: PLC0415 - rich is slow to import

    return TerminalReport()
