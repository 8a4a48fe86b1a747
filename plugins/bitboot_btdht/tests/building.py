"""Whether the engine that is tested was compiled (hatch_build.py), for what only plain Python shows."""

from __future__ import annotations

import bitboot_btdht.node
import pytest

IS_COMPILED = not (bitboot_btdht.node.__file__ or "").endswith(".py")

only_interpreted = pytest.mark.skipif(
    IS_COMPILED,
    reason="counts what plain Python does, and compiled code does otherwise",
)
