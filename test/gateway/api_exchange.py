"""What is behind a local hummingbot-api: its database, with that server's habits, and an exchange of a few lines."""

import asyncio
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

CONNECTOR, PAIR, ACCOUNT = "extended_perpetual_local", "ETH-USD", "master_account"
BOOK = {"bids": [[2999.5, 1.5], [2998.0, 2.0]], "asks": [[3000.5, 1.0], [3002.0, 3.0]]}
RULE = {
    "min_order_size": 0.001,
    "max_order_size": 1e56,  # what Hummingbot has for "no limit"
    "min_price_increment": 0.1,
    "min_base_amount_increment": 0.001,
    "min_quote_amount_increment": 0.1,
    "min_notional_size": 1.0,
    "min_order_value": 0.0,
    "max_price_significant_digits": 1e56,
    "supports_limit_orders": True,
    "supports_market_orders": True,
    "buy_order_collateral_token": "USD",
    "sell_order_collateral_token": "USD",
}


class Database:
    """The rows of orders and trades, written as that server's recorder writes them on Hummingbot's events.

    A row comes with the Created event; a fill before it is lost; a failure before it leaves a row of unknowns.
    """

    def __init__(self, connector: str = CONNECTOR) -> None:
        self.connector = connector
        self.ahead_s = 0.0  # its clock, against the machine's
        self.knows_fees = True
        self.stands_since_s = 0.0  # how long ago the time was that its connectors were given last
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []

    def now(self) -> datetime:
        """The time by the server's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def created(self, order_id: str, **facts: Any) -> None:
        now = self.now().isoformat()
        self.orders[order_id] = {
            "order_id": order_id,
            "account_name": ACCOUNT,
            "connector_name": self.connector,
            **facts,
            "status": "OPEN",
            "filled_amount": 0.0,
            "average_fill_price": None,
            "fee_paid": None,
            "fee_currency": None,
            "created_at": now,
            "updated_at": now,
            "exchange_order_id": None,
            "error_message": None,
        }

    def filled(
        self, order_id: str, trade_id: str, amount: float, price: float, fee: float = 0.5, time_s: float | None = None
    ) -> None:
        """Record a fill with the time that its event carries; None: now, or when the connectors' time stood still."""
        order = self.orders.get(order_id)
        if order is None:
            return
        now = self.now() - timedelta(seconds=self.stands_since_s)
        order["filled_amount"] += amount
        order["status"] = "FILLED" if order["filled_amount"] >= order["amount"] else "PARTIALLY_FILLED"
        self.trades.append(
            {
                "trade_id": f"{order_id}_{trade_id}",
                "order_id": order_id,
                "account_name": ACCOUNT,
                "connector_name": self.connector,
                "trading_pair": order["trading_pair"],
                "trade_type": order["trade_type"],
                "amount": amount,
                "price": price,
                "fee_paid": fee if self.knows_fees else 0.0,
                "fee_currency": "USD" if self.knows_fees else None,
                "timestamp": (now if time_s is None else datetime.fromtimestamp(time_s, UTC)).isoformat(),
            }
        )

    def ended(self, order_id: str, status: str) -> None:
        if order_id in self.orders:
            self.orders[order_id] |= {"status": status, "updated_at": self.now().isoformat()}

    def failed(self, order_id: str, reason: str) -> None:
        if order_id not in self.orders:
            unknown = {"trading_pair": "UNKNOWN", "trade_type": "UNKNOWN", "order_type": "UNKNOWN"}
            self.created(order_id, **unknown, amount=0.0, price=None)
        self.orders[order_id] |= {"status": "FAILED", "error_message": reason, "updated_at": self.now().isoformat()}


