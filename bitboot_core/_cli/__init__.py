"""The command `bitboot`. It needs the extra `cli`, and says so where that is missing."""

from __future__ import annotations

import sys

from . import quick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` (the program's own arguments by default); return its exit status.

    0: done; 1: it failed; 2: wrong usage.
    """
    arguments = sys.argv[1:] if argv is None else argv
    status = quick.run(arguments)
    if status is not None:
        return status
    from importlib.util import find_spec  # noqa: PLC0415 - `quick` does not wait for it

    missing = [library for library in ("click", "rich") if find_spec(library) is None]
    if missing:
        print(
            f"bitboot: the command line needs {' and '.join(missing)}: "
            'run  python -m pip install "bitboot-core[cli]"',
            file=sys.stderr,
        )
        return 1
    from .program import run  # noqa: PLC0415 - it needs click

    return run(arguments)
