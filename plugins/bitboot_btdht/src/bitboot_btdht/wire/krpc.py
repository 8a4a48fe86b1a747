"""KRPC messages (BEP 5, "KRPC Protocol"): parsing what strangers send, and writing our own.

A message is a `Query`, a `Response` or an `ErrorReply`. Parsing checks the frame (who, what kind,
which transaction) and leaves a query's arguments to whoever answers it. What cannot be read raises
`Malformed`, with an answer to send where the sender left enough to answer to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from . import bencode, plain
from .bencode import LENGTHS
from .compact import Address
from .node_id import ID_BYTES

CLIENT = b"BB\0\1"
"""What our messages say under `v`: two letters and a version (BEP 20)."""

GENERIC_ERROR = 201
SERVER_ERROR = 202
PROTOCOL_ERROR = 203
METHOD_UNKNOWN = 204

# Of items (BEP 44, "Errors")
VALUE_TOO_BIG = 205
BAD_SIGNATURE = 206
SALT_TOO_BIG = 207
CAS_MISMATCH = 301
SEQ_TOO_LOW = 302

MAX_TRANSACTION_BYTES = 64
"""Transaction ids of any length are echoed, up to this: what is echoed amplifies."""

MAX_ERROR_BYTES = 200
"""So much of an error's text is kept."""

FAMILY_FLAG: Final = {b"n4": 4, b"n6": 6}
"""The flags of `want` (BEP 32)."""
WANT_FLAG: Final = {4: b"n4", 6: b"n6"}
NODES_KEY: Final = {4: b"nodes", 6: b"nodes6"}


# The two that every datagram becomes are made by code of ours, which can be compiled: `dataclass`'s cannot.


@dataclass(slots=True, init=False)
class Query:
    """Somebody asks. `sender`: their 20-byte id. `read_only`: BEP 43's `ro`. `datagram`: as it came."""

    transaction: bytes
    method: bytes
    sender: bytes
    arguments: dict[bytes, Any]
    read_only: bool
    datagram: bytes

    def __init__(  # noqa: PLR0917 - as `dataclass` writes it
        self,
        transaction: bytes,
        method: bytes,
        sender: bytes,
        arguments: dict[bytes, Any],
        read_only: bool,
        datagram: bytes = b"",
    ) -> None:
        self.transaction = transaction
        self.method = method
        self.sender = sender
        self.arguments = arguments
        self.read_only = read_only
        self.datagram = datagram


@dataclass(slots=True, init=False)
class Response:
    """Somebody answers. `external`: our address as they see it (BEP 42's `ip`), if they said."""

    transaction: bytes
    sender: bytes
    values: dict[bytes, Any]
    external: bytes | None

    def __init__(
        self, transaction: bytes, sender: bytes, values: dict[bytes, Any], external: bytes | None
    ) -> None:
        self.transaction = transaction
        self.sender = sender
        self.values = values
        self.external = external


@dataclass(slots=True)
class ErrorReply:
    """Somebody refuses."""

    transaction: bytes
    code: int
    message: bytes


Message: TypeAlias = Query | Response | ErrorReply


