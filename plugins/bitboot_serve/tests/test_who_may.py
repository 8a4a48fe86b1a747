"""Who may ask the daemon, and what nobody may do to it."""

from __future__ import annotations

import asyncio
import socket
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs
import pytest
from bitboot_serve import serving as serving_module
from bitboot_serve.limits import Limits
from bitboot_serve.paths import default_token
from bitboot_serve.sockets import tcp_socket, token_in, unix_socket

from bitboot_core import BitBootError, InvalidConfig, ListenFailed

from .conftest import TOKEN, Serving, until

BEARER = {"authorization": f"Bearer {TOKEN}"}


async def test_the_socket_is_its_owner_s_alone(serve: Serving) -> None:
    async with serve() as world:
        mode = world.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
        path = world.path
    assert not path.exists()


async def test_over_tcp_the_token_is_needed(serve: Serving) -> None:
    async with serve(tcp=True) as world:
        assert (await (await world.tcp_client(**BEARER)).get("/v1/status")).status_code == 200
        for headers in ({}, {"authorization": "Bearer nix"}, {"authorization": f"Basic {TOKEN}"}):
            for path in ("/v1/status", "/nix", "/v1/"):
                refused = await (await world.tcp_client(**headers)).get(path)
                assert (refused.status_code, refused.json()["error"]) == (401, "NotAllowed"), path
                assert refused.headers["www-authenticate"] == "Bearer"
        assert (await (await world.client()).get("/v1/status")).status_code == 200, "the socket needs none"


async def test_other_names_and_other_pages_are_refused(serve: Serving) -> None:
    async with serve(tcp=True) as world:
        client = await world.tcp_client(**BEARER)
        good = [f"127.0.0.1:{world.port}", f"localhost:{world.port}"]
        for host in good:
            for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
                assert (await client.get("/v1/status", headers=headers)).status_code == 200
        for headers in (
            {"host": "rebound.example.org"},
            {"host": f"rebound.example.org:{world.port}"},
            {"host": "127.0.0.1"},
            {"host": ""},
            {"origin": "http://example.org"},
            {"origin": "null"},
            {"origin": f"https://127.0.0.1:{world.port}"},
            {"origin": f"http://127.0.0.1:{world.port + 1}"},
        ):
            refused = await client.get("/v1/status", headers=headers)
            assert (refused.status_code, refused.json()["error"]) == (403, "NotAllowed"), headers
            assert "access-control-allow-origin" not in refused.headers
        preflight = await client.options("/v1/lookups", headers={"origin": "http://example.org"})
        assert preflight.status_code == 403


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0"])
def test_tcp_is_for_loopback_alone(address: str) -> None:
    with pytest.raises(InvalidConfig, match="not on loopback"):
        tcp_socket(address)


def test_a_second_daemon_says_that_there_is_one(tmp_path: Path) -> None:
    path = tmp_path / "run" / "serve.sock"
    with unix_socket(path):
        with pytest.raises(ListenFailed, match="already"), unix_socket(path):
            pass
        assert path.exists()


def test_a_socket_that_a_killed_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "serve.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with unix_socket(path) as listening, socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        listening.accept()[0].close()


def test_a_folder_that_others_can_change_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(ListenFailed, match="changed by others"), unix_socket(folder / "serve.sock"):
        pass


def test_a_socket_in_a_path_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(ListenFailed) as caught, unix_socket(tmp_path / ("x" * 110)):
        pass
    assert "about 100 bytes" in caught.value.hint


