"""UPnP with a router on loopback: what it may say in other words, get wrong, and try."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from bitboot_nat import http
from bitboot_nat.gateway import Gateway
from bitboot_nat.mappers.pinholes import PinholeMapper
from bitboot_nat.mappers.upnp import UpnpMapper

from bitboot_core import KnownHost, NoRouterAnswered, PortMappingFailed, PortRequest

from .double_igd import CONNECTION, FIREWALL, OUTSIDE, DoubleIgd, double_igd, ok

ELSEWHERE = "http://127.0.0.2:80/desc.xml"


def request(
    transport: Literal["tcp", "udp"] = "tcp", port: int = 7001, outside_port: int = 7001
) -> PortRequest:
    return PortRequest(family=4, transport=transport, port=port, outside_port=outside_port, lifetime=7200)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group is asked soon."""
    monkeypatch.setattr("bitboot_nat.searching.STEPS", ((0.0, False), (0.05, True)))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short wait, for searches that nobody will answer."""
    monkeypatch.setattr("bitboot_nat.searching.PATIENCE", 0.2)


@pytest.fixture
async def igd() -> AsyncIterator[DoubleIgd]:
    async with double_igd() as igd:
        yield igd


def made(igd: DoubleIgd) -> UpnpMapper:
    return UpnpMapper(lambda family: [igd.gateway], port=igd.port, group="127.0.0.1", chance=random.Random(1))


@pytest.fixture
async def mapper(igd: DoubleIgd) -> UpnpMapper:
    """One that has found it."""
    mapper = made(igd)
    await mapper.probe(4)
    return mapper


def called(igd: DoubleIgd, action: str) -> list[dict[str, str]]:
    return [arguments for name, arguments in igd.calls if name == action]


async def test_a_port_is_opened_renewed_and_closed(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    grant = await mapper.map(request())
    assert (grant.outside, grant.lifetime) == (KnownHost(OUTSIDE, 7001), 7200)
    assert igd.open == {("TCP", 7001): ("127.0.0.1", 7001, 7200)}
    assert await mapper.check(request(), grant)
    assert await mapper.map(request()) == grant
    assert not called(igd, "DeletePortMapping")  # to renew needs no gap
    await mapper.unmap(request(), 7001)
    assert not igd.open
    await mapper.aclose()


async def test_what_is_sent(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    await mapper.map(request("udp", outside_port=7100))
    (sent,) = called(igd, "AddPortMapping")
    assert list(sent.items()) == [
        ("NewRemoteHost", ""),
        ("NewExternalPort", "7100"),
        ("NewProtocol", "UDP"),
        ("NewInternalPort", "7001"),
        ("NewInternalClient", "127.0.0.1"),
        ("NewEnabled", "1"),
        ("NewPortMappingDescription", "bitboot 7001"),
        ("NewLeaseDuration", "7200"),
    ]


async def test_the_probe_tells_the_outside_address_and_opens_nothing(igd: DoubleIgd) -> None:
    assert await made(igd).probe(4) == KnownHost(OUTSIDE, 0)
    assert not igd.open
    assert {name for name, _ in igd.calls} == {"GetExternalIPAddress"}


@pytest.mark.parametrize("code", [725, 402])
async def test_a_router_that_knows_permanent_leases_only(
    mapper: UpnpMapper, igd: DoubleIgd, code: int
) -> None:
    igd.faults["AddPortMapping"] = [code, 0]
    grant = await mapper.map(request())
    assert grant.lifetime == math.inf
    assert igd.open["TCP", 7001] == ("127.0.0.1", 7001, 0)


@pytest.mark.parametrize("code", [718, 501])
async def test_a_port_that_is_taken_is_another(mapper: UpnpMapper, igd: DoubleIgd, code: int) -> None:
    igd.faults["AddPortMapping"] = [code, 0]
    grant = await mapper.map(request())
    assert grant.outside.port != 7001
    assert igd.open.keys() == {("TCP", grant.outside.port)}
    assert await mapper.check(request(), grant)


async def test_no_port_of_another_machine_is_taken(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    """Also of a router that would let anybody."""
    others = {("TCP", 7001): ("192.168.1.9", 7001, 0), ("TCP", 7002): ("127.0.0.1", 80, 0)}
    igd.open |= others
    grant = await mapper.map(request())
    assert grant.outside.port not in (7001, 7002)
    other = await mapper.map(request(outside_port=7002))
    assert other.outside.port != 7002  # another program of this machine has it
    assert {key: igd.open[key] for key in others} == others
    await mapper.unmap(request(), 7001)
    assert {key: igd.open[key] for key in others} == others


async def test_what_an_earlier_run_has_left_is_deleted_and_added(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    """Some routers list it and forward nothing."""
    igd.open["TCP", 7001] = ("127.0.0.1", 7001, 0)
    await mapper.map(request())
    assert [name for name, _ in igd.calls if name.endswith("Mapping")] == [
        "DeletePortMapping",
        "AddPortMapping",
    ]
    assert igd.open["TCP", 7001] == ("127.0.0.1", 7001, 7200)


async def test_a_router_that_wants_the_same_port_on_both_sides(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    igd.faults["AddPortMapping"] = [724, 0]
    assert (await mapper.map(request(outside_port=7100))).outside.port == 7001


@pytest.mark.parametrize("code", [606, 718, 725, 402, 501, 724, 728, 99999])
async def test_a_refusal_is_told(mapper: UpnpMapper, igd: DoubleIgd, code: int) -> None:
    igd.faults["AddPortMapping"] = [code]
    with pytest.raises(PortMappingFailed, match=rf"127\.0\.0\.1 says: error {code} \(so it is\)") as caught:
        await mapper.map(request())
    assert not isinstance(caught.value, NoRouterAnswered)
    assert len(called(igd, "AddPortMapping")) <= 6


async def test_yes_for_somebody_else_is_no_yes(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    answers = iter([{}, {"NewInternalClient": "192.168.1.9", "NewInternalPort": 7001}])
    igd.GetSpecificPortMappingEntry = lambda _: next(answers) or 714  # type: ignore[method-assign, assignment]
    with pytest.raises(PortMappingFailed, match="lists it for somebody else"):
        await mapper.map(request())


async def test_a_router_that_does_not_tell_what_it_lists(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    igd.faults["GetSpecificPortMappingEntry"] = [602]
    grant = await mapper.map(request())
    assert await mapper.check(request(), grant)
    await mapper.unmap(request(), 7001)
    assert not igd.open


async def test_what_is_gone_or_has_changed_is_noticed(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    grant = await mapper.map(request())
    igd.open["TCP", 7001] = ("192.168.1.9", 7001, 0)
    assert not await mapper.check(request(), grant)
    igd.open.clear()
    assert not await mapper.check(request(), grant)
    grant = await mapper.map(request())
    igd.outside = "81.2.69.161"
    assert not await mapper.check(request(), grant)


@pytest.mark.parametrize("outside", ["0.0.0.0", "", "not an address", "::1"])
async def test_an_outside_address_that_is_none(mapper: UpnpMapper, igd: DoubleIgd, outside: str) -> None:
    igd.outside = outside
    grant = await mapper.map(request())
    assert grant.outside == KnownHost("", 7001)
    assert await mapper.check(request(), grant)


async def test_of_two_connections_the_one_that_is_connected(igd: DoubleIgd) -> None:
    igd.kinds = [CONNECTION, "urn:schemas-upnp-org:service:WANPPPConnection:1"]
    answers = iter(["0.0.0.0", OUTSIDE, OUTSIDE])
    igd.GetExternalIPAddress = lambda _: {"NewExternalIPAddress": next(answers)}  # type: ignore[method-assign]
    mapper = made(igd)
    assert await mapper.probe(4) == KnownHost(OUTSIDE, 0)
    assert len(igd.calls) == 2


# Finding it


@pytest.mark.usefixtures("short")
async def test_the_gateway_is_asked_first_and_then_the_group(igd: DoubleIgd) -> None:
    igd.deaf = True
    with pytest.raises(NoRouterAnswered, match="did not answer"):
        await made(igd).probe(4)
    targets = [search.split(b"\r\n")[4] for search in igd.searches]
    assert len(targets) == 4  # both versions, to the gateway and to the group
    assert {target[-1:] for target in targets} == {b"1", b"2"}


@pytest.mark.parametrize(
    "location",
    [
        ELSEWHERE,
        "http://router.example/desc.xml",
        "https://127.0.0.1/desc.xml",
        "http://127.0.0.1@127.0.0.2/desc.xml",
        "http://127.0.0.1:0/desc.xml",
        "http://127.0.0.1:99999/desc.xml",
        "file:///etc/passwd",
        "http://[::1/desc.xml",
        "nonsense",
        "http://127.0.0.1/a b",
    ],
)
@pytest.mark.usefixtures("short")
async def test_a_description_elsewhere_is_not_fetched(igd: DoubleIgd, location: str) -> None:
    igd.location = location
    with pytest.raises(NoRouterAnswered, match="names another machine than itself"):
        await made(igd).probe(4)


@pytest.mark.usefixtures("short")
async def test_who_is_not_the_gateway_is_not_heard(igd: DoubleIgd) -> None:
    loop = asyncio.get_running_loop()
    stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.2", 0))
    igd.answers_from = stranger
    with pytest.raises(NoRouterAnswered, match="did not answer"):
        await made(igd).probe(4)
    stranger.close()


async def test_it_may_answer_from_another_port(igd: DoubleIgd) -> None:
    loop = asyncio.get_running_loop()
    other, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    igd.answers_from = other
    assert await made(igd).probe(4) == KnownHost(OUTSIDE, 0)
    other.close()


async def test_a_service_elsewhere_is_not_called(igd: DoubleIgd) -> None:
    igd.control = "http://127.0.0.2/control"
    with pytest.raises(NoRouterAnswered, match="opens no ports"):
        await made(igd).probe(4)


async def test_of_two_gateways_the_one_that_answers(igd: DoubleIgd) -> None:
    mapper = UpnpMapper(lambda family: [Gateway("127.0.0.2"), igd.gateway], port=igd.port, group="127.0.0.1")
    assert await mapper.probe(4) == KnownHost(OUTSIDE, 0)


# What it may try with us

BILLION_LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE root [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><root>&b;</root>
"""


