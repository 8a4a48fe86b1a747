"""A chat over WebRTC with no signalling server: offers and answers go through a private swarm.

    bitboot secret new > secret              give the same file to all who are to meet
    python webrtc_chat.py Ada --secret-file secret

Members find and prove each other with Bitboot; of two the one with the smaller key makes the offer. What is
said then goes through WebRTC data channels, encrypted and from member to member.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from signalling import Signalling

from bitboot_core import BitBoot, BitBootError, Identity, PeerJoined, Swarm, SwarmSecret

MAX_MEMBERS = 32
"""Connections: whoever knows the secret may bring any number."""

MAX_LINE = 1000
"""Characters."""

MAX_UNREAD = 100_000
"""Bytes. Whoever leaves more unread is told no more until it has read on."""

PATIENCE = 20.0
"""Seconds until a channel has to be open; then another offer is made, for as long as the member is there."""


class Chat:
    """One member's connections to all others."""

    def __init__(self, own: bytes, signalling: Signalling, stun: list[str]) -> None:
        self._own, self._signalling = own, signalling
        # An empty list: without one aiortc asks a server of its own choice.
        self._settings = RTCConfiguration(iceServers=[RTCIceServer(urls=url) for url in stun])
        self._connections: dict[bytes, RTCPeerConnection] = {}
        self._channels: dict[bytes, RTCDataChannel] = {}
        self._names: dict[bytes, str] = {}

    def name(self, member: bytes, data: bytes | None) -> None:
        """What a member calls itself."""
        self._names[member] = safe((data or b"").decode(errors="replace"))[:50] or member.hex()[:8]

    async def meet(self, member: bytes) -> None:
        """Connect to a member, if it is for us to begin: offer while no channel is open. Until cancelled."""
        while self._own < member:
            if member not in self._channels:
                await self._offer(member)
            await asyncio.sleep(PATIENCE)

    async def _offer(self, member: bytes) -> None:
        connection = await self._new(member)
        if connection is not None:
            self._use(member, connection.createDataChannel("chat"))
            await connection.setLocalDescription(await connection.createOffer())
            with contextlib.suppress(BitBootError, ExceptionGroup):  # an offer is made again
                await self._tell(member, connection)

    async def heard(self, member: bytes, text: str) -> None:
        """A member has sent an offer, or the answer to ours."""
        try:
            told = json.loads(text)
            description = RTCSessionDescription(sdp=str(told["sdp"]), type=str(told["type"]))
            if description.type == "offer" and member < self._own:
                await self._answer(member, description)
            elif description.type == "answer" and member in self._connections:
                await self._connections[member].setRemoteDescription(description)
        except Exception as error:  # noqa: BLE001 - whatever a member sends, the others are still there
            show(f"* {self._names.get(member, 'somebody')} cannot be understood: {safe(str(error))}")

    async def _answer(self, member: bytes, offer: RTCSessionDescription) -> None:
        connection = await self._new(member)
        if connection is None:
            return
        connection.on("datachannel", lambda channel: self._use(member, channel))
        await connection.setRemoteDescription(offer)
        await connection.setLocalDescription(await connection.createAnswer())
        await self._tell(member, connection)

    async def _tell(self, member: bytes, connection: RTCPeerConnection) -> None:
        description = connection.localDescription
        await self._signalling.send(member, json.dumps({"type": description.type, "sdp": description.sdp}))

    async def _new(self, member: bytes) -> RTCPeerConnection | None:
        """A connection in place of any before. None where there are too many."""
        await self.leave(member)
        if len(self._connections) >= MAX_MEMBERS:
            return None
        connection = self._connections[member] = RTCPeerConnection(self._settings)
        return connection

    def _use(self, member: bytes, channel: RTCDataChannel) -> None:
        def is_open() -> None:
            self._channels[member] = channel
            show(f"* {self._names.get(member, member.hex()[:8])} is here")

        def has_closed() -> None:
            if self._channels.get(member) is channel:
                del self._channels[member]
                show(f"* {self._names.get(member, member.hex()[:8])} has gone")

        def has_said(line: object) -> None:
            if isinstance(line, str):
                show(f"{self._names.get(member, member.hex()[:8])}: {safe(line[:MAX_LINE])}")

        channel.on("message", has_said)
        channel.on("open", is_open)
        channel.on("close", has_closed)
        if channel.readyState == "open":
            is_open()

    def say(self, line: str) -> None:
        """Tell everybody."""
        for channel in self._channels.values():
            if channel.readyState == "open" and channel.bufferedAmount < MAX_UNREAD:
                channel.send(line[:MAX_LINE])

    async def leave(self, member: bytes) -> None:
        """A member has gone, or is met again."""
        if self._channels.pop(member, None) is not None:
            show(f"* {self._names.get(member, member.hex()[:8])} has gone")
        if (connection := self._connections.pop(member, None)) is not None:
            await connection.close()

    async def aclose(self) -> None:
        """Leave all."""
        for member in list(self._connections):
            await self.leave(member)


