"""The API as OpenAPI 3.2 has it, at /openapi.json. Version 3.2 can say what each item of a stream is."""

from __future__ import annotations

from typing import Any

import bitboot_core

from .problems import MEDIA_TYPE
from .schemas import SCHEMAS, SWARM, TEXT, ref
from .streams import EVENTS, JSON_LINES

Json = dict[str, Any]

WHEN = {
    400: "what is asked for makes no sense",
    401: "the token is missing, or is another one (over TCP)",
    403: "Host or Origin are not the daemon's (over TCP)",
    404: "there is nothing of that name",
    409: "the daemon's networks are others",
    413: "the body is larger than any that makes sense",
    422: "the network cannot do that",
    429: "one of the daemon's limits is reached",
    501: "a library is missing",
    502: "it failed",
    503: "there is no network",
    504: "nobody answered in time",
}
"""When an answer is a problem with that status. Each operation lists those that it can have."""

TOKEN = (401, 403)
SWARM_PROBLEMS = (400, 404, 422, 429, 501, 502, 503)


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.2.0",
        "info": {"title": "bitboot serve", "version": bitboot_core.__version__},
        "paths": {
            "/v1/status": _get("status", "How the daemon is doing", "Status"),
            "/v1/traffic": _get(
                "traffic", "What was sent and received in each minute of the last hour", "Traffic"
            ),
            "/v1/networks": {
                "get": _operation(
                    "networks",
                    "How each network is doing",
                    {"200": {**_json("Networks"), "links": _links(NETWORK_LINKS)}},
                )
            },
            "/v1/networks/{name}": _named(
                "name", _get("network", "One network, with its node's counters", "NetworkWithStats", 404)
            ),
            "/v1/networks/{name}/contacts": _named(
                "name", _get("contacts", "Its node's routing table", "Contacts", 404, 422, 502, 503)
            ),
            "/v1/swarms": _get("swarms", "The swarms that are watched or announced now", "Swarms"),
            "/v1/lookups": {
                "post": _operation(
                    "lookup",
                    "Look a swarm up: its peers as they arrive, then the end",
                    {
                        "200": {
                            "description": "the records",
                            "content": {
                                JSON_LINES: {"itemSchema": ref("Record")},
                                EVENTS: _events(**dict.fromkeys(("ready", "peer", "end", "error"), "Record")),
                            },
                        }
                    },
                    *SWARM_PROBLEMS,
                    409,
                    413,
                    504,
                    body="Lookup",
                )
            },
            "/v1/announcements": {
                **_get("announcements", "All announcements that are kept", "Announcements"),
                "post": _operation(
                    "announce",
                    "Announce a peer until its lease expires, or its stream ends",
                    {"201": _announced()},
                    *SWARM_PROBLEMS,
                    413,
                    body="Announcement",
                ),
            },
            "/v1/announcements/{id}": _named(
                "id",
                {
                    **_get("announcement", "How it stands", "Kept", 404),
                    "delete": _operation(
                        "withdraw", "Withdraw it", {"204": {"description": "it is withdrawn"}}, 404
                    ),
                },
            ),
            "/v1/announcements/{id}/renewal": _named(
                "id",
                {"post": _operation("renew", "Keep it for another lease", {"200": _json("Kept")}, 404)},
            ),
            "/v1/watches": {"get": _watch()},
            "/metrics": {
                "get": _operation(
                    "metrics",
                    "For Prometheus",
                    {
                        "200": {
                            "description": "the metrics",
                            "content": {
                                one: {"schema": TEXT}
                                for one in ("text/plain", "application/openmetrics-text")
                            },
                        }
                    },
                )
            },
        },
        "components": {
            "schemas": SCHEMAS,
            "responses": {
                str(status): {"description": words, "content": {MEDIA_TYPE: {"schema": ref("Problem")}}}
                for status, words in WHEN.items()
            },
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # Over the unix socket nothing is asked for, over TCP the token.
        "security": [{}, {"token": []}],
    }


ANNOUNCEMENT_LINKS = {name: {"id": "$response.body#/id"} for name in ("announcement", "withdraw", "renew")}
NETWORK_LINKS = {name: {"name": "$response.body#/networks/0/name"} for name in ("network", "contacts")}


def _links(operations: dict[str, Json]) -> Json:
    """What can be asked next with what was answered, by operation."""
    return {name: {"operationId": name, "parameters": given} for name, given in operations.items()}


def _announced() -> Json:
    return {
        "description": "how it stands",
        "headers": {"Location": {"schema": TEXT, "description": "where it is; without a stream"}},
        "content": {
            "application/json": {"schema": ref("Kept")},
            EVENTS: _events(announcement="Kept"),
        },
        "links": _links(ANNOUNCEMENT_LINKS),
    }


def _watch() -> Json:
    """Its query is one parameter that consists of several fields (style "form", exploded)."""
    query = {
        "type": "object",
        "properties": SWARM,
        "additionalProperties": False,
        "oneOf": [
            {"required": ["swarm"], "not": {"required": ["key"]}},
            {"required": ["key"], "not": {"required": ["swarm"]}},
            {"maxProperties": 0},
        ],
    }
    events = _events(
        **{"peer-joined": "Peer", "peer-left": "Peer", "failing": "Failing"}, present="Present", reset="Empty"
    )
    return {
        **_operation(
            "watch",
            "Who joins a swarm and who leaves it; without a query of all swarms that are watched",
            {"200": {"description": "the events", "content": {EVENTS: events}}},
            *SWARM_PROBLEMS,
        ),
        "parameters": [
            {"name": "swarm", "in": "query", "style": "form", "explode": True, "schema": query},
            {"name": "Last-Event-ID", "in": "header", "schema": TEXT},
        ],
    }


def _events(**kinds: str) -> Json:
    """A stream of server-sent events: what `data` has, as JSON, by the kind of event."""
    return {
        "itemSchema": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {
                        "id": TEXT,
                        "event": {"const": kind},
                        "data": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "contentSchema": ref(schema),
                        },
                    },
                    "required": ["event", "data"],
                }
                for kind, schema in kinds.items()
            ]
        }
    }


def _json(name: str) -> Json:
    return {"description": "the answer", "content": {"application/json": {"schema": ref(name)}}}


def _operation(identifier: str, summary: str, answers: Json, *problems: int, body: str | None = None) -> Json:
    refusals = {
        str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted((*TOKEN, *problems))
    }
    made: Json = {"operationId": identifier, "summary": summary, "responses": {**answers, **refusals}}
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    return made


def _get(identifier: str, summary: str, schema: str, *problems: int) -> Json:
    return {"get": _operation(identifier, summary, {"200": _json(schema)}, *problems)}


def _named(name: str, item: Json) -> Json:
    parameter = {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return {**item, "parameters": [parameter]}