@pytest.mark.parametrize(
    "answer",
    [
        ok(BILLION_LAUGHS),
        ok('<!DOCTYPE root SYSTEM "file:///etc/passwd"><root/>'),
        ok("<root>"),
        ok(""),
        ok("no XML"),
        ok("<a>" * 100 + "</a>" * 100),
        ok("<root>" + "<a/>" * 5000 + "</root>"),
        ok('<?xml version="1.0" encoding="utf-99"?><root/>'),
        ok("<root>" + "a" * 70_000 + "</root>"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<root>",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 70_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"a" * 70_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00" * 1000,
        b"",
    ],
    ids=range(20),
)
async def test_a_description_that_makes_no_sense(igd: DoubleIgd, answer: bytes) -> None:
    igd.answers["/desc.xml"] = answer
    with pytest.raises(PortMappingFailed) as caught:
        await made(igd).probe(4)
    assert type(caught.value) is PortMappingFailed


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\n\r\n",
        ok("<r><a/></r>"),
        b"HTTP/1.1 100 Continue\r\n\r\n" * 2000,
    ],
)
async def test_redirects_and_other_pages_lead_nowhere(igd: DoubleIgd, answer: bytes) -> None:
    igd.answers["/desc.xml"] = answer
    with pytest.raises(NoRouterAnswered, match="opens no ports"):
        await made(igd).probe(4)


