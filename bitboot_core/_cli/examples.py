"""How the help of a command ends: with a command line to try."""

from __future__ import annotations


def example(*lines: str) -> str:
    """The epilog of a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
