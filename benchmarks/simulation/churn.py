"""The share of peers found over many hours while nodes come and go."""

from __future__ import annotations

from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Churn, Program, Sessions

from .result import Plot, Result, at_least, percent
from .worlds import LATENCY_TEXT, PORT, found, key, network, others

SEED = 5
DAY = 24.0
REQUIRED_AT = 0.5
CONTACTS = 3


class Town:
    """A network whose every node is a program in one of a few swarms, under churn."""

    def __init__(self, size: int, swarms: int, seed: int) -> None:
        self.simulation, nodes = network(size, seed=seed)
        self.programs: dict[Node, Program] = {}
        self.swarm: dict[Node, bytes] = {}
        self._keys = [key(number) for number in range(swarms)]
        self._next = 0
        for node in nodes:
            self._move_in(node, [])

    def live(self, churn_per_hour: float) -> Churn:
        """Let people come and go from now on."""
        churn = Churn(self.simulation, Sessions.for_churn(churn_per_hour), come=self._come, leave=self._leave)
        churn.begin(list(self.programs))
        return churn

    def members(self, info_hash: bytes) -> list[Program]:
        """Who is in a swarm now and has announced: who can be expected to be found."""
        return [
            program
            for node, program in self.programs.items()
            if self.swarm[node] == info_hash and info_hash in program.announced_at
        ]

    def ask(self, lookups: int) -> tuple[list[float], float]:
        """What so many nodes find, each in a swarm by turns; and the share of those found who are gone."""
        shares: list[float] = []
        gone = total = 0
        for number in range(lookups):
            info_hash = self._keys[number % len(self._keys)]
            expected = {program.endpoint for program in self.members(info_hash)}
            if not expected:
                continue
            (finder,) = others(self.simulation, self.programs, 1)
            (result,) = self.simulation.find_all([finder], info_hash)
            if not self.simulation.is_there(finder):
                continue  # it has left before its lookup ended
            # Who has left while the lookup was on its way cannot be expected.
            expected &= {program.endpoint for program in self.members(info_hash)}
            shares.append(len(result & expected) / len(expected) if expected else 1.0)
            gone += len(result - {program.endpoint for program in self.programs.values()})
            total += len(result)
        return shares, gone / total if total else 0.0

    def _come(self) -> Node:
        known = list(self.simulation.participants)
        node = self.simulation.add()
        self._move_in(node, self.simulation.rng.sample(known, CONTACTS))
        return node

    def _move_in(self, node: Node, contacts: list[bytes]) -> None:
        program = Program(self.simulation, node, contacts=contacts, port=PORT)
        self.programs[node] = program
        self.swarm[node] = self._keys[self._next % len(self._keys)]
        self._next += 1
        program.join(self.swarm[node])
        program.start()

    def _leave(self, node: Node) -> None:
        self.programs.pop(node).stop()
        del self.swarm[node]


def run(*, quick: bool) -> Result:
    """Measure."""
    size, swarms, every, lookups = (40, 2, 30.0, 4) if quick else (200, 8, 15.0, 10)
    plans = ((0.5, 1.0),) if quick else ((0.0, 1.0), (0.25, 3.0), (REQUIRED_AT, DAY), (1.0, 3.0), (2.0, 2.0))
    rows, checks = [], []
    lines: list[tuple[float, float]] = []
    for share_per_hour, hours in plans:
        town = Town(size, swarms, SEED)
        town.simulation.advance(60)
        churn = town.live(share_per_hour) if share_per_hour else None
        shares: list[float] = []
        stale: list[float] = []
        before = town.simulation.delivered
        for _ in range(round(hours * 60 / every)):
            town.simulation.advance(60 * every)
            these, gone = town.ask(lookups)
            shares += these
            stale.append(gone)
        result = found(shares)
        lines.append((100 * share_per_hour, 100 * result.share))
        rate = (town.simulation.delivered - before) / size / hours
        rows.append(
            [
                percent(share_per_hour),
                f"{hours:g} h",
                str(churn.left if churn else 0),
                str(result.lookups),
                percent(result.share),
                percent(result.complete),
                percent(sum(stale) / len(stale)),
                f"{rate:,.0f}",
            ]
        )
        if share_per_hour == REQUIRED_AT:
            what = f"peers found with {percent(share_per_hour)} churn an hour, over {hours:g} hours"
            checks.append(at_least(what, result.share, 0.99))
    return Result(
        name="churn",
        title="Peers found under churn",
        setup=f"{size} nodes, seed {SEED}; {LATENCY_TEXT}. Every node is a program in one of {swarms} "
        f"swarms; whoever leaves is replaced by a newcomer who knows {CONTACTS} of those who are "
        f"there. Every {every:g} minutes {lookups} nodes look a swarm up. Expected are those who "
        "are there and have announced. Gone: the share of what is found that has left already, but "
        "not yet expired. Sessions are Weibull distributed as above.",
        columns=[
            "churn an hour",
            "time",
            "left",
            "lookups",
            "peers found",
            "lookups that found all",
            "gone",
            "datagrams a node and hour",
        ],
        rows=rows,
        plot=Plot("churn, % of the network an hour", "peers found, %", {"peers found": lines}),
        checks=checks,
    )
