"""A configuration that is read again: what of it holds at once, and what from the next start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bitboot_core import BitBoot, BitBootConfig, KnownHost, NetworkDefinition, Registry

AT_START = ("state_dir", "read_only", "map_ports", "identity")
"""Settings that hold from the next start: what is running was built on them."""


def usable_now(config: BitBootConfig, running: BitBootConfig) -> tuple[BitBootConfig, list[str]]:
    """What of a configuration can be used from now on, and which of its settings wait for the next start."""
    waiting = [name for name in AT_START if getattr(config, name) != getattr(running, name)]
    return replace(config, **{name: getattr(running, name) for name in waiting}), waiting


async def use_networks(
    bitboot: BitBoot, former: BitBootConfig, new: BitBootConfig, registry: Registry
) -> None:
    """Use the networks of `new` instead of those of `former`, and keep the nodes that can stay.

    Raises what `BitBoot.switch_network` and `add_network` do: the former networks stay then.
    """
    was, wanted = _definitions(former, registry), _definitions(new, registry)
    if not _can_stay(former, new, was, wanted):
        await bitboot.switch_network(
            new.network, backend=new.backend, bootstrap=new.bootstrap, listen=new.listen
        )
        return
    # Two cannot share a port: the first has it, as at a start.
    listen = None if new.listen is None else replace(_host(new.listen), port=0)
    added: list[str] = []
    try:
        for name, definition in wanted.items():
            if name not in was:
                await bitboot.add_network(definition, listen=listen)
                added.append(name)
    except BaseException:
        for name in added:
            await bitboot.remove_network(name)
        raise
    for name in was.keys() - wanted.keys():
        await bitboot.remove_network(name)
    for name in was.keys() & wanted.keys():
        before, after = was[name].bootstrap, wanted[name].bootstrap
        for contact in after:
            if contact not in before:
                bitboot.add_bootstrap(contact, network=name)
        for contact in before:
            if contact not in after:
                bitboot.remove_bootstrap(contact, network=name)


def _definitions(config: BitBootConfig, registry: Registry) -> dict[str, NetworkDefinition]:
    """The networks of a configuration by name, in order, with the contacts that they start from."""
    found = {}
    for one in _listed(config):
        definition = registry.network(one) if isinstance(one, str) else one
        if config.bootstrap is not None:
            definition = replace(definition, bootstrap=tuple(map(_host, config.bootstrap)))
        found[definition.name] = definition
    return found


def _listed(config: BitBootConfig) -> list[str | NetworkDefinition]:
    meant = config.network
    return [meant] if isinstance(meant, (str, NetworkDefinition)) else list(meant)


def _can_stay(
    former: BitBootConfig,
    new: BitBootConfig,
    was: Mapping[str, NetworkDefinition],
    wanted: Mapping[str, NetworkDefinition],
) -> bool:
    """Whether the nodes of the networks that stay can go on as they are."""
    both = was.keys() & wanted.keys()
    return (
        bool(both)
        and len(wanted) == len(_listed(new))  # else one is named twice, which `switch_network` refuses
        and (former.backend, former.listen) == (new.backend, new.listen)
        and (new.backend is None or was.keys() == wanted.keys())  # it may not serve those that are added
        and (new.listen is None or next(iter(was)) == next(iter(wanted)))  # which has the port
        and all(was[name].protocol == wanted[name].protocol for name in both)
        and all(_is_the_same(was[name], wanted[name]) for name in both)
    )


def _is_the_same(was: NetworkDefinition, wanted: NetworkDefinition) -> bool:
    """Whether both start in one network: where no contact stays it may be another one of that name."""
    return not was.bootstrap or not set(was.bootstrap).isdisjoint(wanted.bootstrap)


def _host(host: KnownHost | str) -> KnownHost:
    return host if isinstance(host, KnownHost) else KnownHost.parse(host)
