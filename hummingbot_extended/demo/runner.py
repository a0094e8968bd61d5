"""The steps of the demo, from an empty folder to the audited report."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from hummingbot_extended.demo.audit import Audit, audit
from hummingbot_extended.demo.books import Books, read_database, read_ledger
from hummingbot_extended.demo.hbot import Hbot
from hummingbot_extended.demo.hub_process import HubProcess
from hummingbot_extended.demo.venue_process import VenueProcess
from hummingbot_extended.demo.workspace import Workspace
from hummingbot_extended.errors import SettingsError

CONNECTOR = "extended_perpetual_local"
TRADING_PAIR = "BTC-USD"
CONFIGURATION = "conf_demo_market_maker.yml"
LEDGER = "ledger.json"
FUNDING_AT = (0.25, 0.5)  # shares of the run; the bot has the rest of it to learn of the payment
STRATEGY: Mapping[str, object] = {
    "script_file_name": "extended_market_maker.py",
    "controllers_config": [],
    "connector_name": CONNECTOR,
    "trading_pair": TRADING_PAIR,
    "order_amount": 0.002,
    "bid_spread": 0.0001,
    "ask_spread": 0.0001,
    "max_position": 0.02,
    "inventory_skew": 0.8,
    "order_refresh_time_s": 1,
    "price_tolerance": 0.00002,
    "leverage": 10,
}


@dataclass(frozen=True, slots=True)
class Moment:
    """What the live line shows. Prices and profit in quote, position in base, latency in ms (None: not told)."""

    elapsed_s: float
    mid: Decimal | None
    spread: Decimal | None
    open_orders: int
    position: Decimal
    fills: int
    pnl: Decimal
    latency_ms: float | None


class Demo:
    """One run of the demo in `root`.

    `step` is told what happens, `tell` what else a person wants to know, `show` each second what the bot does.
    """

    def __init__(
        self,
        root: Path,
        *,
        seconds: float,
        book: Path | None,
        step: Callable[[str], None],
        tell: Callable[[str], None],
        show: Callable[[Moment], None],
    ) -> None:
        self.root = root
        self.seconds = seconds
        self._book = book
        self._step = step
        self._tell = tell
        self._show = show

    def run(self) -> Audit:
        """Run every step and return the audit. Whatever happens, the bot and the venue are ended."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        # The demo has funding paid while it watches, so that none falls due between the bot's stop and the audit.
        options = ["--funding-interval", "24h", "--seed", "7"]
        if self._book:
            options += ["--book", str(self._book)]
        self._step("Starting the practice venue" + (f" with the book of {self._book.name}" if self._book else ""))
        with VenueProcess(*options, log=self.root / "venue.log") as venue:
            hbot = prepare_hummingbot(self.root / "hummingbot-root", venue, self._step)
            hbot.workspace.write_conf(f"scripts/{CONFIGURATION}", STRATEGY)
            start_balance = Decimal(account_ledger(venue)["balance"]["balance"])
            with self._page(venue), self._running(hbot):
                self._watch(venue, hbot, start_balance)
            self._keep_ledger(venue, start_balance)
        self._step("Comparing Hummingbot's database with the venue's ledger")
        return audit_run(self.root)

    @contextmanager
    def _page(self, venue: VenueProcess) -> Iterator[None]:
        self._step("Starting the hub beside it: the market, the bot's orders and its fills on a page")
        with HubProcess(venue, TRADING_PAIR, log=self.root / "hub.log") as hub:
            self._tell(f"Open {hub.page_url} (the link works once)")
            yield

    @contextmanager
    def _running(self, hbot: Hbot) -> Iterator[None]:
        self._step(f"hbot start {CONFIGURATION}")
        try:
            hbot.start(CONFIGURATION)
            yield
        finally:
            if hbot.pid is not None:
                self._step("hbot stop")
                hbot.stop()

    def _watch(self, venue: VenueProcess, hbot: Hbot, start_balance: Decimal) -> None:
        self._step(f"Trading for {self.seconds:g} s")
        begin_s = time.monotonic()
        funding_due_s = [self.seconds * share for share in FUNDING_AT]
        while (elapsed_s := time.monotonic() - begin_s) < self.seconds:
            moment = self._moment(elapsed_s, venue, hbot, start_balance)
            self._show(moment)
            if funding_due_s and elapsed_s >= funding_due_s[0] and moment.position:
                venue.post("/practice/funding", {})
                funding_due_s.pop(0)
            time.sleep(max(0.0, min(1.0, self.seconds - elapsed_s)))

    def _moment(self, elapsed_s: float, venue: VenueProcess, hbot: Hbot, start_balance: Decimal) -> Moment:
        account = account_ledger(venue)
        book = venue.get(f"/api/v1/info/markets/{TRADING_PAIR}/orderbook")
        bid, ask = (Decimal(book[side][0]["price"]) if book[side] else None for side in ("bid", "ask"))
        told = re.search(r"latency ([\d.]+) ms", str(hbot.status(wait_s=1.0).get("format_status") or ""))
        return Moment(
            elapsed_s=elapsed_s,
            mid=(bid + ask) / 2 if bid and ask else None,
            spread=ask - bid if bid and ask else None,
            open_orders=sum(order["status"] in ("NEW", "PARTIALLY_FILLED") for order in account["orders"]),
            position=sum((_signed_size(position) for position in account["positions"]), Decimal(0)),
            fills=len(account["trades"]),
            pnl=Decimal(account["balance"]["equity"]) - start_balance,
            latency_ms=float(told[1]) if told else None,
        )

    def _keep_ledger(self, venue: VenueProcess, start_balance: Decimal) -> None:
        kept = {"startBalance": str(start_balance), "account": account_ledger(venue)}
        (self.root / LEDGER).write_text(json.dumps(kept, indent=1))


