"""Several Bitboot nodes with their defaults on one host: several.py PORT... "ready": all are in touch."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from bitboot_core import BitBoot


async def main(*ports: str) -> None:
    """Run until the end."""
    async with AsyncExitStack() as stack:
        for port in ports:
            bitboot = BitBoot(network="mainline", listen=f":{port}", state_dir=False)
            await (await stack.enter_async_context(bitboot)).ready()
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