@pytest.mark.parametrize("fault", ["hangs", "drips"])
async def test_one_that_takes_its_time_is_given_up(
    igd: DoubleIgd, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http.fetch, "__kwdefaults__", {**(http.fetch.__kwdefaults__ or {}), "timeout": 0.3})
    setattr(igd, fault, True)
    with pytest.raises(NoRouterAnswered, match=r"did not answer within 0\.3 s"):
        await made(igd).probe(4)


async def test_what_it_says_reaches_no_screen_as_it_is(mapper: UpnpMapper, igd: DoubleIgd) -> None:
    body = (
        "<e><b><Fault><detail><UPnPError><errorCode>606</errorCode><errorDescription>"
        + "no\nway " * 200
        + "</errorDescription></UPnPError></detail></Fault></b></e>"
    )
    igd.answers["/control"] = ok(body)
    with pytest.raises(PortMappingFailed) as caught:
        await mapper.map(request())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


async def test_chunks_are_read(igd: DoubleIgd) -> None:
    whole = igd._answer("/desc.xml", "").partition(b"\r\n\r\n")[2]
    chunks = b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in (whole[:100], whole[100:]))
    igd.answers["/desc.xml"] = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    )
    assert await made(igd).probe(4) == KnownHost(OUTSIDE, 0)


