"""A lab for each file of tests. Where none can be built, all of them are skipped, and say why."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator

import pytest

from .lab import Lab, missing


@functools.cache
def _missing() -> str | None:
    if importlib.util.find_spec("libtorrent") is None:
        return "not installed: pip install libtorrent"
    return missing()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A small internet on which nothing runs yet. Its logs stay in pytest's folder."""
    if problem := _missing():
        pytest.skip(f"NO NETWORK CAN BE BUILT HERE: nothing was tested on a small internet: {problem}")
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
