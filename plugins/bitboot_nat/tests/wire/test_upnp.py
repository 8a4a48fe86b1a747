"""What UPnP says on the wire: searches, descriptions, calls; from routers that mean it well or ill."""

from __future__ import annotations

import contextlib

import pytest
from bitboot_nat.wire import soap, ssdp, xml
from bitboot_nat.wire.description import CONNECTIONS, FIREWALL, Service, host_of, read_services
from hypothesis import given
from hypothesis import strategies as st

LOCATION = "http://192.168.1.1:5000/desc.xml"
ANSWER = f"HTTP/1.1 200 OK\r\nST: {ssdp.TARGETS[1]}\r\nLocation: {LOCATION}\r\n\r\n"


def service(kind: str, control: str) -> str:
    return f"<service><serviceType>{kind}</serviceType><controlURL>{control}</controlURL></service>"


def described(*services: str, base: str = "") -> bytes:
    return f"<root>{base}<device><list>{''.join(services)}</list></device></root>".encode()


# Searches


def test_a_search() -> None:
    assert ssdp.search("urn:x", "239.255.255.250") == (
        b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
        b'MAN: "ssdp:discover"\r\nMX: 1\r\nST: urn:x\r\n\r\n'
    )
    assert b"HOST: [ff02::c]:1900\r\n" in ssdp.search("urn:x", "ff02::c")


def test_an_answer() -> None:
    assert ssdp.read_found(ANSWER.encode()) == ssdp.Found(LOCATION, ssdp.TARGETS[1])
    shouted = ANSWER.replace("Location", "LOCATION ").replace("ST:", "st :")
    assert ssdp.read_found(shouted.encode()) == ssdp.Found(LOCATION, ssdp.TARGETS[1])


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER.replace("200", "404"),
        ANSWER.replace("HTTP/1.1", "SIP/2.0"),
        ANSWER.replace("Location", "Elsewhere"),
        ANSWER.replace("InternetGatewayDevice", "MediaServer"),
        ANSWER + "a" * 5000,
        "",
    ],
)
def test_what_is_no_answer(answer: str) -> None:
    assert ssdp.read_found(answer.encode()) is None


@given(st.binary(max_size=200), st.booleans())
def test_no_datagram_raises(data: bytes, begun: bool) -> None:
    ssdp.read_found((ANSWER.encode()[:-2] if begun else b"") + data)


# URLs


@pytest.mark.parametrize(
    ("url", "host"),
    [
        (LOCATION, "192.168.1.1"),
        ("http://[fe80::1]:5000/", "fe80::1"),
        ("http://[FE80:0::1]/", "fe80::1"),
        ("http://[fe80::1%25eth0]/", "fe80::1"),
        ("https://192.168.1.1/", None),
        ("http://router.example/", None),
        ("http://0x7f000001/", None),
        ("http://2130706433/", None),
        ("http://192.168.1.1@10.0.0.1/", None),
        ("http://192.168.1.1:0/", None),
        ("http://192.168.1.1:65536/", None),
        ("http://192.168.1.1:x/", None),
        ("http://192.168.1.1/\r\nHost: x", None),
        ("http://192.168.1.1/ä", None),
        ("http://192.168.1.1/" + "a" * 600, None),
        ("http://[/", None),
        ("", None),
    ],
)
def test_the_address_that_a_url_leads_to(url: str, host: str | None) -> None:
    assert host_of(url) == host


@given(st.text(max_size=60))
def test_no_url_raises(text: str) -> None:
    host_of(text)
    host_of("http://" + text)


# Descriptions


def test_services_in_all_spellings_of_their_urls() -> None:
    firewall = service(FIREWALL, "http://192.168.1.1:6000/six")
    found = read_services(
        described(service(CONNECTIONS[0], "/ctl"), service("urn:other", "/x"), firewall), LOCATION
    )
    assert found == [
        Service(CONNECTIONS[0], "http://192.168.1.1:5000/ctl"),
        Service(FIREWALL, "http://192.168.1.1:6000/six"),
    ]
    relative = read_services(described(service(CONNECTIONS[2], "ctl")), "http://192.168.1.1/a/b.xml")
    assert relative == [Service(CONNECTIONS[2], "http://192.168.1.1/a/ctl")]
    base = "<URLBase>http://192.168.1.1:7000</URLBase>"
    assert read_services(described(service(CONNECTIONS[1], "/ctl"), base=base), LOCATION) == [
        Service(CONNECTIONS[1], "http://192.168.1.1:7000/ctl")
    ]


