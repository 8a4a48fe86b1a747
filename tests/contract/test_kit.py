"""The contract kit finds what it is there to find, and nothing else."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bitboot_core import KnownHost
from bitboot_core.testing.contract import BackendContract, World, advance_event_loop
from bitboot_core.testing.contract._world import make_event_loop

from .broken import BROKEN, BlocksTheLoop, LeavesASocket, LeavesAThread, RenewsForEver
from .conftest import PLUGIN, Install
from .model import Hub, Model, ModestModel, contract_of

pytestmark = pytest.mark.once

CHECKS = sorted(name.removeprefix("test_") for name in dir(BackendContract) if name.startswith("test_"))
OF_THE_INSTALLATION = {
    "the_entry_point_resolves",
    "loading_the_plugin_imports_nothing_heavy",
    "hooks_do_no_io",
}
OF_REQUESTS = {
    "a_request_can_be_cancelled",
    "a_request_ends_in_time",
    "a_request_is_answered",
    "a_request_without_an_answer_fails",
    "closing_ends_requests",
    "many_requests_at_once",
    "the_handler_is_told_who_asks",
}
"""The checks of a backend that carries requests alone."""

OF_ITEMS = {
    "cas_replaces_the_item_that_it_names",
    "only_a_newer_item_replaces_one",
    "where_nobody_answers_no_item_is_found_missing",
}
"""Those of a backend that keeps items alone."""

OF_THE_BACKEND = [name for name in CHECKS if name not in OF_THE_INSTALLATION]

FAILED, SKIPPED = pytest.fail.Exception, pytest.skip.Exception


def outcomes(contract: type[BackendContract], checks: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """What failed and what was skipped, with the reasons."""
    failed, skipped = {}, {}
    for name in checks:
        try:
            getattr(contract(), f"test_{name}")()
        except SKIPPED as skip:
            skipped[name] = str(skip)
        except (FAILED, Exception) as error:  # noqa: BLE001 - what a broken backend raises is its own affair
            failed[name] = f"{type(error).__name__}: {error}"
    return failed, skipped


@pytest.mark.usefixtures("installed")
def test_a_backend_that_keeps_the_contract_passes() -> None:
    failed, skipped = outcomes(contract_of(Model), CHECKS)
    assert failed == {}
    assert skipped == {"withdrawing_is_refused_where_it_cannot_be_done": "it can withdraw, and says so"}


@pytest.mark.usefixtures("installed")
def test_so_does_one_that_can_do_little_and_says_so() -> None:
    failed, skipped = outcomes(contract_of(ModestModel), CHECKS)
    assert failed == {}
    assert skipped.pop("what_is_withdrawn_is_gone") == "it cannot withdraw, and says so"
    assert {skipped.pop(name) for name in OF_ITEMS} == {"it keeps no items, and says so"}
    assert set(skipped) == OF_REQUESTS
    assert set(skipped.values()) == {"it carries no requests, and says so"}


def test_every_check_has_a_backend_that_breaks_it() -> None:
    assert {name for name, _ in BROKEN} | OF_THE_INSTALLATION == set(CHECKS)


@pytest.fixture
def cleaned() -> Iterator[None]:
    """What broken backends leave is closed in the end."""
    LeavesAThread.released.clear()
    yield
    RenewsForEver.renewing.clear()
    while LeavesASocket.opened:
        LeavesASocket.opened.pop().close()
    LeavesAThread.released.set()


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize(("check", "backend"), BROKEN, ids=[backend.__name__ for _, backend in BROKEN])
def test_a_broken_backend_fails_one_check_and_only_that(
    check: str, backend: type[Model], loop_errors: list[str]
) -> None:
    contract = contract_of(backend)
    if issubclass(backend, BlocksTheLoop):
        contract.blocking = BlocksTheLoop.blocks / 2
    failed, _ = outcomes(contract, OF_THE_BACKEND)
    assert list(failed) == [check], failed
    loop_errors.clear()  # what its event loops tell of is what it was broken for


@pytest.mark.parametrize(
    ("check", "source"),
    [
        ("the_entry_point_resolves", PLUGIN.replace("BITBOOT_API = 1", "")),
        ("the_entry_point_resolves", PLUGIN.replace("return FakeBackend()", "return 'a backend'")),
        ("loading_the_plugin_imports_nothing_heavy", f"import heavy_library\n{PLUGIN}"),
        (
            "loading_the_plugin_imports_nothing_heavy",
            f"from bitboot_core.testing import FakeBackend\n{PLUGIN}",
        ),
        (
            "hooks_do_no_io",
            PLUGIN.replace("    return [", "    open(__file__ + '.txt', 'w').close()\n    return ["),
        ),
    ],
    ids=["no api version", "factory makes no backend", "imports a library", "imports the backend", "reads"],
)
def test_a_broken_plugin_fails_one_check_and_only_that(check: str, source: str, install: Install) -> None:
    install(source)
    failed, _ = outcomes(contract_of(Model), CHECKS)
    assert list(failed) == [check], failed


def test_a_plugin_that_is_not_installed_is_told_so() -> None:
    failed, skipped = outcomes(contract_of(Model), sorted(OF_THE_INSTALLATION))
    assert "is the plugin installed" in failed["the_entry_point_resolves"]
    assert set(skipped) == OF_THE_INSTALLATION - {"the_entry_point_resolves"}
    assert all("'model'" in reason for reason in skipped.values())


class Hangs(Model):
    """Lookups that do not end."""

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        self.running()
        for peer in self.visible(key):
            yield peer
        await asyncio.Event().wait()


def test_what_does_not_end_fails_when_the_patience_is_over() -> None:
    class Impatient(contract_of(Hangs)):  # type: ignore[misc]
        patience = 0.05

    failed, _ = outcomes(Impatient, ["an_unknown_key_ends_empty"])
    assert failed == {"an_unknown_key_ends_empty": "Failed: a lookup has not ended after 0.05 s"}


def test_without_a_clock_or_a_socket_checks_are_skipped_with_the_reason() -> None:
    class NoSocket(Model):
        @property
        def address(self) -> KnownHost:
            self.running()
            return KnownHost("127.0.0.1", 0)

    class Timeless(BackendContract):
        @asynccontextmanager
        async def world(self) -> AsyncIterator[World]:
            hub = Hub()
            yield World(make=lambda: NoSocket(hub), no_clock="time is an illusion")

    names = [
        "stored_rubbish_does_no_harm",
        "an_announcement_lapses",
        "announcing_again_renews",
        "hostile_datagrams_do_no_harm",
        "where_nobody_answers_a_call_fails",
    ]
    failed, skipped = outcomes(Timeless, names)
    assert failed == {}
    assert list(skipped.values()) == [
        "this world has no way to store rubbish",
        "time is an illusion",
        "time is an illusion",
        "it listens on no socket",
        "this world has no nodes that could fall silent",
    ]


async def test_only_the_contract_s_own_event_loop_can_be_advanced() -> None:
    with pytest.raises(TypeError, match="the contract's own event loop"):
        await advance_event_loop(60)


def test_the_clock_of_the_contract_s_event_loop_can_be_put_forward() -> None:
    async def wait() -> list[str]:
        loop = asyncio.get_running_loop()
        fired: list[str] = []
        loop.call_later(3600, fired.append, "an hour")
        loop.call_later(7200, fired.append, "two hours")
        before = loop.time()
        await advance_event_loop(3601)
        assert loop.time() >= before + 3601
        return fired

    with asyncio.Runner(loop_factory=make_event_loop) as runner:
        assert runner.run(wait()) == ["an hour"]


CONTRACT = """
from contextlib import asynccontextmanager
from bitboot_core import BackendConfig
from bitboot_core.testing.contract import BackendContract, World
from bitboot_local.backend import LocalBackend

class TestMine(BackendContract):
    entry_point = "local"

    @asynccontextmanager
    async def world(self):
        config = BackendConfig(network="contract", protocol="local")
        yield World(make=lambda: LocalBackend(config), no_clock="no clock here")
"""


@pytest.mark.parametrize("plugins", [["-p", "no:asyncio"], []], ids=["plain pytest", "with pytest-asyncio"])
def test_pytest_collects_it_with_and_without_a_plugin_for_asyncio(plugins: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(CONTRACT, encoding="utf-8")
    pytest_itself = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *plugins]
    done = subprocess.run(pytest_itself, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{len(CHECKS) - 7} passed, 7 skipped" in done.stdout
    assert re.search(r"^SKIPPED .* no clock here$", done.stdout, re.MULTILINE)
    assert re.search(r"^SKIPPED .* it can withdraw, and says so$", done.stdout, re.MULTILINE)