def safe(text: str) -> str:
    """A stranger's text as it may be printed."""
    return "".join(character if character.isprintable() else "?" for character in text)


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


async def follow(swarm: Swarm, chat: Chat, own: bytes) -> None:
    """Meet whoever comes."""
    meetings: dict[bytes, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as tasks:
        async for event in swarm:
            member = event.peer.member
            if member is None or member == own:
                continue
            if isinstance(event, PeerJoined):
                chat.name(member, event.peer.data)
                if member not in meetings or meetings[member].done():
                    meetings[member] = tasks.create_task(chat.meet(member))
            else:
                if member in meetings:
                    meetings.pop(member).cancel()
                await chat.leave(member)


async def listen(signalling: Signalling, chat: Chat) -> None:
    """Answer whoever offers."""
    async for member, text in signalling.texts():
        await chat.heard(member, text)


async def speak(chat: Chat) -> None:
    """Tell everybody what is typed, until an empty line is."""
    async for line in typed_lines():
        chat.say(line)


async def main(arguments: argparse.Namespace, secret: SwarmSecret) -> None:
    """Take part until an empty line is typed."""
    settings = {name: value for name in ("bootstrap", "listen") if (value := getattr(arguments, name))}
    identity = Identity.generate()
    own = identity.public_key
    async with (
        BitBoot(network=arguments.network, identity=identity, **settings) as bitboot,
        # Port 0: the node itself. WebRTC finds its own ports.
        bitboot.join(
            f"webrtc-chat/{arguments.room}", port=0, secret=secret, data=arguments.name.encode()
        ) as swarm,
    ):
        signalling = Signalling(swarm)
        chat = Chat(own, signalling, arguments.stun or [])
        show(f"* waiting for others in {arguments.room}; an empty line ends it")
        tasks = [
            asyncio.create_task(follow(swarm, chat, own)),
            asyncio.create_task(listen(signalling, chat)),
            asyncio.create_task(speak(chat)),
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()  # its error, if that is why
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await chat.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", help="what the others call you")
    parser.add_argument(
        "--secret-file", required=True, metavar="FILE", help="what all who meet have in common"
    )
    parser.add_argument("--room", default="lobby", help="the room")
    parser.add_argument("--network", default="mainline", help="as for bitboot")
    parser.add_argument("--bootstrap", action="append", metavar="HOST:PORT", help="as for bitboot")
    parser.add_argument("--listen", metavar="HOST:PORT", help="as for bitboot")
    parser.add_argument(
        "--stun",
        action="append",
        metavar="stun:HOST:PORT",
        help="a server that tells us our outside ports; none by default",
    )
    chosen = parser.parse_args()
    try:
        asyncio.run(main(chosen, SwarmSecret(Path(chosen.secret_file).read_text(encoding="utf-8").strip())))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.exit(f"webrtc_chat: {error}")
    except BitBootError as error:
        sys.exit(f"webrtc_chat: {error} ({error.hint})")
