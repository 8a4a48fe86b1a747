"""Configuration files: what they say, and what is wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs
import pytest

from bitboot_core import (
    BitBootConfig,
    ConfigFile,
    InvalidConfig,
    KnownHost,
    NetworkDefinition,
    NetworkStatus,
    Registry,
)
from bitboot_core._plugins.config_file import default_file
from bitboot_core._plugins.config_text import MAX_BYTES, MAX_PARTS, ConfigText

WHOLE = """
network = ["office", "local"]
backend = "kademlia"
bootstrap = ["192.0.2.1:6881", "[2001:db8::1]:6881"]
listen = "0.0.0.0:4000"
state_dir = "state"
timeout = 10
lifetime = 900.5
read_only = false

[networks.office]
protocol = "kademlia"
bootstrap = ["dht.example.org:4000"]
description = "our own"

[networks.mainline]
bootstrap = ["192.0.2.7:6881"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_a_whole_one(file: Path, registry: Registry) -> None:
    file.write_text(WHOLE, encoding="utf-8")
    found = ConfigFile.read(file)
    config = found.config(registry)
    office = NetworkDefinition("office", "kademlia", (KnownHost("dht.example.org", 4000),), "our own")
    assert config == BitBootConfig(
        network=[office, "local"],
        backend="kademlia",
        bootstrap=["192.0.2.1:6881", "[2001:db8::1]:6881"],
        listen="0.0.0.0:4000",
        state_dir=str(file.parent / "state"),
        timeout=10,
        lifetime=900.5,
    )
    mainline = found.definitions(registry)["mainline"]
    assert mainline.bootstrap == (KnownHost("192.0.2.7", 6881),)
    assert mainline.description == registry.network("mainline").description
    assert mainline.status is NetworkStatus.READY


def test_what_the_program_says_goes_before(file: Path, registry: Registry) -> None:
    file.write_text(WHOLE, encoding="utf-8")
    config = ConfigFile.read(file).config(registry, network="mainline", timeout=3)
    (mainline,) = config.network  # type: ignore[misc]
    assert isinstance(mainline, NetworkDefinition)
    assert mainline.bootstrap == (KnownHost("192.0.2.7", 6881),)
    assert config.timeout == 3
    assert ConfigFile.read(file).config(registry, network="local").network == "local"


def test_bitbootpy_s(tmp_path: Path, registry: Registry) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "bootstrap_nodes": [["192.0.2.1", 6881], {"host": "192.0.2.2", "port": 1}, "192.0.2.3:2"],
                "rate_limit_delay": 1.0,
                "network_names": ["one", "two"],
                "continuous_mode": {"one": True, "two": False},
            }
        ),
        encoding="utf-8",
    )
    found = ConfigFile.read(tmp_path / "config.json")
    assert found.config(registry).bootstrap == (
        KnownHost("192.0.2.1", 6881),
        KnownHost("192.0.2.2", 1),
        KnownHost("192.0.2.3", 2),
    )
    assert (found.network_names, found.continuous) == (("one", "two"), ("one",))


@pytest.mark.parametrize(
    ("content", "line", "message", "hint"),
    [
        ("timeout = ", "", "is not TOML: Invalid value (at end of document)", "text stands in quotes"),
        ("a = 1\nnetwork = office\n", "", "line 2", "text stands in quotes"),
        ("\ntimeuot = 5", ", line 2", "timeuot is not a known setting", "did you mean timeout?"),
        ("xyz = 5", ", line 1", "xyz is not a known setting", "known are: backend, bootstrap"),
        ('listen = ":1"\ntimeout = "5"', ", line 2", "timeout: timeout='5' is not a number", "such as 20"),
        ("timeout = -1", ", line 1", "timeout=-1 is not a number", "such as 20"),
        ("timeout = true", ", line 1", "timeout=True is not a number", "such as 20"),
        ("read_only = 1", ", line 1", "read_only=1 is neither", "one of the two"),
        ("backend = 5", ", line 1", "backend=5 is not a name", "bitboot plugins"),
        ("network = 5", ", line 1", "network=5 is not a network", 'such as ["one"]'),
        ('network = [["a"]]', ", line 1", "network=[['a']] is not a network", 'such as ["one"]'),
        ("network = []", ", line 1", "no network was given", "mainline"),
        ("[network]\nname = 'x'", ", line 1", "network is a table", "[networks.NAME]"),
        ('bootstrap = "a:1"', ", line 1", "bootstrap='a:1' is not a list", "bootstrap=['a:1']"),
        ('bootstrap = ["a"]', ", line 1", "'a' is not an endpoint", "HOST:PORT"),
        ('bootstrap = ["0.0.0.0:1"]', ", line 1", "nobody can be reached", "a port of its own"),
        ("listen = 6881", ", line 1", "6881 is not an endpoint", "HOST:PORT"),
        ("state_dir = true", ", line 1", "state_dir=True is not a folder", "give a path"),
        ("networks = 5", ", line 1", "networks is 5", "write [networks]"),
        ("[networks]\noffice = 5", ", line 2", "networks.office is 5", "write [networks.office]"),
        (
            "[networks.office]\nprotocl = 'x'",
            ", line 2",
            "networks.office.protocl is no",
            "did you mean protocol?",
        ),
        ("[networks.office]\nprotocol = 5", ", line 2", "networks.office.protocol is 5", "mainline"),
        ("[networks.office]\nprotocol = ''", ", line 2", "networks.office.protocol is ''", "mainline"),
        ("[networks.a]\nprotocol='x'\nbootstrap = [5]", ", line 3", "5 is not an endpoint", "HOST:PORT"),
        ("[networks.'a b']\nprotocol = 'x'", ", line 1", "'a b' cannot be a network's name", "another name"),
        ("bootstrap_nodes = 5", ", line 1", "bootstrap_nodes: ", "router.example.org"),
        ("bootstrap_nodes = [5]", ", line 1", "5 is not a bootstrap node", "router.example.org"),
        ("network_names = 'one'", ", line 1", "network_names is not a list", 'such as ["one"'),
        ("continuous_mode = true", ", line 1", "continuous_mode is True", "it is a table"),
        ('{"timeout": ', "", "is not JSON", "fix that line"),
        ('{\n"timeout": null}', ", line 2", "timeout=None is not a number", "such as 20"),
    ],
)
def test_what_is_wrong_is_named(file: Path, content: str, line: str, message: str, hint: str) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidConfig) as caught:
        ConfigFile.read(file)
    assert str(caught.value).startswith(f"{file}{line}")
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_a_network_that_nobody_knows_needs_a_protocol(file: Path, registry: Registry) -> None:
    file.write_text("[networks.mainlien]\nbootstrap = []\n", encoding="utf-8")
    found = ConfigFile.read(file)
    for ask in (lambda: found.definitions(registry), lambda: found.config(registry, network="mainlien")):
        with pytest.raises(InvalidConfig, match="mainlien has no protocol") as caught:
            ask()
        assert "did you mean mainline?" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"#" * (MAX_BYTES + 1), b"[1]"], ids=["bytes", "size", "list"]
)
def test_what_is_no_configuration_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(InvalidConfig) as caught:
        ConfigFile.read(tmp_path / "config.json")
    assert str(caught.value).startswith(str(tmp_path / "config.json"))
    assert caught.value.hint


