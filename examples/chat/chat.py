"""A chat with no server: members find each other with Bitboot, and speak over TCP.

    python chat.py Ada                       on mainline, with whoever runs it anywhere
    python chat.py Ada --room my-friends

Each member connects to every other one and speaks through the connections that it made; it hears through
those that others made. So there is nothing to agree on, and nobody who must be there first.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import socket
import sys
import threading
from collections.abc import AsyncIterator

from bitboot_core import BitBoot, BitBootError, KnownHost, PeerJoined

MAX_LINE = 1000
"""Bytes. Whoever sends a longer line is hung up on."""

MAX_MEMBERS = 100
"""Connections each way. Peers are strangers, and may be any number."""

MAX_UNREAD = 100_000
"""Bytes. Whoever leaves more unread is hung up on too."""

PATIENCE = 5.0
"""Seconds to connect, or to say hello."""

AGAIN = 10.0
"""Seconds after which an endpoint is tried again, for as long as it is announced."""


class Chat:
    """One member: `hear` is for who connects to us, `meet` connects to others, `say` speaks to them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._id = secrets.token_hex(8)  # by which we know ourselves among the peers
        self._ears: set[asyncio.StreamWriter] = set()
        self._heard = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Print what a member says, from its hello to its goodbye."""
        self._heard += 1
        try:
            if self._heard > MAX_MEMBERS:
                return
            async with asyncio.timeout(PATIENCE):
                their_id, name = (await line_from(reader)).split(" ", 1)
            if their_id == self._id:
                return
            show(f"* {name} is here")
            try:
                while line := await line_from(reader):
                    show(f"{name}: {line}")
            finally:
                show(f"* {name} has gone")
        except (OSError, ValueError):
            pass  # no member, or one that was cut off
        finally:
            self._heard -= 1
            writer.close()

    async def meet(self, endpoint: KnownHost) -> None:
        """Connect to a member, and stay connected for as long as it listens. Tries again until cancelled."""
        while True:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
                try:
                    self._ears.add(writer)
                    writer.write(f"{self._id} {self.name}\n".encode())
                    await reader.read(1)  # until it hangs up; no member says anything here
                finally:
                    self._ears.discard(writer)
                    writer.close()
            await asyncio.sleep(AGAIN)

    def say(self, line: str) -> None:
        """Tell everybody."""
        for writer in self._ears:
            if writer.transport.get_write_buffer_size() > MAX_UNREAD:
                writer.transport.abort()
            else:
                writer.write(line.encode()[: MAX_LINE - 1] + b"\n")


async def line_from(reader: asyncio.StreamReader) -> str:
    """A stranger's next line, safe to print; "" at the end. ValueError where it is too long."""
    line = (await reader.readline()).decode(errors="replace").rstrip("\n")
    return "".join(character if character.isprintable() else "?" for character in line)


def show(line: str) -> None:
    """Print at once, for whoever reads through a pipe."""
    print(line, flush=True)


async def typed_lines() -> AsyncIterator[str]:
    """What is typed, line by line. Its thread is a daemon: nobody can interrupt a read from a terminal."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[str]()

    def read() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has gone
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.rstrip("\n"))
            loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, daemon=True).start()
    while line := await lines.get():
        yield line


def anywhere() -> socket.socket:
    """A socket that listens on every address of this machine, IPv6 where it has any, at a free port."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", 0))


async def meet_everybody(member: Chat, room: str, port: int, bitboot: BitBoot) -> None:
    """Announce ourselves in the room, and meet whoever else is announced there."""
    met: dict[KnownHost, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as meetings, bitboot.join(f"chat/{room}", port=port) as swarm:
        show(f"* waiting for others in {room}; an empty line ends it")
        async for event in swarm:
            endpoint = event.peer.endpoint
            if not isinstance(event, PeerJoined):
                if endpoint in met:
                    met.pop(endpoint).cancel()
            elif endpoint not in met and len(met) < MAX_MEMBERS:
                met[endpoint] = meetings.create_task(member.meet(endpoint))


async def speak(member: Chat) -> None:
    """Tell everybody what is typed, until an empty line is."""
    async for line in typed_lines():
        member.say(line)


async def chat(name: str, room: str, bitboot: BitBoot) -> None:
    """Take part until an empty line is typed, or the network fails."""
    member = Chat(name)
    server = await asyncio.start_server(member.hear, sock=anywhere(), limit=MAX_LINE)
    port = server.sockets[0].getsockname()[1]
    tasks = [
        asyncio.create_task(meet_everybody(member, room, port, bitboot)),
        asyncio.create_task(speak(member)),
    ]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()  # its error, if that is why
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def main(arguments: argparse.Namespace) -> None:
    """Join the chat on the network that was asked for."""
    settings = {name: value for name in ("bootstrap", "listen") if (value := getattr(arguments, name))}
    async with BitBoot(network=arguments.network, **settings) as bitboot:
        await chat(arguments.name, arguments.room, bitboot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="what the others call you")
    parser.add_argument("--room", default="lobby", help="the room; whoever knows its name is in it")
    parser.add_argument("--network", default="mainline", help="as for bitboot")
    parser.add_argument("--bootstrap", action="append", metavar="HOST:PORT", help="as for bitboot")
    parser.add_argument("--listen", metavar="HOST:PORT", help="as for bitboot")
    try:
        asyncio.run(main(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    except BitBootError as error:
        sys.exit(f"chat: {error} ({error.hint})")
