"""From Hummingbot's events to the registry: order by order, fill by fill, for every connector."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hummingbot.core.data_type.common import OrderType as HummingbotOrderType
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder, OrderState
from hummingbot.core.data_type.trade_fee import TradeFeeBase
from hummingbot.core.event.event_forwarder import SourceInfoEventForwarder
from hummingbot.core.event.events import (
    AccountEvent,
    BalanceUpdateEvent,
    MarketEvent,
    OrderFilledEvent,
    PositionUpdateEvent,
)

from hummingbot_extended.bridge.exchanges import Exchange
from hummingbot_extended.bridge.failures import classify
from hummingbot_extended.bridge.registry import ARMED, ON_EXCHANGE, OrderRecord, Registry
from hummingbot_extended.gateway.enums import OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.protocol import plain

logger = logging.getLogger(__name__)

type Tell = Callable[[str, str | None, str | None, Mapping[str, Any]], None]
type TellFill = Callable[[OrderRecord, str, Mapping[str, Any]], None]

_TYPES = {
    HummingbotOrderType.LIMIT: OrderType.LIMIT,
    HummingbotOrderType.LIMIT_MAKER: OrderType.LIMIT,
    HummingbotOrderType.MARKET: OrderType.MARKET,
}
_STATES = {
    OrderState.PARTIALLY_FILLED: OrderStatus.PARTIALLY_FILLED,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.COMPLETED: OrderStatus.FILLED,
    OrderState.CANCELED: OrderStatus.CANCELLED,
    OrderState.FAILED: OrderStatus.FAILED,
}


class HummingbotEvents:
    """Listens to one connector. `tell(event type, exchange, market, data)` and the other two go out to clients.

    Hummingbot keeps listeners by weak reference and calls them in the event loop: the forwarders live here, and
    nothing waits. Events may come in any order; the registry sorts them out.
    """

    def __init__(
        self,
        exchange: Exchange,
        registry: Registry,
        tell: Tell,
        tell_fill: TellFill,
        tell_failure: Callable[[OrderRecord], None],
    ) -> None:
        self._exchange = exchange
        self._registry = registry
        self._tell = tell
        self._tell_fill = tell_fill
        self._tell_failure = tell_failure
        handlers: Mapping[Any, Callable[[Any], None]] = {
            MarketEvent.BuyOrderCreated: self._created,
            MarketEvent.SellOrderCreated: self._created,
            MarketEvent.OrderFilled: self._filled,
            MarketEvent.BuyOrderCompleted: self._completed,
            MarketEvent.SellOrderCompleted: self._completed,
            MarketEvent.OrderCancelled: self._cancelled,
            MarketEvent.OrderExpired: self._expired,
            MarketEvent.OrderFailure: self._failed,
            MarketEvent.FundingPaymentCompleted: self._funding,
            AccountEvent.PositionModeChangeSucceeded: self._mode_changed,
            AccountEvent.PositionModeChangeFailed: self._mode_failed,
            AccountEvent.BalanceEvent: self._balance,
            AccountEvent.PositionUpdate: self._position,
            AccountEvent.MarginCall: self._margin_call,
            AccountEvent.LiquidationEvent: self._liquidated,
        }
        self._forwarders = [
            (tag, SourceInfoEventForwarder(self._guarded(handler))) for tag, handler in handlers.items()
        ]

    def start(self) -> None:
        """Start listening."""
        for tag, forwarder in self._forwarders:
            self._exchange.connector.add_listener(tag, forwarder)

    def is_of(self, exchange: Exchange) -> bool:
        """Whether this is the connector it listens to; Hummingbot may put another in the place of a name."""
        return self._exchange.connector is exchange.connector

    def take_in(self, order: InFlightOrder) -> None:
        """Take in an order that Hummingbot tracks and that nobody here has heard of."""
        if self._find(order.client_order_id) is None and (record := self._add_in_flight(order.client_order_id)):
            self.catch_up(record)
            self._registry.tell(record)

    def stop(self) -> None:
        """Stop listening."""
        for tag, forwarder in self._forwarders:
            self._exchange.connector.remove_listener(tag, forwarder)

    def catch_up(self, record: OrderRecord) -> bool:
        """Take in what Hummingbot knows of an order and nobody was here to hear; False when it knows nothing."""
        order = self._exchange.in_flight(record.connector_id)
        if order is None:
            return False
        record.exchange_order_id = record.exchange_order_id or order.exchange_order_id
        for trade in order.order_fills.values():
            self._take_fill(
                record,
                trade.trade_id,
                trade.fill_base_amount,
                trade.fill_price,
                trade.fee,
                _time(trade.fill_timestamp),
            )
        self._observe(
            record,
            _STATES.get(order.current_state, OrderStatus.OPEN),
            filled=order.executed_amount_base,
            acknowledged=order.exchange_order_id is not None and self._is_acknowledged(record),
        )
        return True

    def _guarded(self, handler: Callable[[Any], None]) -> Callable[[Any, Any, Any], None]:
        def forward(_tag: Any, _source: Any, event: Any) -> None:
            try:
                handler(event)
            except Exception:  # a defect here must stop neither connector nor other listeners; clients are to know
                logger.exception("The bridge failed on Hummingbot's event %r", event)
                message = f"the bridge missed an event of {self._exchange.name}; ask for your orders, its log says more"
                self._tell("error", self._exchange.name, None, {"kind": "bridge", "message": message})

        return forward

    # Orders

    def _created(self, event: Any) -> None:
        side = OrderSide.BUY if type(event).__name__.startswith("Buy") else OrderSide.SELL
        known = self._find(event.order_id)
        record = known or self._add(event.order_id, event.trading_pair, side, event.type, event.amount, event.price)
        record.exchange_order_id = record.exchange_order_id or event.exchange_order_id
        acknowledged = self._is_acknowledged(record)
        is_told = self._registry.observe(record, OrderStatus.OPEN, amount=event.amount, acknowledged=acknowledged)
        if known is None and not is_told:
            self._registry.tell(record)

    def _is_acknowledged(self, record: OrderRecord) -> bool:
        """Whether the exchange has accepted an order that Hummingbot calls created; ours knows the difference."""
        told_by = self._exchange.told_by
        return told_by is None or told_by.acknowledged(record.connector_id)

    def _filled(self, event: OrderFilledEvent) -> None:
        record = self._find(event.order_id) or self._add_in_flight(event.order_id, told_now=event.exchange_trade_id)
        if record is None:  # a liquidation, or a fill of an order that Hummingbot has forgotten
            side = OrderSide.BUY if event.trade_type is TradeType.BUY else OrderSide.SELL
            record = self._add(event.order_id, event.trading_pair, side, event.order_type, event.amount, event.price)
        record.exchange_order_id = record.exchange_order_id or event.exchange_order_id or None
        trade_id = event.exchange_trade_id or f"{event.order_id}-{len(record.state.fills)}"
        order = self._exchange.in_flight(event.order_id)
        trade = order.order_fills.get(trade_id) if order else None
        # Hummingbot stamps its events with its clock's last tick; the exchange's own time is better.
        at_s = _time(trade.fill_timestamp if trade else event.timestamp)
        self._take_fill(record, trade_id, event.amount, event.price, event.trade_fee, at_s)

    def _take_fill(
        self, record: OrderRecord, trade_id: str, amount: Decimal, price: Decimal, fee: TradeFeeBase, at_s: float
    ) -> None:
        if not self._registry.fill(record, trade_id, amount, price):
            return
        fill = {
            "trade_id": trade_id,
            "order_id": record.order_id,
            "client_ref": record.client_ref,
            "exchange_order_id": record.exchange_order_id,
            "own": True,
            "symbol": record.market,
            "exchange": self._exchange.name,
            "price": plain(price),
            "amount": plain(amount),
            "side": record.side.value,
            "fees": _fees(fee, price * amount),
            "timestamp": at_s,
        }
        self._tell_fill(record, trade_id, fill)
        self._registry.tell(record)

    def _completed(self, event: Any) -> None:
        if record := self._find(event.order_id):
            # Hummingbot gives up waiting for fills after some seconds; the amount is then what it has seen.
            self._observe(record, OrderStatus.FILLED, filled=event.base_asset_amount)

    def _cancelled(self, event: Any) -> None:
        if record := self._find(event.order_id) or self._add_in_flight(event.order_id):
            self._observe(record, OrderStatus.CANCELLED)

    def _expired(self, event: Any) -> None:
        if record := self._find(event.order_id) or self._add_in_flight(event.order_id):
            record.reason = "expired"
            if record.is_closed:
                self._registry.tell(record)
            self._observe(record, OrderStatus.CANCELLED)

    def _failed(self, event: Any) -> None:
        if not (record := self._find(event.order_id) or self._add_in_flight(event.order_id)):
            return
        if record.is_closed:
            return  # how it ended is known better
        record.error_code, record.reason = classify(event.error_type, event.error_message)
        self._observe(record, OrderStatus.FAILED)
        self._tell_failure(record)

    def _observe(self, record: OrderRecord, status: OrderStatus, **facts: Any) -> None:
        """Take in a report; of a stop order that met its price and ended at once, its trigger first."""
        is_armed = record.trigger == ARMED and record.held_by == ON_EXCHANGE
        if is_armed and self._exchange.was_triggered(record.connector_id):
            self._registry.triggered(record)
        self._registry.observe(record, status, **facts)

    def _find(self, order_id: str) -> OrderRecord | None:
        return self._registry.find(self._exchange.name, order_id)

    def _add_in_flight(self, order_id: str, told_now: str | None = None) -> OrderRecord | None:
        """Take in an order that somebody else created and that this bridge has not seen created.

        Fills before the bridge was there, all but the one that is `told_now`, count as filled and are not told.
        """
        order: InFlightOrder | None = self._exchange.in_flight(order_id)
        if order is None:
            return None
        side = OrderSide.BUY if order.trade_type is TradeType.BUY else OrderSide.SELL
        record = self._add(order_id, order.trading_pair, side, order.order_type, order.amount, order.price)
        record.exchange_order_id = order.exchange_order_id
        for trade in order.order_fills.values():
            if trade.trade_id != told_now:
                self._registry.fill(record, trade.trade_id, trade.fill_base_amount, trade.fill_price)
        return record

    def _add(
        self, order_id: str, market: str, side: OrderSide, order_type: Any, amount: Decimal, price: Decimal | None
    ) -> OrderRecord:
        record = OrderRecord(
            exchange=self._exchange.name,
            market=market,
            order_id=order_id,
            side=side,
            order_type=_TYPES.get(order_type, OrderType.LIMIT),
            amount=amount,
            price=price if price is not None and price.is_finite() else None,
            post_only=order_type is HummingbotOrderType.LIMIT_MAKER,
        )
        self._registry.add(record)
        return record

    # Account

    def _funding(self, event: Any) -> None:
        data = {
            "symbol": event.trading_pair,
            "amount": plain(event.amount),
            "funding_rate": plain(event.funding_rate),
            "timestamp": _time(event.timestamp),
        }
        self._inform(
            "funding_payment", event.trading_pair, data, f"funding of {data['amount']} on {event.trading_pair}"
        )

    def _mode_changed(self, event: Any) -> None:
        mode = event.position_mode.name
        self._inform("position_mode", event.trading_pair, {"mode": mode}, f"position mode is {mode} now")

    def _mode_failed(self, event: Any) -> None:
        data = {"mode": event.position_mode.name, "message": event.message or "the position mode was not changed"}
        self._tell("error", self._exchange.name, event.trading_pair, {"kind": "position_mode", **data})

    def _balance(self, event: BalanceUpdateEvent) -> None:
        data = {"asset": event.asset_name, "total": _text(event.total_balance)}
        data["available"] = _text(event.available_balance)
        self._inform("balance", None, data, f"{event.asset_name}: {data['total']}")

    def _position(self, event: PositionUpdateEvent) -> None:
        numbers = ("amount", "entry_price", "unrealized_pnl", "leverage")
        data = {"symbol": event.trading_pair, **{name: _text(getattr(event, name)) for name in numbers}}
        self._inform("position", event.trading_pair, data, f"{event.trading_pair}: {data['amount']}")

    def _margin_call(self, event: Any) -> None:
        self._inform("margin_call", None, {}, "margin call")

    def _liquidated(self, event: Any) -> None:
        message = f"{self._exchange.name}: a position is being liquidated"
        self._tell("error", self._exchange.name, None, {"kind": "liquidation", "message": message})

    def _inform(self, kind: str, market: str | None, data: Mapping[str, Any], message: str) -> None:
        self._tell("info", self._exchange.name, market, {"kind": kind, "message": message, **data})


def _text(number: Decimal | None) -> str | None:
    return None if number is None or not number.is_finite() else plain(number)


def _time(timestamp: float) -> float:
    """Return a time in epoch seconds; Hummingbot's is NaN before its clock runs, and in ms for funding payments."""
    if timestamp is None or math.isnan(timestamp):
        return time.time()
    return timestamp / 1e3 if timestamp > 1e11 else timestamp


def _fees(fee: TradeFeeBase, notional: Decimal) -> list[dict[str, str]]:
    fees = [{"asset": flat.token, "amount": plain(flat.amount)} for flat in fee.flat_fees]
    if fee.percent:
        fees.append({"asset": fee.percent_token or "", "amount": plain(fee.percent * notional)})
    return fees
