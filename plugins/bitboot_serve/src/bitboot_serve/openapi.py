"""The API as OpenAPI 3.1 has it, at /openapi.json: `tests/test_openapi.py` checks it."""

from __future__ import annotations

from typing import Any

import bitboot_core

from .limits import LEASE, MAX_LEASE, MAX_TIMEOUT, MIN_LEASE
from .problems import MEDIA_TYPE
from .streams import EVENTS, JSON_LINES
from .wishes import MAX_DATA, MAX_NAME

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_SECRET: Json = {**_TEXT, "description": "the name of a file in the daemon's folder of secrets"}
_SWARM: Json = {
    "swarm": {**_TEXT, "minLength": 1, "maxLength": MAX_NAME},
    "key": {**_TEXT, "description": "40 hexadecimal digits, or a magnet link"},
    "secret": _SECRET,
}
_EITHER: list[Json] = [{"required": ["swarm"]}, {"required": ["key"]}]
_SCHEMAS: Json = {
    "Problem": {
        "type": "object",
        "properties": {
            "type": _TEXT,
            "title": {**_TEXT, "description": "the name of the error"},
            "status": {"type": "integer"},
            "detail": {**_TEXT, "description": "its message"},
            "error": _TEXT,
            "message": _TEXT,
            "hint": {**_TEXT, "description": "what to do"},
        },
        "required": ["type", "title", "status", "detail", "error", "message", "hint"],
    },
    "Lookup": {
        "type": "object",
        "properties": {
            **_SWARM,
            "limit": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000},
            "timeout": {"type": ["number", "null"], "minimum": 0.001, "maximum": MAX_TIMEOUT},
        },
        "additionalProperties": False,
        "oneOf": _EITHER,
    },
    "Announcement": {
        "type": "object",
        "properties": {
            **_SWARM,
            "port": {"type": "integer", "minimum": 0, "maximum": 65535},
            "host": {"type": ["string", "null"]},
            "data": {"type": ["string", "null"], "maxLength": MAX_DATA},
            "lease": {
                "type": ["number", "null"],
                "minimum": MIN_LEASE,
                "maximum": MAX_LEASE,
                "default": LEASE,
            },
        },
        "required": ["port"],
        "additionalProperties": False,
        "oneOf": _EITHER,
    },
    "Kept": {
        "type": "object",
        "properties": {
            "id": _TEXT,
            "swarm": _TEXT,
            "key": _TEXT,
            "private": {"type": "boolean"},
            "host": _TEXT,
            "port": {"type": "integer"},
            "lease": {"type": ["number", "null"]},
            "lapses_in": {"type": ["number", "null"]},
            "networks": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["id", "swarm", "key", "private", "host", "port", "lease", "lapses_in", "networks"],
    },
    "Object": {"type": "object"},
}


def document() -> Json:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "bitboot serve", "version": bitboot_core.__version__},
        "paths": {
            "/v1/status": _get("How the daemon is doing"),
            "/v1/traffic": _get("What was sent and received in each minute of the last hour"),
            "/v1/networks": _get("How each network is doing"),
            "/v1/networks/{name}": _named("name", _get("One network, with its node's counters")),
            "/v1/networks/{name}/contacts": _named("name", _get("Its node's routing table")),
            "/v1/swarms": _get("The swarms that are watched or announced now"),
            "/v1/lookups": {
                "post": _operation(
                    "Look a swarm up: its peers as they arrive, then the end",
                    {"200": _answer("the records", JSON_LINES, EVENTS)},
                    body="Lookup",
                )
            },
            "/v1/announcements": {
                **_get("All announcements that are kept"),
                "post": _operation(
                    "Announce a peer until its lease expires, or its stream ends",
                    {
                        "201": {
                            "description": "how it stands",
                            "content": {
                                "application/json": {"schema": _schema("Kept")},
                                EVENTS: {"schema": _TEXT},
                            },
                        }
                    },
                    body="Announcement",
                ),
            },
            "/v1/announcements/{id}": _named(
                "id",
                {
                    **_get("How it stands", "Kept"),
                    "delete": _operation("Withdraw it", {"204": {"description": "it is withdrawn"}}),
                },
            ),
            "/v1/announcements/{id}/renewal": _named(
                "id", {"post": _operation("Keep it for another lease", {"200": _json("Kept")})}
            ),
            "/v1/watches": {
                "get": {
                    **_operation(
                        "Who joins a swarm and who leaves it", {"200": _answer("the events", EVENTS)}
                    ),
                    "parameters": [
                        {"name": name, "in": "query", "required": False, "schema": schema}
                        for name, schema in _SWARM.items()
                    ]
                    + [{"name": "Last-Event-ID", "in": "header", "required": False, "schema": _TEXT}],
                }
            },
            "/metrics": {"get": _operation("For Prometheus", {"200": _answer("the metrics", "text/plain")})},
        },
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> Json:
    return {"description": "the answer", "content": {"application/json": {"schema": _schema(name)}}}


def _answer(words: str, *types: str) -> Json:
    return {"description": words, "content": {one: {"schema": _TEXT} for one in types}}


def _operation(summary: str, answers: Json, *, body: str | None = None) -> Json:
    problem = {"description": "a problem", "content": {MEDIA_TYPE: {"schema": _schema("Problem")}}}
    made: Json = {"summary": summary, "responses": {**answers, "default": problem}}
    if body is not None:
        content = {"application/json": {"schema": _schema(body)}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _get(summary: str, schema: str = "Object") -> Json:
    return {"get": _operation(summary, {"200": _json(schema)})}


def _named(name: str, item: Json) -> Json:
    return {**item, "parameters": [{"name": name, "in": "path", "required": True, "schema": _TEXT}]}