@pytest.mark.parametrize(
    "control",
    [
        "http://192.168.1.2/ctl",
        "//10.0.0.1/ctl",
        "https://192.168.1.1/",
        "ftp://192.168.1.1/",
        "",
        "http://[/",
    ],
)
def test_a_device_speaks_for_itself_alone(control: str) -> None:
    assert read_services(described(service(CONNECTIONS[0], control)), LOCATION) == []
    base = "<URLBase>http://10.0.0.1/</URLBase>"
    assert read_services(described(service(CONNECTIONS[0], "/ctl"), base=base), LOCATION) == []


def test_no_more_than_a_few_services() -> None:
    many = [service(CONNECTIONS[0], f"/{number}") for number in range(100)]
    assert len(read_services(described(*many), LOCATION)) == 16


# XML


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE r><r><a/></r>",
        '<!DOCTYPE r SYSTEM "http://192.168.1.1/x"><r/>',
        '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>',
        "<r>&a;</r>",
        "<r>",
        "",
        "<a>" * 40 + "</a>" * 40,
        "<r>" + "<a/>" * 2000 + "</r>",
        "<?xml version='1.0' encoding='x'?><r/>",
    ],
)
def test_xml_that_is_not_read(text: str) -> None:
    with pytest.raises(xml.Refused):
        xml.parse(text.encode())


def test_prefixes_that_nobody_declared() -> None:
    root = xml.parse(b"<s:a><b> x </b><c:b>y</c:b></s:a>")
    assert (root.name, root.text_of("b"), root.text_of("z")) == ("a", "x", "")
    assert [element.text for element in root.all("b")] == [" x ", "y"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_only_refused_is_raised(data: bytes) -> None:
    for document in (data, b"<r>" + data + b"</r>"):
        with contextlib.suppress(xml.Refused):
            xml.parse(document)


# Calls


def test_a_call() -> None:
    headers, body = soap.call("urn:kind:1", "Do", {"One": "", "Two": 5, "Three": "<&>"})
    assert headers == {"Content-Type": 'text/xml; charset="utf-8"', "SOAPAction": '"urn:kind:1#Do"'}
    assert b'<u:Do xmlns:u="urn:kind:1"><One></One><Two>5</Two><Three>&lt;&amp;&gt;</Three></u:Do>' in body
    assert xml.parse(body).name == "Envelope"


def test_what_it_returns() -> None:
    answer = b"<e><b><u:DoResponse><A> 1 </A><B/></u:DoResponse></b></e>"
    assert soap.read_answer("Do", answer) == {"A": "1", "B": ""}
    with pytest.raises(xml.Refused, match="no answer to Undo"):
        soap.read_answer("Undo", answer)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ("<errorCode>718</errorCode><errorDescription>taken</errorDescription>", 718, "error 718 (taken)"),
        ("<errorCode>x</errorCode>", 0, "error 0"),
        ("<errorCode>٣</errorCode>", 0, "error 0"),
        ("<errorCode>99999999</errorCode>", 0, "error 0"),
        ("<errorDescription>a\u202eb\x9bc</errorDescription>", 0, "error 0 (a?b?c)"),
    ],
)
def test_a_fault(error: str, code: int, words: str) -> None:
    body = f"<e><b><s:Fault><detail><UPnPError>{error}</UPnPError></detail></s:Fault></b></e>"
    with pytest.raises(soap.Fault) as caught:
        soap.read_answer("Do", body.encode())
    assert (caught.value.code, str(caught.value)) == (code, words)


def test_a_fault_of_another_kind() -> None:
    with pytest.raises(soap.Fault, match="error 0"):
        soap.read_answer("Do", b"<e><b><Fault><faultstring>no</faultstring></Fault></b></e>")
