"""How a check fails."""

from __future__ import annotations

from typing import NoReturn

import pytest


def fail(message: str) -> NoReturn:
    """The check has failed."""
    pytest.fail(message, pytrace=False)
