"""What `bitboot doctor` says of whether others can reach this machine, and from what that is inferred."""

from __future__ import annotations

from ...aio.udp import is_own_address
from ...reports import Place, Reachability
from ..report.checks import OK, UNKNOWN, WARNING, Check

_FORWARD = (
    "finding and announcing work all the same; to be reached by anybody, fix the port with "
    "--listen 0.0.0.0:PORT and have your router forward UDP to it"
)
_ALLOW = "a firewall may drop UDP: allow it out, and the answers in"

_SAID = {
    Reachability.OPEN: (OK, "reachable: nodes that it had not written to have called it", ""),
    Reachability.MAPPED: (OK, "reachable through a port that the router has opened", ""),
    Reachability.CONE: (
        WARNING,
        "behind NAT, at one port for all (cone): reached by those it writes to",
        _FORWARD,
    ),
    Reachability.SYMMETRIC: (
        WARNING,
        "behind NAT, at another port for each (symmetric): few can reach it",
        _FORWARD,
    ),
    Reachability.BLOCKED: (WARNING, "blocked: nobody who was asked has answered", _ALLOW),
    Reachability.UNKNOWN: (UNKNOWN, "too few nodes have said where they see this one", ""),
}


def check_place(network: str, family: int, place: Place) -> Check:
    """Whether others can reach a node of this network over one IP version, as its backend infers it."""
    status, message, hint = _SAID[place.reachability]
    if place.outside is not None:
        host, port = place.outside.host, place.outside.port
        is_own = is_own_address(host)
        if is_own and place.reachability is Reachability.OPEN:
            message = "no NAT in between: only a firewall could keep others out"
        whose = "its own" if is_own else "which is not an address of this machine"
        message += f"; others see it at {place.outside if port else host}, {whose}"
    return Check(
        check=f"IPv{family} reachability", status=status, message=message, hint=hint, network=network
    )
