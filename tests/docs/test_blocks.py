"""Every code block and every command in README and docs/ is run, here or in a test that is named here."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from bitboot_core import KnownHost
from bitboot_core._plugins.config_file import ConfigFile

from .pages import BLOCKS, ROOT, Block

ELSEWHERE = {
    ("README.md", "python3 scripts/demo.py"): "tests/packaging/test_demo_script.py",
    ("README.md", "python3 scripts/test.py"): ".ci/run",
    ("README.md", 'python3 -m pip install -e ".[cli]" -e plugins/bitboot_btdht'): (
        "tests/packaging/test_pages_install.py"
    ),
    ("README.md", "python3 scripts/wheels.py wheels --dependencies"): "tests/packaging/test_pages_install.py",
    ("README.md", "import asyncio"): "tests/docs/test_readme.py",
    ("README.md", "from bitboot_core import BackendConfig, BackendSpec, Backend, hookimpl"): (
        "tests/docs/test_readme.py"
    ),
    ("README.md", "[project.entry-points.bitboot]"): "tests/docs/test_readme.py",
    ("command-line.md", None): "tests/docs/test_docs.py",
    ("security.md", None): "tests/fuzz/__main__.py",  # in the environment `fuzz`
    ("frozen.md", None): "tests/core/plugins/test_frozen.py",
    ("contract.md", None): "tests/docs/test_contract_page.py",
    (
        "nat.md",
        "python3 scripts/test.py -e internet -- tests/internet/test_nat.py",
    ): "tests/internet/test_nat.py",
    ("nat.md", "bitboot announce my-app/v1 --port 7001 --map-port"): "tests/internet/test_port_mapping.py",
    ("nat.md", "import asyncio"): "tests/internet/test_port_mapping.py",
    ("mainline.md", None): "tests/docs/test_mainline_page.py",
    ("lan.md", None): "tests/docs/test_lan_page.py",  # only where no real network hears it
    ("libp2p.md", None): "plugins/bitboot_libp2p/tests/test_cids.py",  # in the environment `libp2p`
    (
        "native.md",
        None,
    ): "plugins/bitboot_btdht/tests/native/test_backend.py",  # in the environment `native`
    ("plugins.md", None): "tests/docs/test_docs.py",
    ("private-swarms.md", None): "tests/docs/test_private_swarms_page.py",
    ("programs.md", None): "tests/docs/test_programs_page.py",
    ("serve.md", None): "plugins/bitboot_serve/tests/test_docs.py",
    ("tutorial.md", "import asyncio"): "tests/docs/test_tutorial.py",
    ("tutorial.md", "python3 -m venv venv"): "tests/packaging/test_pages_install.py",
    ("tutorial.md", "bitboot join tutorial/house --port 7001 --network lan"): "tests/docs/test_lan_page.py",
    ("tutorial.md", "bitboot join tutorial --port 7001 --listen 127.0.0.1:4000 --bootstrap 127.0.0.1:4001"): (
        "tests/docs/test_tutorial.py"
    ),
    ("tutorial.md", "bitboot join tutorial --port 7002 --listen 127.0.0.1:4001 --bootstrap 127.0.0.1:4000"): (
        "tests/docs/test_tutorial.py"
    ),
    ("tutorial.md", "python hello.py 7001 127.0.0.1:4000 127.0.0.1:4001"): "tests/docs/test_tutorial.py",
    ("tutorial.md", "python hello.py 7002 127.0.0.1:4001 127.0.0.1:4000"): "tests/docs/test_tutorial.py",
    ("tutorial.md", "python hello.py 7001"): "tests/docs/test_tutorial.py",
    ("write-a-backend.md", None): "tests/docs/test_write_a_backend.py",
    # These take minutes to hours; their own tests run them on small networks.
    ("large-swarms.md", None): "benchmarks/simulation/large_swarms.py",
    ("resilience.md", None): "tests/chaos",
    ("simulation.md", None): "benchmarks/simulation/__main__.py",
}
"""Where else a block is run, by its page and first line; None for all of a page."""

STAYS = {"announce", "join", "publish", "watch"}


def is_elsewhere(block: Block) -> bool:
    return (block.page, None) in ELSEWHERE or (block.page, block.first_line) in ELSEWHERE


def of(*languages: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in languages and not is_elsewhere(block)]


def here(text: str, contacts: Sequence[KnownHost]) -> str:
    """A text with the testnet's contacts in the places of those that pages make up."""
    for name, contact in zip(("dht1", "dht2"), contacts, strict=False):
        text = text.replace(f"{name}.example.org:4000", str(contact))
        text = text.replace(f'"{name}.example.org", 4000', f'"{contact.host}", {contact.port}')
    return text


@pytest.mark.parametrize("block", of("python"), ids=str)
@pytest.mark.usefixtures("mainline_here")
def test_python(block: Block, contacts: Sequence[KnownHost], tmp_path: Path) -> None:
    code = here(block.code, contacts)
    if "def test_" not in code:
        exec(compile(code, block.page, "exec"), {"__name__": "__main__"})
        return
    (tmp_path / "test_it.py").write_text(code, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_configuration(block: Block, contacts: Sequence[KnownHost], tmp_path: Path) -> None:
    tomllib.loads(block.code)
    file = tmp_path / "config.toml"
    file.write_text(here(block.code, contacts), encoding="utf-8")
    assert ConfigFile.read(file).networks


@pytest.mark.once
@pytest.mark.parametrize("block", of("sh", ""), ids=str)
def test_commands(block: Block, contacts: Sequence[KnownHost], tmp_path: Path) -> None:
    bootstrap = f"bootstrap = {[str(contact) for contact in contacts]}\n"
    config = tmp_path / "config.toml"
    # The pages' own networks, and the public one, all begin at the testnet.
    config.write_text(
        f"[networks.mainline]\n{bootstrap}"
        + "".join(f'[networks.{name}]\nprotocol = "mainline"\n{bootstrap}' for name in ("office", "my-dht")),
        encoding="utf-8",
    )
    environ = os.environ | {"BITBOOT_CONFIG": str(config), "BITBOOT_STATE_DIR": str(tmp_path / "state")}
    for line in here(block.code, contacts).splitlines():
        program, name, *arguments = shlex.split(line, comments=True)
        assert program == "bitboot", f"{line}: say in ELSEWHERE where it is run"
        if "--listen" in arguments:
            arguments[arguments.index("--listen") + 1] = "127.0.0.1:0"
        if name in STAYS:
            arguments += ["--for", "0.5"]
        command = [sys.executable, "-m", "bitboot_core", name, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environ)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_nothing_is_said_to_run_elsewhere_that_does_not() -> None:
    known = {(block.page, block.first_line) for block in BLOCKS}
    pages = {page for page, _ in known}
    late = {"resilience.md"}
    assert [key for key in ELSEWHERE if key[1] is not None and key not in known] == []
    assert [page for page, line in ELSEWHERE if line is None and page not in pages | late] == []
    assert [place for place in ELSEWHERE.values() if not (ROOT / place).exists()] == []


def test_every_language_is_one_that_is_run_or_shown() -> None:
    run = {"python", "sh", "toml", "js", ""}
    shown = {"json", "text", "yaml"}
    built = {"{toctree}", "{eval-rst}"}
    assert {block.language for block in BLOCKS} <= run | shown | built
