"""Settings: what is meant is kept, what makes no sense is said."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import (
    BackendConfig,
    BitBootConfig,
    InvalidConfig,
    InvalidEndpoint,
    KnownHost,
    NetworkDefinition,
    UsageError,
)
from bitboot_core._settings import networks, state_folder
from bitboot_core.config import Settings


def test_the_defaults() -> None:
    assert dataclasses.asdict(BitBootConfig()) == {
        "network": "mainline",
        "backend": None,
        "bootstrap": None,
        "listen": None,
        "state_dir": None,
        "timeout": 20.0,
        "lifetime": 1800.0,
        "read_only": False,
        "map_ports": False,
        "identity": None,
    }


def test_every_field_is_a_keyword_of_bitboot_too() -> None:
    assert set(Settings.__annotations__) == {field.name for field in dataclasses.fields(BitBootConfig)}


def test_hosts_are_read_in_either_spelling() -> None:
    config = BitBootConfig(bootstrap=["a.example:1", KnownHost("::1", 2), "a.example:1"], listen="[::]:0")
    assert config.bootstrap == (KnownHost("a.example", 1), KnownHost("::1", 2))
    assert config.listen == KnownHost("::", 0)


def test_no_bootstrap_contact_is_not_the_same_as_the_networks_own() -> None:
    assert BitBootConfig(bootstrap=[]).bootstrap == ()
    assert BitBootConfig(bootstrap=None).bootstrap is None


def test_one_network_or_several() -> None:
    mine = NetworkDefinition("mine", "p")
    assert networks("local") == ("local",)
    assert networks(mine) == (mine,)
    assert networks(["local", mine]) == ("local", mine)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"network": 5}, "not a network"),
        ({"network": None}, "not a network"),
        ({"network": ""}, "not a network"),
        ({"network": []}, "no network was given"),
        ({"network": ["local", 5]}, "5 is not a network"),
        ({"backend": ""}, "backend=''"),
        ({"backend": 5}, "backend=5"),
        ({"bootstrap": "a.example:1"}, "not a list"),
        ({"bootstrap": KnownHost("a.example", 1)}, "not a list"),
        ({"bootstrap": 5}, "not a list"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": -1}, "timeout=-1"),
        ({"timeout": float("nan")}, "timeout=nan"),
        ({"timeout": float("inf")}, "timeout=inf"),
        ({"timeout": True}, "timeout=True"),
        ({"timeout": "5"}, "timeout='5'"),
        ({"timeout": None}, "timeout=None"),
        ({"lifetime": 0}, "lifetime=0"),
        ({"state_dir": True}, "state_dir=True"),
        ({"state_dir": ""}, "state_dir=''"),
        ({"state_dir": 5}, "state_dir=5"),
        ({"read_only": "no"}, "read_only='no'"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        BitBootConfig(**settings)
    assert words in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "settings",
    [
        {"bootstrap": ["a.example"]},
        {"bootstrap": ["a.example:0"]},
        {"bootstrap": [":6881"]},
        {"bootstrap": ["0.0.0.0:6881"]},
        {"bootstrap": [5]},
        {"listen": "somewhere"},
        {"listen": "127.0.0.1:65536"},
        {"listen": 6881},
    ],
)
def test_endpoints_that_are_none(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidEndpoint) as caught:
        BitBootConfig(**settings)
    assert isinstance(caught.value, UsageError)
    assert caught.value.hint


def test_state_is_kept_in_a_folder_or_nowhere(tmp_path: Path) -> None:
    assert state_folder(tmp_path / "new") == tmp_path / "new"
    assert state_folder(str(tmp_path)) == tmp_path
    assert state_folder(False) is None
    assert state_folder(None) is None
    (tmp_path / "file").touch()
    with pytest.raises(InvalidConfig, match="not a folder"):
        BitBootConfig(state_dir=tmp_path / "file")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost."])
def test_a_backend_listens_on_127_0_0_1_for_localhost(host: str) -> None:
    """Where the resolver gives ::1 first it would else meet nobody who speaks IPv4."""
    config = BackendConfig(network="n", protocol="p", listen=KnownHost(host, 7))
    assert config.listen == KnownHost("127.0.0.1", 7)
    elsewhere = KnownHost("localhost.example", 7)
    assert BackendConfig(network="n", protocol="p", listen=elsewhere).listen == elsewhere
