"""For tests of programs and plugins: a clock that a test moves, doubles of backends, networks of them.

The contract kit, which needs pytest, is `bitboot_core.testing.contract`.
"""

from .clock import ManualClock
from .doubles import (
    Act,
    FakeBackend,
    FakeDistribution,
    FakeEntryPoint,
    FakePortMapper,
    answers,
    fails,
    hangs,
    hangs_until,
    mapper_spec_of,
    plugin_module,
    spec_of,
    waits,
)
from .loops import LoopWithoutReaders
from .testnet import BackendTestnet, MemberTestnet

__all__ = [
    "Act",
    "BackendTestnet",
    "FakeBackend",
    "FakeDistribution",
    "FakeEntryPoint",
    "FakePortMapper",
    "LoopWithoutReaders",
    "ManualClock",
    "MemberTestnet",
    "answers",
    "fails",
    "hangs",
    "hangs_until",
    "mapper_spec_of",
    "plugin_module",
    "spec_of",
    "waits",
]
