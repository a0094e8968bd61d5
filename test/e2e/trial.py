"""A trial by faults: a Hummingbot trades in its own process while the venue lies, drops, stalls and forgets.

    python -m test.e2e.trial --seed 1 --repeats 5

Every fault is set while orders are open or on their way. Afterwards both sides must agree by id on every order, fill,
fee and position, nothing may be open, and the log must say each fault once.
"""

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from hummingbot_extended.demo.audit import Audit
from hummingbot_extended.demo.books import read_database
from hummingbot_extended.demo.hbot import Hbot
from hummingbot_extended.demo.runner import account_ledger, audit_account, prepare_hummingbot
from hummingbot_extended.demo.venue_process import VenueProcess

SCRIPT = Path(__file__).with_name("scripts") / "order_storm.py"
CONFIGURATION = "conf_order_storm.yml"
ORDER = "POST /api/v1/user/order"
CANCEL = "DELETE /api/v1/user/order*"
BOOK, ACCOUNT = "*/orderbooks/*", "*/account"
SETTLE_S = 25.0

FAULTS: Mapping[str, Mapping[str, object]] = {
    "cut account": {"kind": "cut", "path": ACCOUNT, "count": 1},
    "cut book": {"kind": "cut", "path": BOOK, "count": 1},
    "half-open account": {"kind": "half_open", "path": ACCOUNT, "count": 1, "value": 4},
    "stall account": {"kind": "stall", "path": ACCOUNT, "count": 1, "value": 3},
    "gap account": {"kind": "gap", "path": ACCOUNT, "count": 1},
    "gap book": {"kind": "gap", "path": BOOK, "count": 1},
    "duplicate": {"kind": "duplicate", "path": ACCOUNT, "count": 1},
    "reorder": {"kind": "reorder", "path": ACCOUNT, "count": 1},
    "garbage": {"kind": "garbage", "path": ACCOUNT, "count": 1},
    "empty ORDER snapshot": {"kind": "empty_order_snapshot", "path": ACCOUNT, "count": 1},
    "order 5xx": {"kind": "server_error", "path": ORDER, "count": 2},
    "order 429": {"kind": "too_many_requests", "path": ORDER, "count": 2},
    "order reply lost": {"kind": "reply_lost", "path": ORDER, "count": 2},
    "order reply 502": {"kind": "reply_error", "path": ORDER, "count": 2},
    "cancel reply lost": {"kind": "reply_lost", "path": CANCEL, "count": 2},
    "slow reply": {"kind": "slow_reply", "path": ORDER, "count": 1, "value": 4},
    "late reply": {"kind": "late_reply", "path": ORDER, "count": 2, "value": 1.5},
    "bare 404": {"kind": "bare_404", "path": "GET /api/v1/user/order*", "count": 2, "duration_s": 5},
    "late rejection": {"kind": "late_rejection", "count": 2},
    "post-only mode": {"kind": "post_only_mode", "duration_s": 1.5},
    "maintenance": {"kind": "maintenance", "duration_s": 1.5},
    "slow clock": {"kind": "slow_clock", "duration_s": 2},
}
BROUGHT_BY = {"empty ORDER snapshot": {"kind": "cut", "path": ACCOUNT, "count": 1}}


@dataclass(frozen=True, slots=True)
class Result:
    """What a trial found."""

    audit: Audit
    fired: Mapping[str, int]
    orders: int
    partial_fills: int
    left_open: int
    repeated_log_lines: Mapping[str, int]
    errors: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.audit.agrees and not self.left_open and not self.errors and not self.repeated_log_lines


