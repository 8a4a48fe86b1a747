"""A whole engine in the hands of strangers: whatever they send, and whenever, it stays within its bounds."""

from __future__ import annotations

from bitboot_lan.message import MAX_BYTES, Kind, Message, encode
from bitboot_lan.settings import Settings
from hypothesis import given, settings
from hypothesis import strategies as st

from bitboot_core import KnownHost

from .engine_world import GROUP, Talk, key

SMALL = Settings(max_peers=20, max_peers_per_key=10, max_ports=3)
HOSTS = st.sampled_from(["192.168.1.3", "192.168.1.4", "10.0.0.9", "fe80::1%eth0", "fe80::2%eth0"])
KEYS = st.lists(st.integers(0, 30).map(key), min_size=1, max_size=30).map(tuple)

MESSAGES = st.builds(
    Message,
    st.sampled_from(Kind),
    KEYS,
    st.integers(0, 65_535),
    st.sampled_from(["", "stranger", "7fffffff"]),
    st.one_of(st.none(), st.integers(0, 10**7)),
)


def spoilt(message: Message, changes: list[tuple[int, int]]) -> bytes:
    """A message with some of its bytes changed."""
    data = bytearray(encode(message, GROUP))
    for place, byte in changes:
        data[place % len(data)] = byte
    return bytes(data)


DATAGRAMS = st.one_of(
    MESSAGES.map(lambda message: encode(message, GROUP)),
    st.builds(spoilt, MESSAGES, st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=5)),
    st.binary(max_size=200),
)
STEPS = st.lists(st.tuples(DATAGRAMS, HOSTS, st.booleans(), st.floats(0, 90)), max_size=60)


@given(STEPS)
@settings(max_examples=150)
def test_nothing_that_strangers_do_exceeds_its_bounds(
    steps: list[tuple[bytes, str, bool, float]],
) -> None:
    talk = Talk(SMALL)
    for number in range(5):
        talk.announce(number, lifetime=10**6)
    search = talk.engine.look(key(1), talk.now, lambda: None)
    began = talk.now
    for datagram, host, is_neighbour, seconds in steps:
        talk.receive(datagram, host, is_neighbour=is_neighbour)
        assert len(talk.engine.peers) <= SMALL.max_peers
        talk.run(seconds)
    talk.run(1)
    assert search.is_over
    lasted = talk.now - began
    answers = (lasted + SMALL.burst) * SMALL.answers_per_second
    assert len(talk.told()) <= answers + lasted / SMALL.pace + 1
    assert len(talk.told(Kind.ASK)) <= 3, "nobody makes it ask"
    assert all(len(encode(message, GROUP)) <= MAX_BYTES for _, message, _ in talk.sent)
    ours = {KnownHost("", 7001)}
    assert {endpoint for _, message, endpoint in talk.sent if message.kind is Kind.MEMBER} <= ours
    assert len(talk.engine.announced) == 5, "and nobody takes an announcement of ours back"


@given(st.lists(st.tuples(MESSAGES, HOSTS), min_size=1, max_size=40))
@settings(max_examples=100)
def test_a_datagram_never_leads_to_more_than_one(sent: list[tuple[Message, str]]) -> None:
    """No amplifier: not one answer more than there were datagrams, whoever they claimed to be from."""
    talk = Talk(SMALL)
    talk.announce(1, lifetime=10**6)
    talk.run(30)
    before = len(talk.sent)
    for message, host in sent:
        talk.receive(encode(message, GROUP), host)
        talk.run(0.3)
    assert len(talk.sent) - before <= len(sent) + 1
