"""What the API takes and answers, as JSON Schema: the components of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from bitboot_core import Reachability

from .limits import LEASE, MAX_LEASE, MAX_TIMEOUT, MIN_LEASE
from .secrets import NAME
from .wishes import HOST_NAME, MAX_DATA, MAX_KEY, MAX_NAME, MAX_PEERS, MIN_TIMEOUT

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
_BOOLEAN: Json = {"type": "boolean"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_SECONDS: Json = {"type": "number", "minimum": 0}
_PORT: Json = {"type": "integer", "minimum": 0, "maximum": 65535}


def ref(name: str) -> Json:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _object(**properties: Json) -> Json:
    """An answer: all that it has is always there. More may come with later versions."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _text(pattern: str, least: int, most: int) -> Json:
    return {"type": "string", "pattern": pattern, "minLength": least, "maxLength": most}


_DIGITS = "[0-9A-Fa-f]{40}"
SWARM: Json = {
    "swarm": {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
    "key": _text(f"^({_DIGITS}|magnet:[?]xt=urn:btih:{_DIGITS}(&[A-Za-z0-9=&%.+-]*)?)$", 40, MAX_KEY),
    "secret": {
        **_text(f"^{NAME.pattern}$", 1, 64),
        "description": "the name of a file in the daemon's folder of secrets",
    },
}
"""Which swarm: its name, or its raw key as 40 hexadecimal digits or as a magnet link."""

_BODY: Json = {name: _or_null(schema) for name, schema in SWARM.items()}
_EITHER: list[Json] = [
    {"required": [one], "properties": {one: {"type": "string"}, other: {"type": "null"}}}
    for one, other in (("swarm", "key"), ("key", "swarm"))
]


def _request(required: list[str], **properties: Json) -> Json:
    return {
        "type": "object",
        "properties": {**_BODY, **properties},
        "required": required,
        "additionalProperties": False,
        "oneOf": _EITHER,
    }


_HOST: Json = {
    "anyOf": [
        {"const": ""},
        {"type": "string", "format": "ipv4"},
        {"type": "string", "format": "ipv6"},
        _text(f"^{HOST_NAME.pattern}$", 1, 253),
        {"type": "null"},
    ],
    "description": "this machine's address unless given",
}
_DATA: Json = {
    **_or_null({"type": "string", "maxLength": MAX_DATA}),
    "description": f"what members of a private swarm are told: at most {MAX_DATA} bytes of UTF-8",
}
_HAS_DATA: Json = {"required": ["data"], "properties": {"data": {"type": "string", "minLength": 1}}}
_HAS_SECRET: Json = {"required": ["secret"], "properties": {"secret": {"type": "string"}}}

_ERROR = _object(error={**TEXT, "description": "its name"}, message=TEXT, hint=TEXT)
_FAILURES: Json = {"type": "object", "additionalProperties": ref("Error")}
_PEER = {
    "swarm": TEXT,
    "host": TEXT,
    "port": _PORT,
    "sources": _list(TEXT),
    "peer_id": _or_null(TEXT),
    "member": _or_null(TEXT),
    "data": _or_null(TEXT),
    "data_hex": _or_null(TEXT),
}
_COUNTED = dict.fromkeys(("sent", "received", "sent_bytes", "received_bytes"), _COUNT)

SCHEMAS: Json = {
    "Error": _ERROR,
    "Problem": _object(
        type=TEXT,
        title={**TEXT, "description": "the name of the error"},
        status={"type": "integer"},
        detail={**TEXT, "description": "its message"},
        **_ERROR["properties"],
    ),
    "Lookup": _request(
        [],
        limit={"type": ["integer", "null"], "minimum": 1, "maximum": MAX_PEERS},
        timeout={"type": ["number", "null"], "minimum": MIN_TIMEOUT, "maximum": MAX_TIMEOUT},
        networks={
            **_or_null({"type": "object", "additionalProperties": _list(TEXT)}),
            "description": "the networks that are meant, each with the contacts that it starts from",
        },
    ),
    "Announcement": {
        **_request(
            ["port"],
            port=_PORT,
            host=_HOST,
            data=_DATA,
            lease={
                "type": ["number", "null"],
                "minimum": MIN_LEASE,
                "maximum": MAX_LEASE,
                "default": LEASE,
            },
        ),
        "if": _HAS_DATA,
        "then": _HAS_SECRET,
    },
    "Kept": _object(
        id=TEXT,
        swarm=TEXT,
        key=TEXT,
        private=_BOOLEAN,
        host=TEXT,
        port=_PORT,
        lease=_or_null(_SECONDS),
        lapses_in=_or_null(_SECONDS),
        networks=_list(
            _object(
                name=TEXT,
                stored_on=_COUNT,
                expires_in=_or_null({"type": "number"}),
                next_try=_or_null({"type": "number"}),
                error=_or_null(ref("Error")),
            )
        ),
    ),
    "Announcements": _object(announcements=_list(ref("Kept"))),
    "Network": _object(
        name=TEXT,
        protocol=TEXT,
        backend=TEXT,
        state={"enum": ["ready", "connecting", "failed"]},
        listen=_or_null(TEXT),
        contacts=_COUNT,
        bootstrap=_list(TEXT),
        reachability=_list(
            _object(
                family={"enum": [4, 6]},
                reachability={"enum": [one.value for one in Reachability]},
                outside=_or_null(TEXT),
            )
        ),
        error=_or_null(ref("Error")),
    ),
    "Networks": _object(networks=_list(ref("Network"))),
    "NetworkWithStats": {
        "allOf": [
            ref("Network"),
            _object(stats={"type": "object", "additionalProperties": {"type": "number"}}),
        ]
    },
    "Contacts": _object(
        network=TEXT,
        contacts=_list(
            _object(
                host=TEXT,
                port=_PORT,
                distance={"type": "integer", "minimum": 0, "maximum": 160},
                round_trip=_or_null(_SECONDS),
                silent=_BOOLEAN,
            )
        ),
    ),
    "Status": _object(
        version=TEXT,
        pid=_COUNT,
        uptime=_SECONDS,
        problems=_list(_object(message=TEXT, hint=TEXT)),
        networks=_list(ref("Network")),
        clients=_COUNT,
        lookups=_COUNT,
        announcements=_COUNT,
        watches=_COUNT,
    ),
    "Traffic": _object(
        minutes=_list(
            _object(
                at={**_COUNT, "description": "its end, in seconds since 1970"},
                networks=_list(_object(name=TEXT, **_COUNTED)),
            )
        )
    ),
    "Peer": _object(**_PEER),
    "Swarms": _object(
        swarms=_list(
            _object(
                swarm=TEXT,
                key=TEXT,
                private=_BOOLEAN,
                watched=_BOOLEAN,
                announced=_BOOLEAN,
                peers=_list(ref("Peer")),
            )
        )
    ),
    "Record": {
        "oneOf": [
            _object(
                event={"const": "ready"},
                network=TEXT,
                backend=TEXT,
                listen={**TEXT, "description": "host:port"},
                contacts=_COUNT,
            ),
            _object(event={"const": "peer"}, **_PEER),
            _object(
                event={"const": "end"},
                swarm=TEXT,
                peers=_COUNT,
                seconds=_SECONDS,
                unproved=_COUNT,
                failures=_FAILURES,
            ),
            _object(event={"const": "error"}, **_ERROR["properties"]),
        ]
    },
    "Present": _object(peers=_COUNT),
    "Failing": _object(swarm=TEXT, failures=_FAILURES),
    "Empty": {"type": "object", "maxProperties": 0},
}
"""Each by its name."""