def test_which_file_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidConfig, match="cannot be read") as caught:
        ConfigFile.read(file)
    assert "file's name" in caught.value.hint
    monkeypatch.setenv("BITBOOT_CONFIG", str(file))
    with pytest.raises(InvalidConfig, match=r"config\.toml"):
        ConfigFile.read()
    file.write_text("timeout = 5", encoding="utf-8")
    assert ConfigFile.read().config().timeout == 5
    monkeypatch.setattr("bitboot_core._plugins.config_file.default_file", lambda: file.with_name("none.toml"))
    monkeypatch.delenv("BITBOOT_CONFIG")
    assert ConfigFile.read() == ConfigFile()
    monkeypatch.setattr("bitboot_core._plugins.config_file.default_file", lambda: file)
    assert ConfigFile.read().path == file


def test_the_users_own_file_is_where_platformdirs_says() -> None:
    assert default_file() == platformdirs.user_config_path("bitboot", appauthor=False) / "config.toml"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("# timeout = 5 is too short\n\ntimeout = -1", 3),
        ("backend = 'x' # timeout = 1\ntimeout = -1", 2),
        ("backend = 'timeout = 1'\ntimeout = -1", 2),
        ('backend = """\ntimeout = 1\n"""\ntimeout = -1', 4),
        ('network = ["timeout"]\ntimeout = -1', 2),
        ('"timeout" = -1', 1),
        ("# [networks.office]\n[networks.'office']\nprotocol = 5", 3),
        ("# networks\n[networks.\"a b\"]\nprotocol = 'x'", 2),
        ('{"backend": "timeout:",\n"timeout": -1}', 2),
    ],
)
def test_a_comment_or_a_value_is_not_blamed(file: Path, content: str, line: int) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidConfig) as caught:
        ConfigFile.read(file)
    assert str(caught.value).startswith(f"{file}, line {line}: ")


@pytest.mark.parametrize(
    "key",
    [
        "a" + ".a" * 20_000,
        "'a'" + ' . "a"' * 20_000,
        "[" + "a." * 20_000 + "a]\nb",
        "x={" + "a." * 20_000 + "b",
    ],
    ids=["bare", "quoted", "table", "inline"],
)
def test_a_key_of_very_many_parts_is_refused_before_it_is_parsed(
    file: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tomllib.loads", lambda text: pytest.fail("parsed: 8 s and 1.6 GB"))
    file.write_text(f"timeout = 5\n{key} = 1", encoding="utf-8")
    with pytest.raises(InvalidConfig, match=f", line 2: a key of more than {MAX_PARTS} parts"):
        ConfigFile.read(file)


def test_dots_in_values_and_comments_are_no_parts_of_keys(file: Path) -> None:
    file.write_text(
        "# ....................................\n"
        f"description = '{'.' * 99}'\n"
        f"numbers = [{', '.join(['1.5'] * 99)}]\n"
        "[a]\nb = 1.0\n",
        encoding="utf-8",
    )
    assert ConfigText.read(file).parsed()["a"] == {"b": 1.0}


def test_half_quoted_text_takes_no_time(file: Path) -> None:
    file.write_text("a = " + (3 * "'" + "\n" + 3 * '"') * 50_000, encoding="utf-8")
    with pytest.raises(InvalidConfig):
        ConfigFile.read(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    for path in (tmp_path / "pipe.toml", tmp_path):
        with pytest.raises(InvalidConfig, match="not a regular file") as caught:
            ConfigFile.read(path)
        assert caught.value.hint
    with pytest.raises(InvalidConfig, match="is not a file's name"):
        ConfigFile.read("a\0b")


def test_the_null_device_is_an_empty_file() -> None:
    assert ConfigFile.read(os.devnull).settings == {}