class Malformed(Exception):
    """Not a KRPC message. `answer`: the error to send back, where there is one to send."""

    def __init__(self, reason: str, answer: bytes | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


def parse(datagram: bytes, sender: Address) -> Message:
    """Read a datagram. Raises Malformed, and nothing else."""
    return _plain_query(datagram) or _plain_response(datagram) or _decoded(datagram, sender)


def _plain_query(datagram: bytes) -> Query | None:
    """A query that looks like that; None: the decoder has to read it. Both read the same."""
    if datagram[:12] != plain.HEAD:
        return None
    sender = datagram[12:32]
    arguments: dict[bytes, Any] = {b"id": sender}
    start = 32
    if datagram[32:46] == plain.INFO_HASH:
        start = 66
        arguments[b"info_hash"] = datagram[46:66]
    elif datagram[32:43] == plain.TARGET:
        start = 63
        arguments[b"target"] = datagram[43:63]
    end = len(datagram) - 7
    if end < start + plain.SHORTEST_QUESTION or datagram[end:] != plain.END:
        return None
    if datagram[end - 9 : end - 4] == plain.VERSION:
        end -= 9
    for size in plain.TRANSACTIONS:
        question = plain.QUESTIONS.get(datagram[start : end - size])
        if question is not None:
            method, read_only, want = question
            if want:
                arguments[b"want"] = want.copy()
            return Query(datagram[end - size : end], method, sender, arguments, read_only, datagram)
    return None


def _plain_response(datagram: bytes) -> Response | None:
    """The same for a response."""
    read = plain.response(datagram)
    if read is None:
        return None
    transaction, values, external = read
    return Response(transaction, values[b"id"], values, external)


def _decoded(datagram: bytes, sender: Address) -> Message:
    try:
        message = bencode.decode(datagram)
    except bencode.BencodeError as error:
        raise Malformed(str(error)) from error
    if not isinstance(message, dict):
        raise Malformed("not a dictionary")
    transaction = message.get(b"t")
    if not isinstance(transaction, bytes) or len(transaction) > MAX_TRANSACTION_BYTES:
        raise Malformed("no transaction id, or one beyond reason")
    kind = message.get(b"y")
    if kind == b"q":
        return _query(message, transaction, sender, datagram)
    if kind == b"r":
        return _response(message, transaction)
    if kind == b"e":
        return _error(message, transaction)
    raise Malformed("of no known kind")


def _query(message: dict[bytes, Any], transaction: bytes, sender: Address, datagram: bytes) -> Query:
    method = message.get(b"q")
    if not isinstance(method, bytes):
        raise _refused("no method", transaction, sender)
    arguments = message.get(b"a")
    if not isinstance(arguments, dict):
        raise _refused("no arguments", transaction, sender)
    sender_id = arguments.get(b"id")
    if not isinstance(sender_id, bytes) or len(sender_id) != ID_BYTES:
        raise _refused("no node id", transaction, sender)
    return Query(transaction, method, sender_id, arguments, message.get(b"ro") == 1, datagram)


def _refused(reason: str, transaction: bytes, sender: Address) -> Malformed:
    return Malformed(reason, error(transaction, PROTOCOL_ERROR, reason.encode(), sender))


def _response(message: dict[bytes, Any], transaction: bytes) -> Response:
    values = message.get(b"r")
    if not isinstance(values, dict):
        raise Malformed("no return values")
    sender_id = values.get(b"id")
    if not isinstance(sender_id, bytes) or len(sender_id) != ID_BYTES:
        raise Malformed("no node id")
    external = message.get(b"ip")
    return Response(transaction, sender_id, values, external if isinstance(external, bytes) else None)


def _error(message: dict[bytes, Any], transaction: bytes) -> ErrorReply:
    refusal = message.get(b"e")
    if not isinstance(refusal, list) or len(refusal) < 2:
        return ErrorReply(transaction, GENERIC_ERROR, b"")
    code, text = refusal[:2]
    return ErrorReply(
        transaction,
        code if isinstance(code, int) else GENERIC_ERROR,
        text[:MAX_ERROR_BYTES] if isinstance(text, bytes) else b"",
    )


# The frames of queries and responses are always the same, with their keys in order: written out they
# take half the time.


def _string(value: bytes) -> bytes:
    return b"%d:%b" % (len(value), value)


_CLIENT: Final = _string(CLIENT)
_METHODS: Final = {
    method: _string(method) for method in (b"ping", b"find_node", b"get_peers", b"announce_peer")
}


def query(
    transaction: bytes, method: bytes, arguments: dict[bytes, Any], *, read_only: bool = False
) -> bytes:
    """A query. `arguments` hold our `id` already."""
    return b"d1:a%b1:q%b%b1:t%b%b1:v%b1:y1:qe" % (
        _arguments(arguments),
        _METHODS.get(method) or _string(method),
        b"2:roi1e" if read_only else b"",
        LENGTHS[len(transaction)],
        transaction,
        _CLIENT,
    )


def _arguments(arguments: dict[bytes, Any]) -> bytes:
    """Most queries hold what is looked for and nothing else: these are written out as well."""
    own_id: bytes = arguments[b"id"]
    if len(arguments) == 1:
        return b"d2:id20:%be" % own_id
    if len(arguments) == 2:
        info_hash, target = arguments.get(b"info_hash"), arguments.get(b"target")
        if isinstance(info_hash, bytes) and len(info_hash) == ID_BYTES:
            return b"d2:id20:%b9:info_hash20:%be" % (own_id, info_hash)
        if isinstance(target, bytes) and len(target) == ID_BYTES:
            return b"d2:id20:%b6:target20:%be" % (own_id, target)
    return bencode.encode(arguments)


def response(transaction: bytes, values: dict[bytes, Any], receiver: Address) -> bytes:
    """A response. `values` hold our `id`; the receiver's address goes along (BEP 42)."""
    return b"d2:ip%b%b1:r%b1:t%b%b1:v%b1:y1:re" % (
        LENGTHS[len(receiver)],
        receiver,
        _return_values(values),
        LENGTHS[len(transaction)],
        transaction,
        _CLIENT,
    )


def _return_values(values: dict[bytes, Any]) -> bytes:
    """Most answers hold nodes, and a token or none: these are written out as well."""
    own_id: bytes = values[b"id"]
    if len(values) == 1:
        return b"d2:id20:%be" % own_id
    nodes = values.get(b"nodes")
    if isinstance(nodes, bytes) and len(nodes) < len(LENGTHS):
        size = LENGTHS[len(nodes)]
        if len(values) == 2:
            return b"d2:id20:%b5:nodes%b%be" % (own_id, size, nodes)
        token = values.get(b"token")
        if isinstance(token, bytes) and len(token) < len(LENGTHS) and len(values) == 3:
            return b"d2:id20:%b5:nodes%b%b5:token%b%be" % (own_id, size, nodes, LENGTHS[len(token)], token)
    return bencode.encode(values)


def error(transaction: bytes, code: int, message: bytes, receiver: Address) -> bytes:
    """An error reply, with one of the codes above."""
    return bencode.encode(
        {b"e": [code, message], b"ip": receiver, b"t": transaction, b"v": CLIENT, b"y": b"e"}
    )
