"""The words for what a lookup tells: for `events`, and for `quick`, which has no time to import those."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def ready(network: str, backend: str, listen: str, contacts: int) -> str:
    """A network can be used."""
    return f"{network} through {backend}, on {listen}, {count(contacts, 'contact')}"


def peer(endpoint: str, sources: Sequence[str]) -> str:
    """A peer was found."""
    return f"{endpoint} from {', '.join(sources)}"


def done(swarm: str, peers: int, seconds: float) -> str:
    """The lookup has ended."""
    found = "nobody found" if peers == 0 else f"{count(peers, 'peer')} found"
    return f"{swarm}, {found} in {seconds:g} s"


def endpoint(host: str, port: int) -> str:
    """An endpoint as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def count(number: int, noun: str, several: str = "") -> str:
    """ "1 node", "2 nodes"; `several` where it is not made by adding an s."""
    return f"{number} {noun if number == 1 else several or noun + 's'}"
