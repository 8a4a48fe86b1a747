"""The messages of rpcudp, read as from strangers: what they may say, and how long they may be.

    byte 0          0: a call, 1: an answer
    bytes 1 to 20   the message's id
    the rest        msgpack: [name, [argument, ...]], or whatever the answer is

Behind a call may be more bytes, which are not unpacked. The last 8 of them may be a token that its
receiver once gave to the caller: whoever shows one is answered in full, others with no more than a
few times what they sent. So calls that ask for lists are filled up with zeros.

The calls `ping`, `store`, `find_node`, `find_value` and `stun` are the library's, the others ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import umsgpack

from .tokens import TOKEN_BYTES
from .wire import (
    COMMITMENT_BYTES,
    ID_BYTES,
    SECRET_BYTES,
    pack_node,
)

CALL, ANSWER = 0, 1
MESSAGE_ID_BYTES = 20
HEAD_BYTES = 1 + MESSAGE_ID_BYTES

_ARRAY_OF_TWO = 0x92
_SHORT_TEXT = 0xA0  # to 0xBF: text of up to 31 bytes

NOBODY = b""
"""Instead of a caller's id: whoever calls serves nobody, so that there is no use in calling back."""


def encode_call(message_id: bytes, name: str, args: Sequence[Any], token: bytes = b"") -> bytes:
    """The datagram that makes a call, and shows a token."""
    packed = bytes(umsgpack.packb([name, args]))
    length = _SHORT if name in LISTS else len(packed) + len(token)
    return b"\x00" + message_id + packed.ljust(length - len(token), b"\x00") + token


def encode_answer(message_id: bytes, answer: Any) -> bytes:
    """The datagram that answers one."""
    return b"\x01" + message_id + bytes(umsgpack.packb(answer))


def decode(packed: bytes) -> Any:
    """What was packed. Raises ValueError, whatever is wrong with it."""
    try:
        return umsgpack.unpackb(packed)
    except Exception as error:  # strangers can make it raise anything: OverflowError, RecursionError, ...
        raise ValueError(f"not msgpack: {type(error).__name__}") from error


def read_name(packed: bytes) -> str:
    """The name of a call. Raises ValueError for all but those in `CALLS`, and where one is too long.

    It is read first, so that what nobody wants is never unpacked.
    """
    if len(packed) < 3 or packed[0] != _ARRAY_OF_TWO or not _SHORT_TEXT <= packed[1] < _SHORT_TEXT + 32:
        raise ValueError("not a call")
    name = packed[2 : packed[1] - _SHORT_TEXT + 2].decode("ascii")
    call = CALLS.get(name)
    if call is None:
        raise ValueError("a call that we do not know")
    if len(packed) > call.max_bytes:
        raise ValueError(f"a {name} of {len(packed)} bytes")
    return name


def read_args(name: str, packed: bytes) -> list[Any]:
    """The arguments of a call of that name. Raises ValueError for all but what `CALLS` allows."""
    call = CALLS[name]
    args = decode(packed[len(name) + 2 :])
    if not isinstance(args, list) or len(args) != len(call.checks):
        raise ValueError(f"a {name} with other arguments")
    if not all(check(arg) for check, arg in zip(call.checks, args, strict=True)):
        raise ValueError(f"a {name} with arguments of other types")
    return args


@dataclass(frozen=True, slots=True)
class _Call:
    max_bytes: int
    checks: tuple[Callable[[Any], bool], ...]


def _bytes_of(*lengths: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, bytes) and len(value) in lengths


def _is_value(value: Any) -> bool:
    # What the library's own users may store: a list, say, would make others' get() raise.
    return isinstance(value, int | float | bool | str | bytes)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 32


def _is_host(value: Any) -> bool:
    return isinstance(value, str)


_ID = _bytes_of(ID_BYTES)
_CALLER = _bytes_of(ID_BYTES, len(NOBODY))
_TOKEN = _bytes_of(TOKEN_BYTES)
_SHORT, _LONG = 160, 8_300

CALLS = {
    "stun": _Call(_SHORT, ()),
    "ping": _Call(_SHORT, (_ID,)),
    "find_node": _Call(_SHORT, (_ID, _ID)),
    "find_value": _Call(_SHORT, (_ID, _ID)),
    "store": _Call(_LONG, (_ID, _ID, _is_value)),
    # caller
    "hello": _Call(_SHORT, (_CALLER,)),
    # caller, key, number of the last peer that is known already
    "find_peers": _Call(_SHORT, (_CALLER, _ID, _is_number)),
    # caller, key, host, port, seconds, token, commitment
    "announce": _Call(
        480,
        (_CALLER, _ID, _is_host, _is_number, _is_number, _TOKEN, _bytes_of(COMMITMENT_BYTES)),
    ),
    # caller, key, secret
    "withdraw": _Call(_SHORT, (_CALLER, _ID, _bytes_of(SECRET_BYTES))),
    # caller, last key that is known already
    "keys": _Call(_SHORT, (_ID, _bytes_of(ID_BYTES, 0))),
    # caller, key, number of the last record that is known already
    "records": _Call(_SHORT, (_ID, _ID, _is_number)),
}
"""Every call that is answered: how long its packed form may be, and a check of each argument."""

LISTS = frozenset({"find_peers", "keys", "records"})
"""Calls whose answers may be long."""

MAX_NODES = 64
"""Nodes taken of one answer. Honest ones hold 20 unless somebody has set another k."""


class PeersAnswer(NamedTuple):
    """What `find_peers` answers. Once read it is well-formed, and still a stranger's."""

    node_id: bytes
    token: bytes
    fingerprint: int
    """Nodes that answer the same hold the same peers. 0: none."""
    more: int
    """What to ask for the next part with, 0 where this was the last."""
    peers: bytes
    """Endpoints, packed."""
    nodes: bytes
    """Of our kind and nearest to the key, packed; and where those are few:"""
    plain: bytes
    """others, with the bare library."""


def read_peers_answer(value: Any) -> PeersAnswer:
    """Raises ValueError for what is none."""
    if not isinstance(value, list) or len(value) != 7:
        raise ValueError("not an answer to find_peers")
    answer = PeersAnswer(*value)
    if not (
        _ID(answer.node_id)
        and _TOKEN(answer.token)
        and isinstance(answer.fingerprint, int)
        and _is_number(answer.more)
        and all(isinstance(packed, bytes) for packed in (answer.peers, answer.nodes, answer.plain))
    ):
        raise ValueError("an answer to find_peers with parts of other types")
    return answer


def read_nodes(value: Any, family: int) -> list[bytes]:
    """What `find_node` answers, [[id, IP, port], ...], as packed nodes. Raises ValueError for anything else.

    An address that is none is left out: a name there would be looked up by whoever writes to it.
    """
    if not isinstance(value, list):
        raise ValueError("not an answer to find_node")
    found = []
    for node in value[:MAX_NODES]:
        if not (isinstance(node, list) and len(node) == 3 and _ID(node[0]) and isinstance(node[1], str)):
            raise ValueError("a node that is none")
        if _is_number(node[2]) and node[2] < 1 << 16:
            try:
                found.append(pack_node(node[0], (node[1], node[2]), family))
            except (OSError, ValueError):
                continue
    return found
