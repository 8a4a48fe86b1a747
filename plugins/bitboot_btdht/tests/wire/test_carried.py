"""Messages that carry a payload: written as any other, and read as the decoder reads them."""

from __future__ import annotations

import pytest
from bitboot_btdht.wire import bencode, carried, compact, krpc
from hypothesis import given
from hypothesis import strategies as st

PEER = compact.pack("127.0.0.1", 6881)
ID = b"mnopqrstuvwxyz123456"
PAYLOADS = [b"", b"x", b"e1:t4:aaaa1:y1:re", b"x" * 1000]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_answer_is_a_response_like_any_other(payload: bytes) -> None:
    values = {b"id": ID, b"payload": payload}
    written = carried.answer(b"aa", ID, payload)
    assert written == bencode.encode({b"r": values, b"t": b"aa", b"v": krpc.CLIENT, b"y": b"r"})


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_request_is_a_query_like_any_other(payload: bytes, read_only: bool) -> None:
    values = {b"id": ID, b"payload": payload}
    written = carried.request(b"aaaa", ID, payload, read_only=read_only)
    assert written == krpc.query(b"aaaa", carried.METHOD, values, read_only=read_only)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_both_are_read_in_one_step(payload: bytes) -> None:
    values = {b"id": ID, b"payload": payload}
    assert carried.read(carried.answer(b"aaaa", ID, payload)) == krpc.Response(b"aaaa", ID, values, None)
    for read_only in (False, True):
        written = carried.request(b"aaaa", ID, payload, read_only=read_only)
        read = carried.read(written)
        assert read == krpc.Query(b"aaaa", carried.METHOD, ID, values, read_only, written)


@given(st.binary(max_size=40), st.booleans(), st.integers(0, 120), st.binary(max_size=3), st.integers(0, 3))
def test_what_it_reads_the_decoder_reads_alike(
    payload: bytes, asks: bool, at: int, put: bytes, instead_of: int
) -> None:
    written = (
        carried.request(b"aaaa", ID, payload, read_only=False)
        if asks
        else carried.answer(b"aaaa", ID, payload)
    )
    changed = written[:at] + put + written[at + instead_of :]
    read = carried.read(changed)
    if read is not None:
        assert read == krpc.parse(changed, PEER)


@pytest.mark.parametrize(
    "datagram",
    [
        b"d1:rd2:id20:mnopqrstuvwxyz1234567:payload5:xxxxe1:t4:aaaa1:y1:re",
        b"d1:rd2:id20:mnopqrstuvwxyz1234567:payload3:xxxxe1:t4:aaaa1:y1:re",
        b"d1:ad2:id20:mnopqrstuvwxyz1234567:payload4:xxxxe1:t4:aaaa1:y1:re",
        b"d1:rd2:id20:mnopqrstuvwxyz1234567:payload4:xxxxe1:q7:bitboot1:t4:aaaa1:y1:re",
        b"d1:ad2:id20:mnopqrstuvwxyz1234567:payload4:xxxxe1:q7:bitboot1:t4:aaaa1:y1:re",
    ],
)
def test_anything_else_is_left_to_the_decoder(datagram: bytes) -> None:
    assert carried.read(datagram) is None
