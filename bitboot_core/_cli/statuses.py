"""What commands exit with, other than 0."""

from __future__ import annotations

FAILED = 1
WRONG_USAGE = 2
NOBODY = 3
"""`--fail-empty` was given, and nobody was found or nothing is published."""
