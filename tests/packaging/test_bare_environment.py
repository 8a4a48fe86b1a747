"""What somebody gets who has nothing but Python and a folder of wheels."""

import json
import re
import subprocess
import sys
from collections.abc import Callable

from .conftest import BareEnvironment

MakeEnvironment = Callable[[], BareEnvironment]

LOOKUP = """
import asyncio
from bitboot_btdht.testnet import Testnet
from bitboot_core import BitBoot

async def main():
    async with Testnet(4) as testnet:
        settings = {"bootstrap": testnet.bootstrap, "listen": "127.0.0.1:0", "state_dir": False}
        async with BitBoot(**settings) as one, BitBoot(**settings) as other:
            async with one.announce("unique_network", port=6881) as announcement:
                await announcement.announced()
                print(*await other.lookup("unique_network"))

asyncio.run(main())
"""


def test_the_core_alone_brings_little_and_says_what_the_command_line_needs(
    make_environment: MakeEnvironment,
) -> None:
    environment = make_environment()
    environment.install("bitboot-core")
    installed = json.loads(environment.run("python", "-m", "pip", "list", "--format=json"))
    names = {entry["name"].lower().replace("_", "-") for entry in installed} - {"pip", "setuptools"}
    if sys.version_info < (3, 12):
        shown = environment.run("python", "-m", "pip", "show", "importlib-metadata")
        (brought,) = re.findall(r"^Requires: (.*)$", shown, re.MULTILINE)
        names -= {"importlib-metadata", *brought.split(", ")}
    assert names == {"bitboot-core", "pluggy", "platformdirs"}

    done = subprocess.run(
        [environment.program("bitboot"), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert 'pip install "bitboot-core[cli]"' in done.stderr


def test_a_lookup_with_the_mainline_plugin(make_environment: MakeEnvironment) -> None:
    environment = make_environment()
    environment.install("bitboot-core[btdht]")
    assert environment.run("python", "-c", LOOKUP) == "127.0.0.1:6881\n"
