"""Raw keys in place of names."""

import pytest

from bitboot_core import InvalidSwarmName, KnownHost, SwarmKey, swarm_key
from bitboot_core.testing import FakeBackend

from ..conftest import Start

KEY = bytes(range(20))
HEX = KEY.hex()


def test_a_key_is_its_own_key() -> None:
    assert swarm_key(SwarmKey(KEY)) == KEY
    assert str(SwarmKey(KEY)) == HEX
    assert swarm_key(HEX) != KEY, "a name is a name, whatever it looks like"


@pytest.mark.parametrize(
    "text",
    [
        HEX,
        HEX.upper(),
        "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT",
        "aaaqeayeaudaocajbifqydiob4ibceqt",
        f"magnet:?xt=urn:btih:{HEX}&dn=name&tr=udp://tracker.example:1",
        "magnet:?dn=name&xt=urn:btih:AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT",
        f"MAGNET:?xt=urn:btih:{HEX}",
        f"magnet:?xt=urn:btmh:1220{HEX}{'ff' * 12}",
        f"magnet:?xt=urn:btmh:1220{'ee' * 32}&xt=urn:btih:{HEX}",
    ],
)
def test_it_is_read_from_text(text: str) -> None:
    assert SwarmKey.parse(text) == SwarmKey(KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        HEX[:-1],
        HEX + "0",
        "g" * 40,
        "1" * 32,
        "magnet:",
        "magnet:?dn=name",
        "magnet:?xt=urn:btih:12",
        "magnet:?xt=urn:btmh:1220ff",
        "magnet:?xt=urn:btmh:zz",
        "magnet:?xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0",
        "\u0660" * 40,  # digits of another script
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidSwarmName, match="not a swarm's key"):
        SwarmKey.parse(text)


@pytest.mark.parametrize("value", [b"", KEY[:-1], KEY + b"x", HEX, None])
def test_it_has_20_bytes(value: bytes) -> None:
    with pytest.raises(InvalidSwarmName):
        SwarmKey(value)


async def test_it_stands_wherever_a_name_does(serve: Start) -> None:
    key = SwarmKey(KEY)
    backend = FakeBackend(peers=[KnownHost("192.0.2.7", 1)])
    bitboot = await serve(backend)
    async with bitboot.announce([key, "name"], port=6881) as announcement:
        await announcement.announced()
        assert announcement.status_of(key)["fake"].stored_on == 1
    assert {call[1] for call in backend.calls if call[0] == "announce"} == {KEY, swarm_key("name")}
    assert len(await bitboot.lookup(key)) == 1
    async with bitboot.join(key, port=6881) as swarm:
        assert (await anext(swarm)).swarm == key
    assert all(call[1] == KEY for call in backend.calls if call[0] == "lookup")


async def test_a_name_and_its_key_are_one_swarm(serve: Start) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    async with bitboot.announce("name", port=6881) as announcement:
        await announcement.announced()
        async with bitboot.announce(SwarmKey(swarm_key("name")), port=6881) as same:
            await same.announced()
        assert backend.count("withdraw") == 0, "the other still announces it"
    assert backend.count("withdraw") == 1


@pytest.mark.parametrize(
    ("name", "warned"), [("a cafe", False), ("a caf\u00e9", False), ("a cafe\u0301", True)]
)
def test_a_name_that_looks_like_another_is_told_of(
    name: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Two spellings of one word in Unicode are two swarms. No other test has these: it is told once."""
    swarm_key(name)
    assert ["normal form C" in message for message in caplog.messages] == [True] * warned
