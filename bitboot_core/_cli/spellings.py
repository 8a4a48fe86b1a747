"""Whether a command line is written as for BitBootPy; `classic` does what it says then."""

from __future__ import annotations

from collections.abc import Sequence

ACTIONS = ("-a", "--announce", "-l", "--lookup", "--continuous")
OTHERS = ("--peer-host", "--peer-port", "-p", "--network-names-file", "--config", "--print-discovered-peers")


def is_classic(argv: Sequence[str]) -> bool:
    """Whether somebody writes as for BitBootPy: options where a command's name is expected."""
    spellings = {argument.partition("=")[0] for argument in argv}
    return bool(argv) and argv[0].startswith("-") and not spellings.isdisjoint((*ACTIONS, *OTHERS))
