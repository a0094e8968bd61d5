"""Run the benchmarks and say which goals are met.

    python -m bench [--quick] [names…]

Order books are measured with Hummingbot's OrderBook compiled as releases have it (build_order_book.py), which takes a
minute the first time; where that cannot be done, with the development environment's slow one.

Each benchmark runs in a process of its own, one after another. Every figure is a ratio of two that were measured side
by side in that run; the goals are those of performance.md B. The verdicts are written to bench/results/latest.json.
The exit code is 0 also where a goal is missed: that is printed. It is 1 where a benchmark could not be run.
"""

import argparse
import datetime
import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from bench.build_order_book import build
from bench.measure import Verdict
from bench.optimised_order_book import ENVIRONMENT

WITH_BOOKS = {"book", "streams"}
NAMES = ("book", "streams", "choices", "orders", "startup", "hub", "bridge")
RESULTS = Path(__file__).parent / "results" / "latest.json"


def optimise() -> None:
    """Have order books measured with the optimised extension, if there is one or it can be built."""
    if ENVIRONMENT in os.environ:
        return
    try:
        os.environ[ENVIRONMENT] = str(build())
    except (OSError, subprocess.CalledProcessError, SystemExit) as error:
        print(f"Hummingbot's OrderBook could not be built with optimisation ({error}): ratios of books will be lower")


def run(name: str, quick: bool) -> list[Verdict] | None:
    """Run one benchmark; it prints what it finds. None where it broke."""
    with tempfile.TemporaryDirectory() as folder:
        verdicts = Path(folder) / "verdicts.json"
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(verdicts), *(["--quick"] if quick else [])]
        print(f"\n## {name}", flush=True)
        if subprocess.run(command, check=False).returncode != 0:
            return None
        return msgspec.json.decode(verdicts.read_bytes(), type=list[Verdict])


def main() -> int:
    """Run what was asked for, all by default."""
    present = [name for name in NAMES if importlib.util.find_spec(f"bench.{name}")]
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds; ratios are rougher")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the verdicts are written")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(present)}; all when none is given")
    options = parser.parse_args()
    if unknown := set(options.names) - set(present):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(present)}")
    names = options.names or present
    if WITH_BOOKS & set(names):
        optimise()
    found = {name: run(name, options.quick) for name in names}
    report = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load": os.getloadavg(),
        "quick": options.quick,
        "benchmarks": found,
    }
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    print(f"\nwritten to {options.json}")
    return summarise(found)


def summarise(found: dict[str, list[Verdict] | None]) -> int:
    """Print all verdicts together; returns 1 where a benchmark broke."""
    verdicts = [verdict for each in found.values() for verdict in each or ()]
    print("\n## all", *verdicts, sep="\n")
    met = sum(verdict.met for verdict in verdicts)
    print(f"{met} of {len(verdicts)} goals met")
    broken = [name for name, each in found.items() if each is None]
    if broken:
        print(f"could not be run: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