def test_the_token_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "state" / "serve-token"
    token = token_in(path)
    assert len(token) >= 32
    assert token_in(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(InvalidConfig, match="others can read"):
        token_in(path)
    path.chmod(0o600)
    path.write_text("short", encoding="ascii")
    with pytest.raises(InvalidConfig, match="too short"):
        token_in(path)


async def test_more_connections_than_the_limit_are_told_so(serve: Serving) -> None:
    async with serve(limits=Limits(clients=2)) as world:
        clients = [await world.client() for _ in range(3)]
        for client in clients[:2]:
            assert (await client.get("/v1/status")).status_code == 200
        refused = await clients[2].get("/v1/status")
        assert (refused.status_code, refused.json()["error"]) == (503, "TooMany")
        await clients[0].aclose()
        await until(lambda: world.daemon.clients == 1)
        assert (await clients[2].get("/v1/status")).status_code == 200


async def test_a_slow_reader_is_cut_off(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "STALLED", 0.05)
    async with serve(limits=Limits(events=100_000)) as world:
        reader, writer = await asyncio.open_unix_connection(str(world.path), limit=1024)
        writer.write(b"GET /v1/watches?swarm=x HTTP/1.1\r\nHost: d\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        (watched,) = world.daemon.watches.watched()
        for _ in range(4000):  # more than the system keeps for a socket
            watched.ring.append("peer-joined", {"x": "y" * 1000})
        await until(lambda: world.daemon.watches.readers == 0)
        await until(lambda: world.daemon.clients == 0)
        writer.close()


async def test_who_asks_nothing_is_cut_off(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "STALLED", 0.05)
    async with serve() as world:
        for beginning in (b"", b"GET /v1/status HTTP/1.1\r\nHos"):
            reader, writer = await asyncio.open_unix_connection(str(world.path))
            writer.write(beginning)
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
            writer.close()
        await until(lambda: world.daemon.clients == 0)


async def test_a_body_that_does_not_arrive(serve: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitboot_serve.wishes.STALLED", 0.05)
    async with serve() as world:
        reader, writer = await asyncio.open_unix_connection(str(world.path))
        writer.write(b"POST /v1/lookups HTTP/1.1\r\nHost: d\r\nContent-Length: 9\r\n\r\n{")
        assert b" 400 " in await reader.readline()
        writer.close()


async def test_what_is_no_http_is_refused(serve: Serving) -> None:
    async with serve() as world:
        for rubbish in (b"\x00\x01\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5000 + b"\r\n"):
            reader, writer = await asyncio.open_unix_connection(str(world.path))
            writer.write(rubbish)
            with suppress(ConnectionResetError):
                assert b" 400 " in await reader.readline()
            writer.close()
        assert (await (await world.client()).get("/v1/status")).status_code == 200


async def test_faults_of_the_daemon_s_show_nothing_of_it(
    serve: Serving, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ValueError("what nobody should see")

    async with serve() as world:
        monkeypatch.setattr(world.daemon, "status", broken)
        response = await (await world.client()).get("/v1/status")
        assert (response.status_code, response.json()["error"]) == (500, "Unforeseen")
        assert "nobody should see" not in response.text
    assert "what nobody should see" in caplog.text, "but the log has it"


def test_secrets_are_named_and_never_shown(tmp_path: Path) -> None:
    from bitboot_serve.secrets import Secrets  # noqa: PLC0415

    (tmp_path / "team").write_text("bbs1nonsense", encoding="utf-8")
    (tmp_path / "words").write_text("a long enough passphrase\n", encoding="utf-8")
    secrets = Secrets(tmp_path)
    assert secrets.read("words") is secrets.read("words"), "stretched once"
    for name in ("team", "../team", "", ".hidden", "nix", "a/b", "x" * 100):
        with pytest.raises(BitBootError) as caught:
            secrets.read(name)
        assert "nonsense" not in str(caught.value)
    with pytest.raises(BitBootError, match="no folder"):
        Secrets(None).read("team")


def test_the_token_is_in_the_state_folder(tmp_path: Path) -> None:
    elsewhere = {"BITBOOT_STATE_DIR": str(tmp_path / "environment")}
    platforms = platformdirs.user_state_path("bitboot", appauthor=False)
    assert default_token(tmp_path, elsewhere) == tmp_path / "serve-token"
    assert default_token(None, elsewhere) == tmp_path / "environment" / "serve-token"
    assert default_token(None, {}) == platforms / "serve-token"
    assert default_token(False, elsewhere) == platforms / "serve-token", "it has to stay"
