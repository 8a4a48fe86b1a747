"""KRPC messages against the examples in BEP 5, and against everything else."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from bitboot_btdht.wire import bencode, compact, krpc, plain
from hypothesis import example, given
from hypothesis import strategies as st

PEER = compact.pack("127.0.0.1", 6881)

# BEP 5, "Example Packets"
PING = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
GET_PEERS = b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe"
PONG = b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"
WITH_PEERS = b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re"
ERROR = b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"


def test_reads_bep_5s_queries() -> None:
    ping = krpc.parse(PING, PEER)
    assert ping == krpc.Query(
        b"aa", b"ping", b"abcdefghij0123456789", {b"id": b"abcdefghij0123456789"}, False, PING
    )
    get_peers = krpc.parse(GET_PEERS, PEER)
    assert isinstance(get_peers, krpc.Query)
    assert get_peers.arguments[b"info_hash"] == b"mnopqrstuvwxyz123456"


def test_reads_bep_5s_responses() -> None:
    assert krpc.parse(PONG, PEER) == krpc.Response(
        b"aa", b"mnopqrstuvwxyz123456", {b"id": b"mnopqrstuvwxyz123456"}, None
    )
    found = krpc.parse(WITH_PEERS, PEER)
    assert isinstance(found, krpc.Response)
    assert compact.unpack_peers(found.values[b"values"], 10) == [b"axje.u", b"idhtnm"]


def test_reads_bep_5s_error() -> None:
    assert krpc.parse(ERROR, PEER) == krpc.ErrorReply(b"aa", 201, b"A Generic Error Ocurred")


def test_writes_bep_5s_messages() -> None:
    written = krpc.query(b"aa", b"ping", {b"id": b"abcdefghij0123456789"})
    assert written.replace(b"1:v4:BB\0\1", b"") == PING
    answered = krpc.response(b"aa", {b"id": b"mnopqrstuvwxyz123456"}, PEER)
    assert answered.replace(b"1:v4:BB\0\1", b"").replace(b"2:ip6:" + PEER, b"") == PONG
    refused = krpc.error(b"aa", 201, b"A Generic Error Ocurred", PEER)
    assert refused.replace(b"1:v4:BB\0\1", b"").replace(b"2:ip6:" + PEER, b"") == ERROR


def test_a_read_only_query_says_so() -> None:
    """BEP 43."""
    message = krpc.parse(krpc.query(b"aa", b"ping", {b"id": b"x" * 20}, read_only=True), PEER)
    assert isinstance(message, krpc.Query)
    assert message.read_only


@pytest.mark.parametrize("length", [0, 1, 2, 3, 8, 20, krpc.MAX_TRANSACTION_BYTES])
def test_transaction_ids_of_any_length_are_kept(length: int) -> None:
    transaction = b"\0" * length
    message = krpc.parse(krpc.query(transaction, b"ping", {b"id": b"x" * 20}), PEER)
    assert message.transaction == transaction


def refusal(datagram: bytes) -> bytes | None:
    with pytest.raises(krpc.Malformed) as caught:
        krpc.parse(datagram, PEER)
    return caught.value.answer


@pytest.mark.parametrize(
    "message",
    [
        {b"t": b"aa", b"y": b"q"},
        {b"t": b"aa", b"y": b"q", b"q": 7, b"a": {b"id": b"x" * 20}},
        {b"t": b"aa", b"y": b"q", b"q": b"ping"},
        {b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": []},
        {b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {}},
        {b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {b"id": b"short"}},
    ],
)
def test_a_malformed_query_is_answered_with_error_203(message: dict[bytes, object]) -> None:
    answer = refusal(bencode.encode(message))
    assert answer is not None
    reply = krpc.parse(answer, PEER)
    assert isinstance(reply, krpc.ErrorReply)
    assert (reply.transaction, reply.code) == (b"aa", krpc.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"hello",
        b"le",
        b"de",
        bencode.encode({b"t": 7, b"y": b"q"}),
        bencode.encode({b"t": b"x" * 65, b"y": b"q"}),
        bencode.encode({b"t": b"aa", b"y": b"z"}),
        bencode.encode({b"t": b"aa", b"y": []}),
        bencode.encode({b"t": b"aa", b"y": b"r"}),
        bencode.encode({b"t": b"aa", b"y": b"r", b"r": {b"id": b"short"}}),
        bencode.encode({b"t": b"aa", b"y": b"r", b"r": [1]}),
    ],
)
def test_what_is_no_query_is_never_answered(message: bytes) -> None:
    """Two nodes that answer each other's rubbish would never stop."""
    assert refusal(message) is None