class ApiExchange(Protocol):
    """What that server asks of a connector."""

    connector: str

    def place(self, order: Mapping[str, Any]) -> str:
        """Begin to place an order; return its id."""
        ...

    def cancel(self, order_id: str) -> None:
        """Begin to cancel an order in flight."""
        ...

    def in_flight(self) -> dict[str, dict[str, Any]]:
        """Return the orders in flight, as the server shows them."""
        ...

    async def book(self, pair: str) -> Mapping[str, list[list[float]]]:
        """Return [price, amount] rows. Raises LookupError for an unknown pair."""
        ...

    async def last_price(self, pair: str) -> float:
        """Return the last traded price."""
        ...

    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the trading rules by pair."""
        ...

    async def balances(self) -> list[dict[str, Any]]:
        """Return the tokens, refreshed."""
        ...

    async def positions(self) -> list[dict[str, Any]]:
        """Return the positions, refreshed."""
        ...


class FewLines:
    """An exchange of one pair that does what a test tells it."""

    connector = CONNECTOR

    def __init__(self, database: Database) -> None:
        self.database = database
        self.active: dict[str, dict[str, Any]] = {}
        self.held: list[dict[str, Any]] = []
        self.lose_fills = False
        self.rejects: str | None = None
        self.accept_after_s = 0.05
        self.cancels = True
        self._ids = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    # What a test tells it

    def fill(self, order_id: str, amount: float) -> None:
        """Fill an order; whether the database learns of it depends on `lose_fills`."""
        order = self.active[order_id]
        order["filled_amount"] += amount
        order["status"] = "PARTIALLY_FILLED"
        if order["filled_amount"] >= order["amount"]:
            del self.active[order_id]
        if not self.lose_fills:
            self.database.filled(order_id, f"t{next(self._ids)}", amount, order["price"] or 3000.0)

    def end(self, order_id: str, status: str) -> None:
        """End an order."""
        self.active.pop(order_id, None)
        self.database.ended(order_id, status)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # What the server asks

    def place(self, order: Mapping[str, Any]) -> str:
        order_id = f"hbot-{1000 - next(self._ids)}"  # ids that do not grow with time
        facts = {name: order[name] for name in ("trading_pair", "trade_type", "order_type")}
        facts |= {"amount": float(order["amount"]), "price": float(order["price"]) if order["price"] else None}
        now = self.database.now().isoformat()
        self.active[order_id] = {
            "order_id": order_id,
            "account_name": ACCOUNT,
            "connector_name": CONNECTOR,
            **facts,
            "status": "SUBMITTED",
            "filled_amount": 0,
            "average_fill_price": None,
            "fee_paid": None,
            "fee_currency": None,
            "created_at": now,
            "updated_at": now,
            "exchange_order_id": None,
            "error_message": None,
        }
        task = asyncio.create_task(self._accept(order_id, facts))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return order_id

    async def _accept(self, order_id: str, facts: Mapping[str, Any]) -> None:
        await asyncio.sleep(self.accept_after_s)
        if self.rejects is not None:
            del self.active[order_id]
            self.database.failed(order_id, self.rejects)
            return
        self.active[order_id]["status"] = "OPEN"
        self.database.created(order_id, **facts)
        if facts["order_type"] == "MARKET":
            self.fill(order_id, facts["amount"])

    def cancel(self, order_id: str) -> None:
        if self.cancels:
            self.end(order_id, "CANCELLED")
        else:
            self.active[order_id]["status"] = "PENDING_CANCEL"

    def in_flight(self) -> dict[str, dict[str, Any]]:
        return self.active

    async def book(self, pair: str) -> Mapping[str, list[list[float]]]:
        if pair != PAIR:
            raise LookupError(f"no book of {pair}")
        return BOOK

    async def last_price(self, pair: str) -> float:
        return 3000.0

    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        return {PAIR: RULE}

    async def balances(self) -> list[dict[str, Any]]:
        return [{"token": "USD", "units": 10000.25, "price": 1.0, "value": 10000.25, "available_units": 9000.5}]

    async def positions(self) -> list[dict[str, Any]]:
        return self.held
