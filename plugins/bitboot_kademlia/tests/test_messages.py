"""What strangers may say, and what is refused before it does anything."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import umsgpack
from bitboot_kademlia import messages, wire
from hypothesis import given
from hypothesis import strategies as st

ID, KEY = b"i" * 20, b"k" * 20
EVERY_CALL: dict[str, list[Any]] = {
    "stun": [],
    "ping": [ID],
    "find_node": [ID, KEY],
    "find_value": [ID, KEY],
    "store": [ID, KEY, "value"],
    "hello": [ID],
    "find_peers": [ID, KEY, 0],
    "announce": [ID, KEY, "peer.example.org", 6881, 1800, b"t" * 8, b"c" * 16],
    "withdraw": [ID, KEY, b"s" * 16],
    "keys": [ID, KEY],
    "records": [ID, KEY, 0],
}
"""One sound call of each kind."""

WRONG = [None, True, -1, 1.5, 1 << 40, "text", "x" * 400, b"bytes", b"", b"x" * 21, [], [1], {}, {1: 2}]


def decoded(datagram: bytes) -> tuple[str, list[Any]]:
    """A call's name and arguments."""
    name = messages.read_name(datagram)
    return name, messages.read_args(name, datagram)


def packed(name: object, args: object) -> bytes:
    return bytes(umsgpack.packb([name, args]))


def test_all_calls_are_here() -> None:
    assert EVERY_CALL.keys() == messages.CALLS.keys()


@pytest.mark.parametrize("name", EVERY_CALL)
def test_sound_calls_are_read(name: str) -> None:
    args = EVERY_CALL[name]
    datagram = messages.encode_call(b"m" * 20, name, args)
    assert datagram[:21] == b"\x00" + b"m" * 20
    assert decoded(datagram[21:]) == (name, args)


@pytest.mark.parametrize("name", EVERY_CALL)
def test_arguments_of_other_types_are_refused(name: str) -> None:
    sound = EVERY_CALL[name]
    for place, right in enumerate(sound):
        for wrong in WRONG:
            args = [*sound[:place], wrong, *sound[place + 1 :]]
            if type(wrong) is type(right) and (isinstance(right, str) or name == "store"):
                continue  # any text may be a host, and any plain value be stored
            if name == "store" and place == 2 and not isinstance(wrong, list | dict | None):
                continue
            if wrong == b"" and (name, place) in {
                ("hello", 0),
                ("find_peers", 0),
                ("announce", 0),
                ("withdraw", 0),
                ("keys", 1),
            }:
                continue  # nobody, or from the beginning
            with pytest.raises(ValueError, match=name):
                decoded(packed(name, args))


@pytest.mark.parametrize("name", EVERY_CALL)
def test_too_few_and_too_many_arguments_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        decoded(packed(name, [*EVERY_CALL[name], ID]))
    if EVERY_CALL[name]:
        with pytest.raises(ValueError, match=name):
            decoded(packed(name, EVERY_CALL[name][:-1]))
    with pytest.raises(ValueError, match=name):
        decoded(packed(name, {1: 2}))


@pytest.mark.parametrize("name", ["find_node", "find_peers", "announce", "withdraw", "store"])
def test_a_call_that_is_too_long_is_not_even_unpacked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "decode", lambda packed: pytest.fail("unpacked"))
    with pytest.raises(ValueError, match=r"of \d+ bytes"):
        decoded(packed(name, [*EVERY_CALL[name][:-1], b"x" * 9_000]))


@pytest.mark.parametrize(
    "name", ["", "shutdown", "__class__", "x" * 31, "ünicode", 7, None, b"ping", ["ping"]]
)
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(packed(name, [ID]))


@pytest.mark.parametrize(
    "nasty",
    [
        b"",
        b"\xc1",  # reserved
        b"\x91" * 5_000,  # lists in lists
        b"\x81" * 5_000,  # maps as keys of maps
        b"\xdd\xff\xff\xff\xff",  # a list of four thousand million, of which nothing is there
        b"\xdb\xff\xff\xff\xfftext",
        b"\xc7\x0c\xff" + bytes(4) + b"\x7f" + b"\xff" * 7,  # a time beyond all calendars
        b"\xa2\xff\xfe",  # not UTF-8
        b"\x82\x01\x02\x01\x03",  # one key twice
    ],
)
def test_whatever_is_wrong_with_it_is_a_value_error(nasty: bytes) -> None:
    with pytest.raises(ValueError, match="not msgpack"):
        messages.decode(nasty)
    with pytest.raises(ValueError, match=r"."):
        decoded(b"\x92\xa5store" + nasty)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(packed: bytes) -> None:
    for read in (messages.decode, decoded):
        try:
            read(packed)
        except ValueError:
            continue


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON)
def test_answers_of_any_shape_are_read_or_refused(value: object) -> None:
    for shape in (value, [value] * 7, [ID, b"t" * 8, 0, 0, b"", value, b""], [[ID, value, 7000]]):
        with contextlib.suppress(ValueError):
            messages.read_peers_answer(shape)
        with contextlib.suppress(ValueError):
            assert all(len(node) == 26 for node in messages.read_nodes(shape, 4))


def test_nodes_without_an_ip_address_are_left_out() -> None:
    """Writing to a name would look it up, and hold up the whole loop meanwhile."""
    nodes = [
        [ID, "evil.example.org", 7000],
        [ID, "20.0.0.1", 7000],
        [ID, "::1", 7000],
        [ID, "20.0.0.2", 70_000],
        [ID, "20.0.0.\x00", 7000],
    ]
    assert messages.read_nodes(nodes, 4) == [wire.pack_node(ID, ("20.0.0.1", 7000), 4)]


def test_a_list_of_nodes_is_cut_off() -> None:
    nodes = [[ID, f"20.0.0.{number}", 7000] for number in range(200)]
    assert len(messages.read_nodes(nodes, 4)) == messages.MAX_NODES


@pytest.mark.parametrize("nodes", [None, {}, [1], [[ID]], [[ID, 1, 2]], [["id", "20.0.0.1", 1]]])
def test_what_is_no_list_of_nodes_is_refused(nodes: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        messages.read_nodes(nodes, 4)