@pytest.mark.parametrize("body", [[], [201], b"text", {}, [b"x", 7], 5])
def test_odd_errors_are_still_errors(body: object) -> None:
    message = krpc.parse(bencode.encode({b"t": b"aa", b"y": b"e", b"e": body}), PEER)
    assert message == krpc.ErrorReply(b"aa", krpc.GENERIC_ERROR, b"")


FIELDS = st.dictionaries(
    st.sampled_from([b"t", b"y", b"q", b"a", b"r", b"e", b"ip", b"ro", b"v"]),
    st.sampled_from([b"q", b"r", b"e", b"ping", b"aa", b"x" * 20])
    | st.integers()
    | st.lists(st.integers(0, 300) | st.binary(max_size=4), max_size=3)
    | st.dictionaries(st.sampled_from([b"id", b"target"]), st.binary(max_size=20) | st.just(b"x" * 20)),
)


@given(st.binary(max_size=120) | FIELDS.map(bencode.encode))
def test_parsing_raises_nothing_but_malformed(datagram: bytes) -> None:
    try:
        message = krpc.parse(datagram, PEER)
    except krpc.Malformed:
        return
    assert isinstance(message, krpc.Query | krpc.Response | krpc.ErrorReply)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            b"nodes": st.binary(max_size=60) | st.integers(),
            b"nodes6": st.binary(max_size=60),
            b"token": st.binary(max_size=12) | st.lists(st.binary(max_size=3), max_size=2),
            b"values": st.lists(st.binary(max_size=6), max_size=3),
        },
    ),
    st.binary(max_size=9),
)
def test_responses_are_what_the_encoder_writes(values: dict[bytes, Any], transaction: bytes) -> None:
    values = {b"id": b"x" * 20, **values}
    message = {b"ip": PEER, b"r": values, b"t": transaction, b"v": krpc.CLIENT, b"y": b"r"}
    assert krpc.response(transaction, values, PEER) == bencode.encode(message)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            b"info_hash": st.binary(max_size=20) | st.integers(),
            b"target": st.binary(max_size=20) | st.integers(),
            b"port": st.integers(),
        },
    ),
    st.binary(max_size=12),
    st.booleans(),
    st.binary(max_size=9),
)
def test_queries_are_what_the_encoder_writes(
    arguments: dict[bytes, Any], method: bytes, read_only: bool, transaction: bytes
) -> None:
    arguments = {b"id": b"x" * 20, **arguments}
    message = {b"a": arguments, b"q": method, b"t": transaction, b"v": krpc.CLIENT, b"y": b"q"}
    expected = bencode.encode(message | {b"ro": 1} if read_only else message)
    assert krpc.query(transaction, method, arguments, read_only=read_only) == expected


IDS = st.binary(min_size=20, max_size=20)
PLAIN = st.tuples(
    st.just(b"d1:ad2:id20:"),
    IDS,
    st.just(b"") | IDS.map(b"9:info_hash20:%b".__mod__),
    st.just(b"") | IDS.map(b"6:target20:%b".__mod__),
    st.sampled_from([b"", b"4:wantl2:n4e", b"4:wantl2:n42:n6e", b"4:wantle", b"6:noseedi1e"]),
    st.just(b"e1:q"),
    st.sampled_from([b"4:ping", b"9:find_node", b"9:get_peers", b"4:pong", b"9:get_pears", b"3:get"]),
    st.sampled_from([b"", b"", b"2:roi1e", b"2:roi0e"]),
    st.just(b"1:t"),
    (st.binary(max_size=10) | st.sampled_from([b"1:v4:LT0", b"LT011:v4"])).map(
        lambda transaction: b"%d:%b" % (len(transaction), transaction)
    ),
    st.sampled_from([b"", b"1:v4:LT01", b"1:v3:abc"]),
    st.sampled_from([b"1:y1:qe", b"1:y1:q1:zlee"]),
).map(b"".join)


@given(PLAIN)
@example(GET_PEERS)
@example(b"d1:ad2:id20:abcdefghij01234567894:wantl2:n42:n6ee1:q4:ping2:roi1e1:t4:\n\0e:1:v4:LT011:y1:qe")
def test_plain_queries_are_read_as_the_decoder_reads_them(datagram: bytes) -> None:
    read, decoded = krpc.parse(datagram, PEER), krpc.parse(datagram + b" ", PEER)
    assert isinstance(decoded, krpc.Query)
    decoded.datagram = datagram
    assert read == decoded


def _named(key: bytes, size: int) -> st.SearchStrategy[bytes]:
    """A key and a string of this length, or nothing."""
    strings = st.binary(min_size=size, max_size=size)
    return st.just(b"") | strings.map(lambda string: b"%d:%b%d:%b" % (len(key), key, size, string))


