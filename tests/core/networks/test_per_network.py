"""Results by network."""

import pytest

from bitboot_core import AllBackendsFailed, AnnounceFailed, BootstrapFailed, PerNetwork
from bitboot_core._networks.per_network import one_error


def test_it_is_a_mapping_from_network_names() -> None:
    values = PerNetwork({"mainline": 1, "local": 2}, {"mainline": "btdht", "local": "local"})
    assert dict(values) == {"mainline": 1, "local": 2}
    assert len(values) == 2
    assert "mainline" in values
    assert repr(values) == "PerNetwork({'mainline': 1, 'local': 2})"


def test_a_backend_that_serves_one_network_finds_its_value() -> None:
    values = PerNetwork({"mainline": 1}, {"mainline": "btdht", "local": "local"})
    assert values["btdht"] == 1
    assert "btdht" in values
    assert list(values) == ["mainline"]


def test_a_backend_that_serves_two_networks_finds_none() -> None:
    values = PerNetwork({"mainline": 1}, {"mainline": "btdht", "mine": "btdht"})
    assert "btdht" not in values
    with pytest.raises(KeyError, match="btdht"):
        values["btdht"]


def test_a_network_without_a_value_has_none_under_its_backends_name_either() -> None:
    assert "btdht" not in PerNetwork({}, {"mainline": "btdht"})


def test_a_networks_name_goes_before_a_backends() -> None:
    values = PerNetwork({"a": 1, "b": 2}, {"a": "b", "b": "c"})
    assert values["b"] == 2


def test_the_error_of_one_network_is_raised_as_it_is() -> None:
    error = BootstrapFailed("nobody answered")
    assert one_error({"mainline": error}, "looking up x") is error


def test_the_errors_of_several_networks_are_raised_together() -> None:
    errors = {
        "mainline": BootstrapFailed("nobody answered", hint="go online"),
        "other": AnnounceFailed("full", hint="go online"),
    }
    error = one_error(errors, "announcing")
    assert isinstance(error, AllBackendsFailed)
    assert error.causes == errors
    assert str(error) == "announcing failed on every network: mainline: nobody answered; other: full"
    assert error.hint == "go online"