def prepare_hummingbot(root: Path, venue: VenueProcess, step: Callable[[str], None]) -> Hbot:
    """Make a private Hummingbot in `root`, add the connector and connect it to the venue, as a user would."""
    step("Preparing an unmodified Hummingbot in a folder of its own")
    workspace = Workspace(root)
    workspace.create()
    hbot = Hbot(workspace, EXTENDED_PERPETUAL_LOCAL_URL=venue.origin)
    step("Adding the connector: hummingbot-extended install")
    hbot.run_ours("install", "--hummingbot-dir", str(root))
    step(f"hbot connect {CONNECTOR}")
    keys = {
        f"{CONNECTOR}_api_key": venue.facts["api_key"],
        f"{CONNECTOR}_stark_private_key": venue.facts["stark_private_key"],
    }
    hbot.connect(CONNECTOR, keys)
    return hbot


def account_ledger(venue: VenueProcess) -> Mapping[str, Any]:
    """Return what the venue holds of the trader's account (`GET /practice/ledger`)."""
    accounts = venue.get("/practice/ledger")["accounts"]
    return next(account for account in accounts if str(account["vault"]) == str(venue.facts["vault"]))


def audit_run(root: Path) -> Audit:
    """Audit a finished run again, from the database and the ledger kept in its folder.

    Raises SettingsError when there is no finished run.
    """
    database = root / "hummingbot-root/data" / f"{Path(CONFIGURATION).stem}.sqlite"
    if not (root / LEDGER).exists() or not database.exists():
        raise SettingsError(f"there is no finished run in {root}")
    kept = json.loads((root / LEDGER).read_text())
    return audit_account(read_database(database), kept["account"], Decimal(kept["startBalance"]))


def audit_account(hummingbot: Books, account: Mapping[str, Any], start_balance: Decimal) -> Audit:
    """Compare Hummingbot's books with an account of the venue's ledger that began with `start_balance` (quote)."""
    # A market without a position needs no mark price: nothing is valued at it.
    marks = {order["market"]: Decimal(0) for order in account["orders"]}
    marks |= {position["market"]: Decimal(position["markPrice"]) for position in account["positions"]}
    pnl = Decimal(account["balance"]["equity"]) - start_balance
    return audit(hummingbot, read_ledger(account), marks, pnl)


def _signed_size(position: Mapping[str, Any]) -> Decimal:
    return Decimal(position["size"]) if position["side"] == "LONG" else -Decimal(position["size"])
