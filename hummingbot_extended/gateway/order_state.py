"""What is known of an order, from messages that may come twice, late and in any order. Sans-I/O.

Hummingbot's events are not ordered: fills may come before Created, after Cancelled, even after a failure. So knowledge
only ever grows: whatever the order of the messages, the same messages end in the same state.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hummingbot_extended.gateway.enums import OrderStatus
from hummingbot_extended.gateway.protocol import decimal_of, plain

# What outweighs what. An order given up as failed may turn out cancelled, and a cancelled one filled to the end.
_RANKS = {
    OrderStatus.OPEN: 0,
    OrderStatus.PARTIALLY_FILLED: 1,
    OrderStatus.FAILED: 2,
    OrderStatus.CANCELLED: 3,
    OrderStatus.FILLED: 4,
}
MAX_CLOSED_ORDERS = 10_000


@dataclass(slots=True)
class OrderState:
    """The state of one order. `observe` and `fill` return whether they told anything new."""

    amount: Decimal | None = None
    reported: OrderStatus = OrderStatus.OPEN
    filled_reported: Decimal = Decimal(0)
    acknowledged: bool = False
    cancel_requested: bool = False
    triggered: bool = False
    fills: dict[str, Decimal] = field(default_factory=dict)

    @property
    def filled(self) -> Decimal:
        """The amount that was filled: what reports and distinct fills prove."""
        return max(self.filled_reported, sum(self.fills.values(), Decimal(0)))

    @property
    def status(self) -> OrderStatus:
        """Where the order is in its life."""
        if self.amount is not None and self.filled >= self.amount > 0:
            return OrderStatus.FILLED
        if self.reported is OrderStatus.OPEN and self.filled > 0:
            return OrderStatus.PARTIALLY_FILLED
        return self.reported

    def observe(
        self,
        status: OrderStatus,
        *,
        filled: Decimal = Decimal(0),
        amount: Decimal | None = None,
        acknowledged: bool = False,
        cancel_requested: bool = False,
        triggered: bool = False,
    ) -> bool:
        """Take in a report of the order."""
        before = self.key
        self.amount = amount if self.amount is None else self.amount
        if _RANKS[status] > _RANKS[self.reported]:
            self.reported = status
        self.filled_reported = max(self.filled_reported, filled)
        self.acknowledged |= acknowledged or status in (OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
        self.cancel_requested |= cancel_requested
        self.triggered |= triggered
        return self.key != before

    def fill(self, trade_id: str, amount: Decimal) -> bool:
        """Take in a fill; one that is known already is no news."""
        if trade_id in self.fills:
            return False
        self.fills[trade_id] = amount
        self.acknowledged = True
        return True

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two reports of an order the same."""
        return self.status, self.filled, self.acknowledged, self.cancel_requested, self.triggered


@dataclass(slots=True)
class _Heard:
    market: str
    state: OrderState = field(default_factory=OrderState)
    passed_on: tuple[Any, ...] | None = None  # the key of the report that was passed on last


class OrderLedger:
    """The orders a client has heard of: drops reports that say nothing new and fills it has already passed on.

    Keeps every open order and the `max_closed` that were closed last.
    """

    def __init__(self, max_closed: int = MAX_CLOSED_ORDERS) -> None:
        self._max_closed = max_closed
        self._open: dict[tuple[str, str], _Heard] = {}
        self._closed: OrderedDict[tuple[str, str], _Heard] = OrderedDict()

    def __repr__(self) -> str:
        return f"<OrderLedger {len(self._open)} open, {len(self._closed)} closed>"

    def open_orders(self) -> list[tuple[str, str, str]]:
        """Return (exchange, market, order id) of every order that is not closed."""
        return [(exchange, heard.market, order_id) for (exchange, order_id), heard in self._open.items()]

    def update(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the report to pass on, its status and filled amount never behind what is known; None for no news."""
        order_id, status = data.get("order_id"), data.get("status")
        if not order_id or not isinstance(status, str) or status not in OrderStatus:
            return dict(data)
        key = (str(data.get("exchange") or ""), str(order_id))
        heard = self._heard(key, data)
        state = heard.state
        state.observe(
            OrderStatus(status),
            filled=decimal_of(data.get("filled")) or Decimal(0),
            amount=decimal_of(data.get("amount")),
            acknowledged=bool(data.get("acknowledged", False)),
            cancel_requested=bool(data.get("cancel_requested", False)),
            triggered=data.get("trigger") == "triggered",
        )
        self._file(key, heard)
        if state.key == heard.passed_on:
            return None
        heard.passed_on = state.key
        return {**data, "status": state.status.value, "filled": plain(state.filled)}

    def fill(self, data: Mapping[str, Any]) -> bool:
        """Return whether an own fill is new. A fill without ids cannot be told from another, and counts as new."""
        order_id, trade_id = data.get("order_id"), data.get("trade_id")
        if not order_id or not trade_id:
            return True
        key = (str(data.get("exchange") or ""), str(order_id))
        heard = self._heard(key, data)
        is_news = heard.state.fill(str(trade_id), decimal_of(data.get("amount")) or Decimal(0))
        self._file(key, heard)
        return is_news

    def _heard(self, key: tuple[str, str], data: Mapping[str, Any]) -> _Heard:
        heard = self._closed.get(key) or self._open.get(key)
        if heard is None:
            heard = self._open[key] = _Heard(str(data.get("symbol") or data.get("market") or ""))
        return heard

    def _file(self, key: tuple[str, str], heard: _Heard) -> None:
        if heard.state.status.is_closed and key in self._open:
            self._closed[key] = self._open.pop(key)
            if len(self._closed) > self._max_closed:
                self._closed.popitem(last=False)