ADDRESS = st.binary(min_size=6, max_size=6)
PLAIN_RESPONSE = st.tuples(
    st.just(b"d"),
    _named(b"ip", 6) | _named(b"ip", 18) | _named(b"ip", 4),
    st.just(b"1:rd2:id20:"),
    IDS,
    _named(b"nodes", 208) | _named(b"nodes", 26),
    _named(b"nodes6", 304),
    st.sampled_from([b"", b"1:pi6881e", b"1:pi007e", b"1:pi-1e", b"1:p2:xy", b"1:pi123456e"]),
    _named(b"token", 4) | _named(b"token", 8) | _named(b"token", 20) | _named(b"token", 5),
    st.sampled_from([b"", b"6:valuesle"])
    | st.lists(ADDRESS, max_size=9).map(
        lambda peers: b"6:valuesl%be" % b"".join(b"6:%b" % peer for peer in peers)
    )
    | st.just(b"6:valuesl6:123456i7e18:abcdefghijklmnopqre"),
    st.sampled_from([b"e1:t", b"e1:t", b"1:zlee1:t"]),
    st.sampled_from([b"4:abcd", b"4:\n\0e:", b"2:ab", b"0:"]),
    st.sampled_from([b"", b"1:v4:LT01", b"1:v3:abc"]),
    st.sampled_from([b"1:y1:re", b"1:y1:r1:zlee"]),
).map(b"".join)


def _outcome(datagram: bytes) -> krpc.Message | None:
    try:
        return krpc.parse(datagram, PEER)
    except krpc.Malformed:
        return None


@given(PLAIN_RESPONSE)
@example(krpc.response(b"abcd", {b"id": b"x" * 20, b"nodes": b"n" * 208, b"token": b"t" * 8}, PEER))
@example(
    krpc.response(b"abcd", {b"id": b"x" * 20, b"nodes6": b"n" * 304, b"values": [b"123e6:"] * 2}, b"i" * 18)
)
@example(PONG.replace(b"6e1:t2:aa", b"61:pi%dee1:t4:aaaa" % 10**25))
def test_plain_responses_are_read_as_the_decoder_reads_them(datagram: bytes) -> None:
    assert _outcome(datagram) == _outcome(datagram + b" ")


IN_ONE_STEP = st.tuples(
    st.just(b"d"),
    _named(b"ip", 6) | _named(b"ip", 18),
    st.just(b"1:rd2:id20:"),
    IDS,
    _named(b"nodes", 208),
    _named(b"nodes6", 304),
    st.just(b"") | st.from_regex(rb"1:pi[0-9]{1,5}e", fullmatch=True),
    _named(b"token", 4) | _named(b"token", 8) | _named(b"token", 20),
    st.just(b"")
    | st.lists(ADDRESS, max_size=9).map(
        lambda peers: b"6:valuesl%be" % b"".join(b"6:%b" % peer for peer in peers)
    ),
    st.just(b"e1:t4:"),
    st.binary(min_size=4, max_size=4),
    st.just(b"") | st.binary(min_size=4, max_size=4).map(b"1:v4:%b".__mod__),
    st.just(b"1:y1:re"),
).map(b"".join)


@given(IN_ONE_STEP)
def test_responses_as_nearly_all_write_them_are_read_in_one_step(datagram: bytes) -> None:
    read, decoded = plain.response(datagram), krpc.parse(datagram + b" ", PEER)
    assert read is not None
    transaction, values, external = read
    assert krpc.Response(transaction, values[b"id"], values, external) == decoded


@given(IN_ONE_STEP, st.sampled_from(b"0123456789:deil") | st.integers(0, 255))
def test_with_any_byte_changed_or_left_out_they_are_read_as_the_decoder_reads_them(
    datagram: bytes, byte: int
) -> None:
    for index in range(len(datagram)):
        before, after = datagram[:index], datagram[index + 1 :]
        for changed in (before + after, before + bytes((byte,)) + after):
            assert _outcome(changed) == _outcome(changed + b" ")


@pytest.mark.parametrize("tail", [b"", b"1:y1:re", b"e1:t4:tttt1:y1:re", b"1:y1:qe"])
def test_what_is_cut_short_anywhere_is_malformed_and_no_other_error(tail: bytes) -> None:
    """Compiled code cannot cut a piece that ends before it begins."""
    response = b"d2:ip6:abcdef1:rd2:id20:%b5:nodes208:%b5:token4:toke" % (b"i" * 20, b"n" * 208)
    query = b"d1:ad2:id20:%b9:info_hash20:%be1:q9:get_peers1:t4:tttt" % (b"i" * 20, b"h" * 20)
    for message in (response, query):
        for length in range(len(message)):
            with contextlib.suppress(krpc.Malformed):
                krpc.parse(message[:length] + tail, b"\1\2\3\4\0\5")
