"""docs/serve.md: it lists what there is, and its commands work."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from bitboot_serve.app import create_app
from bitboot_serve.command import serve as command
from bitboot_serve.daemon import Daemon
from starlette.routing import Route

from bitboot_core import BitBoot, BitBootConfig, KnownHost
from bitboot_core._cli.lookup import lookup

from .conftest import Serving

PAGE = (Path(__file__).parents[3] / "docs" / "serve.md").read_text(encoding="utf-8")

PARAMETER = re.compile(r"{(\w+)}")


async def test_every_path_is_listed_with_its_method() -> None:
    app = create_app(Daemon(BitBootConfig(network="local", state_dir=False)))
    served = {
        f"{method} {PARAMETER.sub(lambda found: found[1].upper(), route.path)}"
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD" and not route.path.startswith("/static/") and route.path != "/"
    }
    assert set(re.findall(r"^\| `([A-Z]+ /\S+)` \|", PAGE, re.MULTILINE)) == served


def test_every_option_that_is_named_is_one() -> None:
    both = [*command.params, *lookup.params]
    options = {option for parameter in both for option in parameter.opts}
    ours = re.sub(r"(^ +curl|systemctl)[^`\n]*", "", PAGE, flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", ours))
    assert named <= options | {"--help"}


@pytest.mark.once
async def test_what_curl_is_shown_to_do(serve: Serving) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed: what docs/serve.md shows of it was not tried")
    line = next(line for line in PAGE.splitlines() if line.startswith("    curl "))
    async with serve() as world, BitBoot(network="local", state_dir=False) as other:
        await other.announce_peer("my-app/v1/lobby", KnownHost("192.0.2.7", 6881))
        socket = str(world.path)
        words = shlex.split(line.replace("$XDG_RUNTIME_DIR/bitboot/serve.sock", socket))
        curl = await asyncio.create_subprocess_exec(
            *words, "-sS", stdout=asyncio.subprocess.PIPE, env=os.environ | {"no_proxy": "*"}
        )
        out, _ = await curl.communicate()
    peer, end = (json.loads(line) for line in out.splitlines())
    shown = [json.loads(line) for line in re.findall(r'^\{"event".*\}$', PAGE, re.MULTILINE)]
    assert peer == shown[0] | {"sources": ["local"]}
    assert end.keys() == shown[1].keys()


@pytest.mark.once
@pytest.mark.parametrize(
    ("language", "program"),
    [("python", [sys.executable, "-c"]), ("js", ["node", "-e"])],
    ids=lambda one: one[0],
)
async def test_clients_in_other_languages(serve: Serving, language: str, program: list[str]) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed: the client in docs/serve.md was not tried")
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(code.splitlines()) <= 22
    async with serve() as world, BitBoot(network="local", state_dir=False) as other:
        await other.announce_peer("my-app/v1/lobby", KnownHost("192.0.2.7", 6881))
        client = await asyncio.create_subprocess_exec(
            *program,
            code,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"BITBOOT_SOCKET": str(world.path)},
        )
        out, _ = await client.communicate()
    assert out.decode() == "192.0.2.7 6881\n"