# IPv6


@pytest.fixture
async def igd6() -> AsyncIterator[DoubleIgd]:
    try:
        async with double_igd("::1") as igd:
            yield igd
    except OSError:
        pytest.skip("this machine has no IPv6")


def hole(transport: Literal["tcp", "udp"] = "tcp") -> PortRequest:
    return PortRequest(family=6, transport=transport, port=7001, outside_port=7001, lifetime=7200)


@pytest.fixture
async def pinholes(igd6: DoubleIgd) -> PinholeMapper:
    mapper = PinholeMapper(lambda family: [igd6.gateway], port=igd6.port, group="::1")
    await mapper.probe(6)
    return mapper


async def test_a_pinhole_is_made_kept_and_closed(pinholes: PinholeMapper, igd6: DoubleIgd) -> None:
    grant = await pinholes.map(hole())
    assert (grant.outside, grant.lifetime) == (KnownHost("::1", 7001), 7200)
    await pinholes.map(hole("udp"))
    assert igd6.pinholes == {1: ("::1", 7001, 6), 2: ("::1", 7001, 17)}
    assert await pinholes.check(hole(), grant)
    await pinholes.map(hole())
    assert len(igd6.pinholes) == 2
    await pinholes.unmap(hole(), 7001)
    assert igd6.pinholes.keys() == {2}
    assert not await pinholes.check(hole(), grant)
    await pinholes.unmap(hole(), 7001)


async def test_a_pinhole_that_is_gone_is_made_again(pinholes: PinholeMapper, igd6: DoubleIgd) -> None:
    grant = await pinholes.map(hole())
    igd6.pinholes.clear()
    assert not await pinholes.check(hole(), grant)
    await pinholes.map(hole())
    assert igd6.pinholes == {1: ("::1", 7001, 6)}


async def test_a_firewall_that_allows_none(igd6: DoubleIgd) -> None:
    igd6.GetFirewallStatus = lambda _: {"InboundPinholeAllowed": 0}  # type: ignore[method-assign]
    mapper = PinholeMapper(lambda family: [igd6.gateway], port=igd6.port, group="::1")
    with pytest.raises(PortMappingFailed, match="allows no IPv6 pinholes"):
        await mapper.probe(6)


@pytest.mark.parametrize("identity", ["", "x", "-1", "1234567"])
async def test_a_pinhole_without_an_id(pinholes: PinholeMapper, igd6: DoubleIgd, identity: str) -> None:
    igd6.AddPinhole = lambda _: {"UniqueID": identity}  # type: ignore[method-assign, assignment]
    with pytest.raises(PortMappingFailed, match="no id"):
        await pinholes.map(hole())


async def test_a_router_without_a_firewall_to_open(igd6: DoubleIgd) -> None:
    igd6.kinds.remove(FIREWALL)
    mapper = PinholeMapper(lambda family: [igd6.gateway], port=igd6.port, group="::1")
    with pytest.raises(NoRouterAnswered, match="opens no ports"):
        await mapper.probe(6)
