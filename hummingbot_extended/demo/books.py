"""What two sides recorded of the same trading: Hummingbot's database and the venue's ledger, in one form.

All amounts are exact: base amounts, quote prices and fees as Decimal, times as epoch milliseconds.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

ZERO = Decimal(0)
SQLITE_SCALE = Decimal(10) ** 6  # Hummingbot's SqliteDecimal(6) keeps money as integers of a millionth
FUNDING_STEP = Decimal(10) ** -6  # the exchange states funding payments in millionths of a dollar


@dataclass(frozen=True, slots=True)
class Fill:
    """One fill of one of our orders: `amount` in base, `price` in quote, `fee` in quote (positive: paid)."""

    trade_id: str
    order_id: str
    trading_pair: str
    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal

    @property
    def signed_amount(self) -> Decimal:
        """The change of the position in base asset."""
        return self.amount if self.side == "BUY" else -self.amount


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """One order by its exchange id; `amount` in base, `price` in quote."""

    order_id: str
    client_order_id: str
    price: Decimal
    amount: Decimal
    state: str


@dataclass(frozen=True, slots=True)
class Books:
    """Orders, fills and funding of one account, as one side recorded them."""

    orders: Mapping[str, PlacedOrder]
    fills: Mapping[str, Fill]
    funding: tuple[Decimal, ...] = field(default=())
    failed_orders: int = 0

    @property
    def fees(self) -> Decimal:
        """All fees in quote."""
        return sum((fill.fee for fill in self.fills.values()), ZERO)

    @property
    def volume(self) -> Decimal:
        """The value of all fills in quote."""
        return sum((fill.amount * fill.price for fill in self.fills.values()), ZERO)

    @property
    def funding_total(self) -> Decimal:
        """All funding in quote: positive received, negative paid."""
        return sum(self.funding, ZERO)

    def position(self, trading_pair: str) -> Decimal:
        """The position in base asset that the fills add up to."""
        return sum((f.signed_amount for f in self.fills.values() if f.trading_pair == trading_pair), ZERO)

    def pnl(self, mark_prices: Mapping[str, Decimal]) -> Decimal:
        """Profit in quote after fees and funding, open positions at the mark price."""
        cash = sum((-fill.signed_amount * fill.price for fill in self.fills.values()), ZERO)
        held = sum((self.position(pair) * mark for pair, mark in mark_prices.items()), ZERO)
        return cash + held - self.fees + self.funding_total


def _by_order(orders: Iterable[PlacedOrder]) -> dict[str, PlacedOrder]:
    return {order.order_id: order for order in orders}


def _by_trade(fills: Iterable[Fill]) -> dict[str, Fill]:
    return {fill.trade_id: fill for fill in fills}


def read_database(path: Path) -> Books:
    """Read a Hummingbot trades database (SQLite), read-only.

    Raises sqlite3.Error when it is not one.
    """
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        orders = [dict(row) for row in connection.execute('SELECT * FROM "Order"')]
        fills = [dict(row) for row in connection.execute("SELECT * FROM TradeFill")]
        funding = [row["amount"] for row in connection.execute("SELECT amount FROM FundingPayment ORDER BY timestamp")]
    exchange_ids = {order["id"]: str(order["exchange_order_id"]) for order in orders}
    placed = [_order_of_database(row) for row in orders if row["exchange_order_id"]]
    return Books(
        orders=_by_order(placed),
        fills=_by_trade(_fill_of_database(row, exchange_ids) for row in fills),
        # The column is a float; what was written into it had six decimals, so nothing was lost.
        funding=tuple(Decimal(repr(amount)).quantize(FUNDING_STEP) for amount in funding),
        failed_orders=len(orders) - len(placed),
    )


def _order_of_database(row: Mapping[str, Any]) -> PlacedOrder:
    return PlacedOrder(
        order_id=str(row["exchange_order_id"]),
        client_order_id=row["id"],
        price=Decimal(row["price"]) / SQLITE_SCALE,
        amount=Decimal(row["amount"]) / SQLITE_SCALE,
        state=row["last_status"],
    )


def _fill_of_database(row: Mapping[str, Any], exchange_ids: Mapping[str, str]) -> Fill:
    fee = json.loads(row["trade_fee"]) if isinstance(row["trade_fee"], str) else row["trade_fee"]
    return Fill(
        trade_id=str(row["exchange_trade_id"]),
        order_id=exchange_ids.get(row["order_id"], row["order_id"]),
        trading_pair=row["symbol"],
        side=row["trade_type"],
        price=Decimal(row["price"]) / SQLITE_SCALE,
        amount=Decimal(row["amount"]) / SQLITE_SCALE,
        fee=sum((Decimal(str(flat["amount"])) for flat in fee.get("flat_fees", [])), ZERO),
    )


def read_ledger(account: Mapping[str, Any]) -> Books:
    """Read one account of the venue's ledger (`GET /practice/ledger`)."""
    return Books(
        orders=_by_order(
            PlacedOrder(
                order_id=str(order["id"]),
                client_order_id=order["externalId"],
                price=Decimal(order["price"]),
                amount=Decimal(order["qty"]),
                state=order["status"],
            )
            for order in account["orders"]
        ),
        fills=_by_trade(
            Fill(
                trade_id=str(trade["id"]),
                order_id=str(trade["orderId"]),
                trading_pair=trade["market"],
                side=trade["side"],
                price=Decimal(trade["price"]),
                amount=Decimal(trade["qty"]),
                fee=Decimal(trade["fee"]),
            )
            for trade in account["trades"]
        ),
        funding=tuple(Decimal(payment["fundingFee"]) for payment in account["fundingPayments"]),
    )
