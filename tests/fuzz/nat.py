"""What routers, or whoever poses as one, send: NAT-PMP, PCP, SSDP, HTTP, descriptions, SOAP."""

from __future__ import annotations

import asyncio

from bitboot_nat.http import MAX_BODY, read_answer
from bitboot_nat.wire import description, natpmp, pcp, soap, ssdp
from bitboot_nat.wire.xml import Refused

NONCE = bytes(12)
LOCATION = "http://192.168.1.1:5000/desc.xml"
HEAD = bytes.fromhex("02 81 00 00 00001c20 00000e10 000000000000000000000000")

DESCRIPTION = b"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><URLBase>http://192.168.1.1:5000/</URLBase>
<device><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<controlURL>/ctl</controlURL></service><service><serviceType>urn:schemas-upnp-org:service:WANIPv6FirewallControl:1
</serviceType><controlURL>http://192.168.1.1:5000/6</controlURL></service></serviceList></device></root>"""
ANSWER = b"""<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:GetExternalIPAddressResponse
xmlns:u="x"><NewExternalIPAddress>81.2.69.1</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body>
</s:Envelope>"""
FAULT = b"""<e><b><Fault><detail><UPnPError><errorCode>718</errorCode>
<errorDescription>taken</errorDescription>
</UPnPError></detail></Fault></b></e>"""
DOCTYPE = b'<!DOCTYPE r [<!ENTITY a "b"><!ENTITY % c SYSTEM "d">]><r>&a;</r>'


def seeds() -> list[bytes]:
    return [
        b"\x00" + bytes.fromhex("0080 0000 00000e10 51024501"),
        b"\x01" + bytes.fromhex("0082 0000 00000e10 1b59 9c41 00001c20"),
        b"\x02" + HEAD + NONCE + bytes.fromhex("06 000000 1b59 9c41 00000000000000000000ffff51024501"),
        b"\x02" + HEAD[:1] + b"\x80" + HEAD[2:],
        b"\x03HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
        b"LOCATION: " + LOCATION.encode() + b"\r\n\r\n",
        *(b"\x04" + one for one in (DESCRIPTION, DOCTYPE)),
        *(b"\x05" + one for one in (ANSWER, FAULT, DOCTYPE)),
        b"\x06HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"\x06HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
    ]


def one_input(data: bytes) -> None:
    kind, rest = data[:1], data[1:]
    if kind == b"\x00":
        natpmp.read_address(rest)
    elif kind == b"\x01":
        natpmp.read_mapped(rest, "tcp", 7001)
    elif kind == b"\x02":
        pcp.read_announced(rest)
        pcp.read_mapped(rest, NONCE, "tcp", 7001)
    elif kind == b"\x03":
        found = ssdp.read_found(rest)
        if found is not None:
            description.host_of(found.location)
    elif kind == b"\x04":
        _services(rest)
    elif kind == b"\x05":
        _answer(rest)
    elif kind == b"\x06":
        asyncio.run(_http(rest))


def _services(data: bytes) -> None:
    try:
        services = description.read_services(data, LOCATION)
    except Refused as error:
        assert str(error).isprintable(), "an error that says raw what a stranger wrote"
        return
    assert len(services) <= description.MAX_SERVICES
    for service in services:
        assert description.host_of(service.control) == "192.168.1.1", "somebody else would be called"
        assert service.control.isprintable()


def _answer(data: bytes) -> None:
    try:
        soap.read_answer("GetExternalIPAddress", data)
    except (Refused, soap.Fault) as error:
        assert str(error).isprintable(), "an error that says raw what a stranger wrote"
        assert len(str(error)) < 300


async def _http(data: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    try:
        status, body = await read_answer(reader)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
        assert str(error).isprintable(), "an error that says raw what a stranger wrote"
        return
    assert 0 <= status <= 999
    assert len(body) <= MAX_BODY
