"""Coverage-guided fuzzing of everything that reads what strangers send.

    tox -e fuzz                                  all targets, ten minutes each
    tox -e fuzz -- mainline --seconds 60         one of them: mainline, kademlia, lan, libp2p, nat or texts

Each target begins with valid messages that it makes itself, and goes on from what earlier runs found
(build/fuzz/TARGET/corpus). It fails for an exception that is not documented, for an input that takes
more than half a second, and for one that takes 1 GiB. What failed is left as build/fuzz/TARGET/crash-*.
To see it again:

    tox -e fuzz -- mainline --input build/fuzz/mainline/crash-...
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

TARGETS = ("mainline", "kademlia", "lan", "libp2p", "nat", "texts")
BUILD = Path(__file__).parents[2] / "build" / "fuzz"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--seconds", type=int, default=600, help="for each target; 600 by default")
    parser.add_argument("--input", type=Path, help="only run this input, of the one target given")
    options = parser.parse_args()
    unknown = [one for one in options.targets if one not in TARGETS]
    if unknown or (options.input and len(options.targets) != 1):
        parser.error(f"{unknown[0]} is no target" if unknown else "--input takes one target")
    failed = [
        one for one in options.targets or TARGETS if not run(one, seconds=options.seconds, only=options.input)
    ]
    print(f"failed: {', '.join(failed)}" if failed else "no findings", flush=True)
    return 1 if failed else 0


def run(target: str, *, seconds: int, only: Path | None) -> bool:
    """Run one target in a process of its own, since the engine ends it; whether all went well."""
    folder = BUILD / target
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.engine", target]
    limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024", "-max_len=4096"]
    command += [*limits, "-print_final_stats=1", f"-artifact_prefix={folder}/"]
    command.append(str(only or corpus))
    log = folder / "log"
    with log.open("wb") as file:
        print(f"{target}: {seconds} s; {log} tells how it goes", flush=True)
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    text = log.read_text("utf-8", "replace")
    if code:
        print(text[-4000:], flush=True)
    executed = re.search(r"number_of_executed_units: (\d+)", text)
    covered = re.findall(r"cov: (\d+) ft: (\d+) corp: (\S+)", text)
    print(
        f"{target}: exit code {code}, {executed[1] if executed else 'unknown'} executions, "
        + ("{} edges, {} features, corpus {}".format(*covered[-1]) if covered else "no coverage known"),
        flush=True,
    )
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
