"""Half the network lost at once: what is found right after it, and after one renewal."""

from __future__ import annotations

from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Program

from bitboot_core.aio import timing

from .result import Plot, Result, at_least, percent
from .worlds import LATENCY_TEXT, PORT, found, key, look, network, others

SEED = 4
LONGEST_INTERVAL = timing.RENEW_BETWEEN[1] * Settings().peer_lifetime


def run(*, quick: bool) -> Result:
    """Measure."""
    worlds, size, keys, finders, peers = (1, 60, 3, 5, 6) if quick else (4, 500, 50, 10, 20)
    moments = (("before", 0.0), ("at once", 0.0), ("after one renewal", LONGEST_INTERVAL + 30))
    shares: dict[str, list[float]] = {name: [] for name, _ in moments}
    for world in range(worlds):
        simulation, nodes = network(size, seed=SEED + world)
        programs: dict[bytes, list[Program]] = {}
        for number in range(keys):
            programs[key(number)] = [
                Program(simulation, node, port=PORT) for node in simulation.rng.sample(nodes, peers)
            ]
            for program in programs[key(number)]:
                program.join(key(number))
                program.start()
        simulation.advance(30)
        for name, wait in moments:
            if name == "at once":
                for node in simulation.rng.sample(nodes, size // 2):
                    simulation.remove(node)
            simulation.advance(wait)
            left = [node for node in nodes if simulation.is_there(node)]
            for info_hash, members in programs.items():
                expected = {program.endpoint for program in members if not program.stopped}
                if not expected:
                    continue  # all of them were switched off
                shares[name] += look(simulation, others(simulation, left, finders), info_hash, expected)
    results = {name: found(values) for name, values in shares.items()}
    return Result(
        name="half",
        title="Half the network lost at once",
        setup=f"{worlds} networks of {size} nodes, seeds {SEED} to {SEED + worlds - 1}; {LATENCY_TEXT}. "
        f"{keys} swarms in each, of {peers} programs that renew as the core does. Half of all nodes "
        f"are switched off without a word, peers among them; {finders} of those left look each key "
        f"up at once, and again when each program has renewed ({LONGEST_INTERVAL:.0f} s later at "
        "most). Expected are the peers that are left.",
        columns=["when", "lookups", "peers found", "lookups that found all"],
        rows=[
            [name, str(result.lookups), percent(result.share), percent(result.complete)]
            for name, result in results.items()
        ],
        plot=Plot(
            "before, at once, after one renewal",
            "peers found, %",
            {"peers found": [(i, 100 * r.share) for i, r in enumerate(results.values())]},
        ),
        checks=[
            at_least("peers found at once", results["at once"].share, 0.99),
            at_least("peers found after one renewal", results["after one renewal"].share, 1.0),
        ],
    )
