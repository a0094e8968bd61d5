"""Start-up: reading the markets, and what importing the connector adds to a Hummingbot (goals G15 and G22).

python -m bench.startup [--quick]
"""

import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal

import msgspec

from bench import market_frames
from bench.measure import Figures, Goal, Rounds, Verdict, command, limit, tell
from hummingbot_extended.exchange.models import decode_markets

JSON, OURS, SDK = "json.loads", "ours", "SDK (pydantic)"
BASE, WITH_OURS = "Hummingbot's base class", "with our connector"
CPU_REPLY, WALL, CPU, RSS = "CPU ms/reply", "wall s", "CPU s", "RSS MB"
MOST_WALL, MOST_MB = 1.06, 5.0

# Runs in a fresh interpreter, so that the same process pays for both, one after the other.
IMPORTS = """
import json, os, resource, sys, time

def now():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(open("/proc/self/statm").read().split()[1])
    return time.perf_counter(), usage.ru_utime + usage.ru_stime, pages * os.sysconf("SC_PAGE_SIZE") / 2**20

began = now()
import hummingbot.connector.perpetual_derivative_py_base
base, before = now(), set(sys.modules)
import hummingbot_extended.connector.extended_perpetual_derivative
both = now()
print(json.dumps([began, base, both, sorted({name.partition(".")[0] for name in set(sys.modules) - before})]))
"""
NOT_AT_START = frozenset(("typer", "rich", "fastapi", "uvicorn", "starlette", "x10", "websockets", "nats", "aiomqtt"))


# --- markets ----------------------------------------------------------------------------------------------------------


class NeededConfig(msgspec.Struct, rename="camel"):
    """The trading rules that an order needs."""

    min_order_size: Decimal
    min_order_size_change: Decimal
    min_price_change: Decimal
    max_market_order_value: Decimal
    max_limit_order_value: Decimal
    max_position_value: Decimal
    max_num_orders: int
    limit_price_cap: Decimal
    limit_price_floor: Decimal


class NeededL2(msgspec.Struct, rename="camel"):
    """What the order hash needs."""

    collateral_id: str
    synthetic_id: str
    collateral_resolution: int
    synthetic_resolution: int


class NeededMarket(msgspec.Struct, rename="camel"):
    """As little of a market as trading needs."""

    name: str
    active: bool
    status: str
    trading_config: NeededConfig
    l2_config: NeededL2


class NeededReply(msgspec.Struct):
    """Their reply."""

    data: list[NeededMarket]


def sdk_decoder() -> Callable[[bytes], object]:
    """How the exchange's SDK reads the reply."""
    from x10.models.http import WrappedApiResponseModel
    from x10.models.market import MarketModel

    model = WrappedApiResponseModel[list[MarketModel]]
    return lambda raw: model.model_validate_json(raw)


def measure_markets(title: str, rounds: int, raw: bytes, times: int) -> Rounds:
    """G15."""
    needed = msgspec.json.Decoder(NeededReply, strict=False)
    ways: dict[str, Callable[[bytes], object]] = {
        JSON: json.loads,
        SDK: sdk_decoder(),
        OURS: decode_markets,
        "only what trading needs": needed.decode,
    }
    found = Rounds(title, JSON)
    for _ in range(rounds):
        for variant, decode in ways.items():
            gc.collect()
            began = time.process_time()
            for _ in range(times):
                decode(raw)
            found.add(variant, {CPU_REPLY: (time.process_time() - began) / times * 1e3})
    return found


# --- imports ----------------------------------------------------------------------------------------------------------


def measure_imports(rounds: int) -> tuple[Rounds, float, set[str]]:
    """G22: the table, the megabytes added, and the top-level packages that our connector brought in."""
    found = Rounds("Imports in a fresh interpreter, compiled before", BASE)
    brought: set[str] = set()
    added_mb: list[float] = []
    with tempfile.TemporaryDirectory() as cache:
        import_once(cache)  # compiles both
        for _ in range(rounds):
            began, base, both, packages = import_once(cache)
            found.add(BASE, _figures(began, base))
            found.add(WITH_OURS, _figures(began, both))
            added_mb.append(both[2] - base[2])
            brought |= set(packages)
    return found, statistics.median(added_mb), brought


def import_once(cache: str | None = None) -> tuple[list[float], list[float], list[float], list[str]]:
    """What IMPORTS prints; with the bytecode kept in `cache`, also where this machine is told to keep none."""
    environment = dict(os.environ)
    if cache is not None:
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = cache
    command = [sys.executable, "-c", IMPORTS]
    child = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return msgspec.json.decode(child.stdout, type=tuple[list[float], list[float], list[float], list[str]])


def _figures(began: list[float], ended: list[float]) -> Figures:
    return {WALL: ended[0] - began[0], CPU: ended[1] - began[1], RSS: ended[2]}


# --- all --------------------------------------------------------------------------------------------------------------

MARKET_GOALS = [Goal(id="G15", measure=CPU_REPLY, variant=OURS, baseline=JSON, at_least=4.0)]


def run(quick: bool) -> list[Verdict]:
    """Measure G15 and G22."""
    rounds, times = (3, 3) if quick else (7, 20)
    few = measure_markets("100 markets with 5 risk bands each", rounds, market_frames.reply(100, 5), times)
    raw = market_frames.reply(100)
    many = measure_markets(f"100 markets with {market_frames.BANDS} risk bands each", rounds, raw, times)
    verdicts = tell(few) + tell(many, MARKET_GOALS)
    imports, added_mb, brought = measure_imports(1 if quick else 7)
    wall = limit(
        "G22", "wall with our connector beside base class", 1 / imports.ratio(BASE, WITH_OURS, WALL), MOST_WALL
    )
    memory = limit("G22", "memory that our connector adds,", added_mb, MOST_MB, " MB")
    unneeded = limit("G22", "packages imported that should not be,", len(brought & NOT_AT_START), 0, "")
    print(f"\nPackages that importing our connector added: {', '.join(sorted(brought))}")
    return verdicts + tell(imports, limits=[wall, memory, unneeded])


if __name__ == "__main__":
    sys.exit(command(run, __doc__))