class Trial:
    """One bot, one venue, one seed."""

    def __init__(self, folder: Path, seed: int, repeats: int, orders: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.seed = seed
        self.repeats = repeats
        self.orders = orders
        self.fired: Counter[str] = Counter()

    def run(self) -> Result:
        options = ("--funding-interval", "24h", "--seed", str(self.seed), "--balance", "1000000")
        with VenueProcess(*options, log=self.folder / "venue.log") as venue:
            hbot = prepare_hummingbot(self.folder / "root", venue, step=lambda _: None)
            stop_file = self.folder / "stop"
            shutil.copy(SCRIPT, hbot.workspace.root / "scripts")
            settings = {"script_file_name": SCRIPT.name, "seed": self.seed, "stop_file": str(stop_file)}
            hbot.workspace.write_conf(f"scripts/{CONFIGURATION}", settings)
            start_balance = Decimal(account_ledger(venue)["balance"]["balance"])
            hbot.start(CONFIGURATION)
            try:
                self._afflict(venue)
                stop_file.touch()
                time.sleep(SETTLE_S)
            finally:
                hbot.stop()
            time.sleep(1)
            account = account_ledger(venue)
        (self.folder / "ledger.json").write_text(json.dumps(account, indent=1))
        return self._judge(hbot, account, start_balance)

    def _afflict(self, venue: VenueProcess) -> None:
        """Set every fault `repeats` times in a shuffled order, then trade on until there are enough orders."""
        plan = [name for name in FAULTS for _ in range(self.repeats)]
        self.random.shuffle(plan)
        for name in plan:
            _wait_for(lambda: _in_flight(venue) > 0, 90, f"no order in flight before {name}")
            self._set_until_it_fired(venue, name)
            self.fired[name] += 1
            time.sleep(self.random.uniform(0.2, 1.2))
        _wait_for(lambda: len(account_ledger(venue)["orders"]) >= self.orders, 240, "too few orders")

    def _set_until_it_fired(self, venue: VenueProcess, name: str) -> None:
        deadline_s = time.monotonic() + 90
        while time.monotonic() < deadline_s:  # one that lasts may end without having met an order
            fault = venue.post("/practice/faults", FAULTS[name])["id"]
            if name in BROUGHT_BY:
                venue.post("/practice/faults", BROUGHT_BY[name])
            _wait_for(lambda: _is_over(venue, fault), 90, f"{name} never met an opportunity")  # noqa: B023
            if _fault(venue, fault)["fired"]:
                return
        raise TimeoutError(f"{name} never met an opportunity")

    def _judge(self, hbot: Hbot, account: Mapping[str, Any], start_balance: Decimal) -> Result:
        log = hbot.log_text()
        trades = Counter(str(trade["orderId"]) for trade in account["trades"])
        partly = [o for o in account["orders"] if 0 < Decimal(o.get("filledQty") or 0) < Decimal(o["qty"])]
        return Result(
            audit=audit_account(read_database(hbot.database(CONFIGURATION)), account, start_balance),
            fired=dict(self.fired),
            orders=len(account["orders"]),
            partial_fills=max(len(partly), sum(count > 1 for count in trades.values())),
            left_open=sum(order["status"] in ("NEW", "PARTIALLY_FILLED", "UNTRIGGERED") for order in account["orders"]),
            repeated_log_lines=_repeated_within_a_second(log),
            errors=tuple(re.findall(r".* - ERROR - .*|Traceback.*", log)),
        )


def _in_flight(venue: VenueProcess) -> int:
    orders = account_ledger(venue)["orders"]
    return sum(order["status"] in ("NEW", "PARTIALLY_FILLED") for order in orders)


def _fault(venue: VenueProcess, fault_id: int) -> Mapping[str, Any]:
    return next(fault for fault in venue.get("/practice/faults") if fault["id"] == fault_id)


def _is_over(venue: VenueProcess, fault_id: int) -> bool:
    fault = _fault(venue, fault_id)
    return not fault["live"] if fault["duration_s"] else bool(fault["fired"])


def _wait_for(condition: Any, seconds: float, complaint: str) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(complaint)
        time.sleep(0.1)


def _repeated_within_a_second(log: str) -> dict[str, int]:
    """Count warnings that say the same twice within the same second, numbers and ids aside."""
    said: Counter[tuple[str, str]] = Counter()
    for second, text in re.findall(r"^(\S+ \S{8}),\d+ - \d+ - \S+ - WARNING - (.*)$", log, re.MULTILINE):
        said[second, re.sub(r"hbx-\S+|\d+", "#", text)] += 1
    return {text: count for (_, text), count in said.items() if count > 6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--keep", type=Path, help="keep logs, database and ledger in this folder")
    arguments = parser.parse_args()
    failed = False
    for seed in arguments.seed or (1, 2, 3):
        folder = (arguments.keep or Path(tempfile.mkdtemp(prefix="trial-"))) / f"seed-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        result = Trial(folder, seed, arguments.repeats, arguments.orders).run()
        failed |= not result.passed
        print(f"seed {seed}: {'passed' if result.passed else 'FAILED'}; {result.orders} orders, ", end="")
        print(f"{result.partial_fills} partial fills; faults with orders in flight: {dict(result.fired)}")
        if not result.passed:
            print(
                *result.audit.differences,
                *result.errors,
                result.repeated_log_lines,
                f"left open {result.left_open}",
                sep="\n",
            )
            print(*(line for line in result.audit.lines if not line.agrees), sep="\n")
            print(f"kept in {folder}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
