"""Schemathesis tries what the OpenAPI document allows and what it does not, and finds nothing wrong."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bitboot_core import BitBoot, KnownHost

from .conftest import TOKEN, Serving

pytest.importorskip("schemathesis", reason="without schemathesis the API is not compared with its OpenAPI")

SETTINGS = """
# Streams of events do not end: their first event is looked at.
max-stream-events = 1
request-timeout = 10.0
[checks.not_a_server_error]
# A lookup that may take a millisecond: nobody has answered by then.
expected-statuses = ["2xx", "3xx", "4xx", 504]
[cache]
enabled = false
"""

OPTIONS = ["--checks", "all", "--seed", "1", "--max-examples", "8", "--max-failures", "10", "--no-color"]
OPTIONS += ["--generation-deterministic", "--suppress-health-check", "all"]


@pytest.mark.slow
async def test_the_api_is_as_its_openapi_says(serve: Serving, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    async with serve(tcp=True) as world, BitBoot(network="local", state_dir=False) as other:
        await other.announce_peer("0", KnownHost("192.0.2.1", 4000))
        url = f"http://127.0.0.1:{world.port}/openapi.json"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(tmp_path / "settings.toml")),
            *("run", url, "-H", f"Authorization: Bearer {TOKEN}", *OPTIONS),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            told = (await process.communicate())[0].decode()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, told
    assert "14 selected / 14 total" in told
    assert "Stateful" in told
