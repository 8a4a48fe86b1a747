"""A UPnP router on loopback that does as it is told: refuses, lies, hangs, says the same in other words."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any
from xml.sax.saxutils import escape

from bitboot_nat.gateway import Gateway

OUTSIDE = "81.2.69.160"

DESCRIPTION = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType>
<deviceList><device><deviceList><device><serviceList>
{services}
</serviceList></device></deviceList></device></deviceList></device></root>
"""
SERVICE = "<service><serviceType>{kind}</serviceType><controlURL>{control}</controlURL></service>"
CONNECTION = "urn:schemas-upnp-org:service:WANIPConnection:1"
FIREWALL = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"


class DoubleIgd(asyncio.DatagramProtocol):
    """`open`: what is listed, by protocol and outside port: the machine and port inside, the lease.

    `faults`: the UPnP errors that actions end in, by name; each is used up, unless it is the last.
    `answers`: what it answers to an HTTP request in place of the truth, by its path. `location`: where it
    says its description is. `deaf`: answers no search. `calls`: the actions called, with their arguments,
    in order.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.outside = OUTSIDE
        self.open: dict[tuple[str, int], tuple[str, int, int]] = {}
        self.pinholes: dict[int, tuple[str, int, int]] = {}
        self.faults: dict[str, list[int]] = {}
        self.answers: dict[str, bytes] = {}
        self.location = ""
        self.control = "/control"
        self.kinds = [CONNECTION, FIREWALL]
        self.deaf = self.hangs = self.drips = False
        self.lists_nothing = False
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.searches: list[bytes] = []
        self.answers_from: Any = None
        self._transport: Any = None
        self._server: Any = None
        self._serving: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    @property
    def port(self) -> int:
        """Where it is searched for."""
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def http_port(self) -> int:
        """Where it is asked."""
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def gateway(self) -> Gateway:
        """It, as a gateway."""
        return Gateway(self.host)

    @property
    def netloc(self) -> str:
        """Its HTTP address."""
        return f"[{self.host}]:{self.http_port}" if ":" in self.host else f"{self.host}:{self.http_port}"

    # Being found

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.searches.append(data)
        if self.deaf:
            return
        target = next(line[4:] for line in data.decode().split("\r\n") if line.startswith("ST: "))
        location = self.location or f"http://{self.netloc}/desc.xml"
        answer = f"HTTP/1.1 200 OK\r\nST: {target}\r\nLocation: {location}\r\nEXT:\r\n\r\n"
        (self.answers_from or self._transport).sendto(answer.encode(), addr)

    # Being asked

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        task = asyncio.current_task()
        assert task is not None
        self._serving[task] = writer
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
            body = (await reader.readexactly(int(length[1]))).decode() if length else ""
            if self.hangs:
                await reader.read()
            answer = self.answers[path] if path in self.answers else self._answer(path, body)
            if self.drips:
                for byte in answer:
                    if writer.is_closing():
                        return
                    writer.write(bytes([byte]))
                    await asyncio.sleep(0.05)
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            del self._serving[task]
            writer.close()

    async def close(self) -> None:
        """Hang up on everybody."""
        for writer in self._serving.values():
            writer.transport.abort()
        await asyncio.gather(*self._serving)

    def _answer(self, path: str, body: str) -> bytes:
        if path == "/desc.xml":
            services = "".join(SERVICE.format(kind=kind, control=self.control) for kind in self.kinds)
            return ok(DESCRIPTION.format(services=services))
        action = re.search(r"<u:(\w+)", body)
        if path != "/control" or action is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        name = action[1]
        arguments = dict(re.findall(r"<(\w+)>([^<]*)</\1>", body))
        self.calls.append((name, arguments))
        codes = self.faults.get(name, [])
        code = (codes.pop(0) if len(codes) > 1 else codes[0]) if codes else 0
        found = code if code else getattr(self, name)(arguments)
        if isinstance(found, int):
            return fault(found)
        inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in found.items())
        return ok(
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<u:{name}Response xmlns:u="{CONNECTION}">{inner}</u:{name}Response></s:Body></s:Envelope>'
        )

    # Its actions: what they return, or the error that they end in

    def GetExternalIPAddress(self, _: dict[str, str]) -> dict[str, Any] | int:
        return {"NewExternalIPAddress": self.outside}

    def GetSpecificPortMappingEntry(self, asked: dict[str, str]) -> dict[str, Any] | int:
        key = asked["NewProtocol"], int(asked["NewExternalPort"])
        if key not in self.open or self.lists_nothing:
            return 714
        client, port, lease = self.open[key]
        return {
            "NewInternalPort": port,
            "NewInternalClient": client,
            "NewEnabled": 1,
            "NewPortMappingDescription": "",
            "NewLeaseDuration": lease,
        }

    def AddPortMapping(self, asked: dict[str, str]) -> dict[str, Any] | int:
        if asked["NewProtocol"] not in ("TCP", "UDP") or asked["NewExternalPort"] == "0":
            return 402
        key = asked["NewProtocol"], int(asked["NewExternalPort"])
        if key in self.open and self.open[key][0] != asked["NewInternalClient"]:
            return 718
        lease = int(asked["NewLeaseDuration"])
        self.open[key] = asked["NewInternalClient"], int(asked["NewInternalPort"]), lease
        return {}

    def DeletePortMapping(self, asked: dict[str, str]) -> dict[str, Any] | int:
        key = asked["NewProtocol"], int(asked["NewExternalPort"])
        return {} if self.open.pop(key, None) else 714

    def GetFirewallStatus(self, _: dict[str, str]) -> dict[str, Any] | int:
        return {"FirewallEnabled": 1, "InboundPinholeAllowed": 1}

    def AddPinhole(self, asked: dict[str, str]) -> dict[str, Any] | int:
        identity = len(self.pinholes) + 1
        self.pinholes[identity] = (
            asked["InternalClient"],
            int(asked["InternalPort"]),
            int(asked["Protocol"]),
        )
        return {"UniqueID": identity}

    def UpdatePinhole(self, asked: dict[str, str]) -> dict[str, Any] | int:
        return {} if int(asked["UniqueID"]) in self.pinholes else 704

    def DeletePinhole(self, asked: dict[str, str]) -> dict[str, Any] | int:
        return {} if self.pinholes.pop(int(asked["UniqueID"]), None) else 704

    def CheckPinholeWorking(self, asked: dict[str, str]) -> dict[str, Any] | int:
        return 709 if int(asked["UniqueID"]) in self.pinholes else 704  # nothing has come through yet


def ok(body: str) -> bytes:
    """An answer with this body."""
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode()


def fault(code: int) -> bytes:
    """An answer that says no."""
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><detail>'
        '<UPnPError xmlns="urn:schemas-upnp-org:control-1-0">'
        f"<errorCode>{code}</errorCode><errorDescription>so it is</errorDescription>"
        "</UPnPError></detail></s:Fault></s:Body></s:Envelope>"
    )
    return f"HTTP/1.1 500 Internal Server Error\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@contextlib.asynccontextmanager
async def double_igd(host: str = "127.0.0.1") -> AsyncIterator[DoubleIgd]:
    """One that runs for as long as the block lasts."""
    igd = DoubleIgd(host)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: igd, local_addr=(host, 0))
    igd._server = await asyncio.start_server(igd.serve, host, 0)
    try:
        yield igd
    finally:
        transport.close()
        igd._server.close()
        await igd.close()
