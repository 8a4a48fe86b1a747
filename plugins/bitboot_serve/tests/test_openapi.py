"""The OpenAPI document says what is served: the same paths, and answers and refusals as it has them."""

from __future__ import annotations

from typing import Any

import jsonschema
from bitboot_serve.app import create_app
from bitboot_serve.daemon import Daemon
from bitboot_serve.openapi import document
from starlette.routing import Route

from bitboot_core import BitBootConfig

from .conftest import Serving

UNDESCRIBED = {"/", "/openapi.json"}


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    whole = {**schema, "components": document()["components"]}
    return jsonschema.Draft202012Validator(whole)


async def test_it_has_the_paths_and_methods_that_are_served() -> None:
    served: dict[str, set[str]] = {}
    for route in create_app(Daemon(BitBootConfig(network="local", state_dir=False))).routes:
        assert isinstance(route, Route)
        if route.path not in UNDESCRIBED and not route.path.startswith("/static/"):
            methods = {method.lower() for method in route.methods or ()} - {"head"}
            served.setdefault(route.path, set()).update(methods)
    described = {path: set(item) - {"parameters"} for path, item in document()["paths"].items()}
    assert described == served


async def test_answers_are_as_it_says(serve: Serving) -> None:
    async with serve() as world:
        client = await world.client()
        assert (await client.get("/openapi.json")).json() == document()
        mine = {"swarm": "mynet", "host": "192.0.2.1", "port": 4000}
        made = (await client.post("/v1/announcements", json=mine)).json()
        validator({"$ref": "#/components/schemas/Kept"}).validate(made)
        for path, item in document()["paths"].items():
            if "get" not in item or path == "/v1/watches":
                continue
            concrete = path.replace("{name}", "local").replace("{id}", made["id"])
            response = await client.get(concrete)
            assert response.status_code == 200, path
            media_type = response.headers["content-type"].partition(";")[0]
            assert media_type in item["get"]["responses"]["200"]["content"], path
            schema = item["get"]["responses"]["200"]["content"][media_type]["schema"]
            validator(schema).validate(response.json() if "json" in media_type else response.text)


async def test_bodies_are_refused_where_it_says_so(serve: Serving) -> None:
    """What its schema does not allow is a problem, and what it allows is none of the client's (400)."""
    bodies: list[dict[str, Any]] = [
        {"swarm": "x"},
        {"key": "d75a980182b10ab7d54bfed3c964073a0ee172f3"},
        {"swarm": "x", "limit": 1, "timeout": 0.5},
        {"swarm": "x", "limit": None, "timeout": None},
        {},
        {"swarm": ""},
        {"swarm": 5},
        {"swarm": "x", "key": "y"},
        {"swarm": "x", "limit": 0},
        {"swarm": "x", "limit": 1.5},
        {"swarm": "x", "limit": "1"},
        {"swarm": "x", "timeout": 0},
        {"swarm": "x", "timeout": 121},
        {"swarm": "x", "nix": 1},
        {"swarm": "x" * 1025},
        {"swarm": "x", "key": None, "secret": None, "limit": 2.0},
        {"swarm": None, "key": "magnet:?xt=urn:btih:d75a980182b10ab7d54bfed3c964073a0ee172f3&dn=x"},
        {"swarm": None},
        {"key": ""},
        {"key": "d75a"},
    ]
    async with serve() as world:
        client = await world.client()
        checked = validator({"$ref": "#/components/schemas/Lookup"})
        problems = validator({"$ref": "#/components/schemas/Problem"})
        for body in bodies:
            response = await client.post("/v1/lookups", json=body)
            assert (response.status_code == 200) == checked.is_valid(body), body
            if response.status_code != 200:
                assert response.headers["content-type"] == "application/problem+json"
                problems.validate(response.json())
