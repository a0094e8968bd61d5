"""Strategies of Hummingbot, old and new, trade on the venue over both transports, in processes of their own.

Each run ends with an audit: Hummingbot's database and the venue's ledger must agree by id on everything.
"""

import os
import re
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from hummingbot_extended.demo.books import read_database
from hummingbot_extended.demo.runner import CONNECTOR, account_ledger, audit_account, prepare_hummingbot
from hummingbot_extended.demo.venue_process import VenueProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PATIENCE_S = 150.0
FILLS = 4
GAP_S = float(os.environ.get("E2E_GAP_S", "8"))  # without a book; the long trials use 30
NOTICE_S = 1.0  # for orders that were on their way when the book broke

V1_MARKET_MAKING: Mapping[str, object] = {
    "template_version": 6,
    "strategy": "perpetual_market_making",
    "derivative": CONNECTOR,
    "market": "ETH-USD",
    "leverage": 5,
    "position_mode": "One-way",
    "bid_spread": 0.02,
    "ask_spread": 0.02,
    "minimum_spread": -100,
    "order_refresh_time": 2,
    "order_refresh_tolerance_pct": 0,
    "order_amount": 0.05,
    "long_profit_taking_spread": 0.01,
    "short_profit_taking_spread": 0.01,
    "stop_loss_spread": 5,
    "time_between_stop_loss_orders": 60,
    "stop_loss_slippage_buffer": 0.5,
    "price_ceiling": -1,
    "price_floor": -1,
    "order_levels": 1,
    "order_level_amount": 0,
    "order_level_spread": 1,
    "filled_order_delay": 1,
    "order_optimization_enabled": False,
    "ask_order_optimization_depth": 0,
    "bid_order_optimization_depth": 0,
    "price_source": "current_market",
    "price_type": "mid_price",
    "order_override": None,
}
V2_CONTROLLER: Mapping[str, object] = {
    "id": "e2e",
    "controller_name": "extended_perpetual_market_making",
    "controller_type": "market_making",
    "connector_name": CONNECTOR,
    "trading_pair": "BTC-USD",
    "total_amount_quote": 600,
    "buy_spreads": "0.0001,0.0003",
    "sell_spreads": "0.0001,0.0003",
    "executor_refresh_time": 3,
    "cooldown_time": 1,
    "leverage": 5,
    "position_mode": "ONEWAY",
    "take_profit": 0.0002,
    "stop_loss": 0.01,
    "time_limit": 8,
}
STRATEGIES = {
    "v1": ("strategies/conf_perpetual_market_making.yml", V1_MARKET_MAKING, "conf_perpetual_market_making"),
    "v2": ("controllers/conf_controller.yml", V2_CONTROLLER, "conf_controller"),
}


def set_connector_field(root: Path, name: str, value: object) -> None:
    """Change one setting of the connected connector, as a user edits the file."""
    path = root / f"conf/connectors/{CONNECTOR}.yml"
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**content, name: value}, sort_keys=False))


def orders_opened_without_a_book(venue: VenueProcess) -> int:
    """Take the book away for GAP_S, and return how many orders were placed while it was away."""
    refusal = {"kind": "server_error", "path": "*/orderbooks/*", "value": 503, "duration_s": GAP_S}
    venue.post("/practice/faults", refusal)
    venue.post("/practice/faults", {"kind": "cut", "path": "*/orderbooks/*", "count": 1})
    deadline_s = time.monotonic() + GAP_S
    time.sleep(NOTICE_S)
    before = len(account_ledger(venue)["orders"])
    time.sleep(deadline_s - time.monotonic())
    return len(account_ledger(venue)["orders"]) - before


def wait_for_fills(venue: VenueProcess, count: int) -> None:
    """Wait until the account has so many fills, or patience ends."""
    deadline_s = time.monotonic() + PATIENCE_S
    while len(account_ledger(venue)["trades"]) < count and time.monotonic() < deadline_s:
        time.sleep(0.5)


@pytest.mark.parametrize("transport", ["websocket", "sse"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_strategy_trades_and_the_books_agree(strategy: str, transport: str, tmp_path: Path) -> None:
    """A V1 strategy and a V2 controller get fills on each transport; afterwards both sides' books are equal."""
    conf, content, name = STRATEGIES[strategy]
    with VenueProcess("--funding-interval", "24h", "--seed", "11", log=tmp_path / "venue.log") as venue:
        hbot = prepare_hummingbot(tmp_path / "root", venue, step=lambda _: None)
        set_connector_field(hbot.workspace.root, "transport", transport)
        hbot.workspace.write_conf(conf, content)
        start_balance = Decimal(account_ledger(venue)["balance"]["balance"])
        hbot.start(Path(conf).name)
        try:
            wait_for_fills(venue, FILLS)
            opened_blind = orders_opened_without_a_book(venue)
            fills_before = len(account_ledger(venue)["trades"])
            wait_for_fills(venue, fills_before + 1)
            went_on = len(account_ledger(venue)["trades"]) > fills_before
            streams = venue.get("/practice/stats")["openedByPath"]
        finally:
            hbot.stop()
        (database,) = (hbot.workspace.root / "data").glob(f"*{name}*.sqlite")
        account = account_ledger(venue)
        result = audit_account(read_database(database), account, start_balance)
    assert fills_before >= FILLS, hbot.log_text()[-3000:]
    assert opened_blind == 0, "orders were placed while there was no book"
    assert went_on, "the strategy did not go on after the gap"
    assert result.agrees, result
    assert not [order for order in account["orders"] if order["status"] in ("NEW", "PARTIALLY_FILLED")]
    assert streams, "the venue saw no stream"
    # A position executor logs a refused order (post-only that would cross, no book) as an error, and tries again.
    errors = [line for line in re.findall(r" - ERROR - .*", hbot.log_text()) if "order failed" not in line]
    assert not errors
