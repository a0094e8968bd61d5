"""A real connector as hummingbot-api drives it: without a clock, without pairs, started piece by piece."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.utils.async_utils import safe_ensure_future

from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
from test.connector.running import Stage
from test.gateway.api_exchange import ACCOUNT, Database
from test.gateway.api_server import HummingbotApi, served
from test.until import until

STANDS_SINCE_S = 300.0  # it gives a connector the time once in five minutes
_STATES = {
    OrderState.OPEN: "OPEN",
    OrderState.PENDING_CANCEL: "PENDING_CANCEL",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
}


class ConnectorExchange:
    """The connector under a local hummingbot-api; what it tells goes into the database."""

    def __init__(self, connector: ExtendedPerpetualDerivative, database: Database) -> None:
        self.connector_ = connector
        self.connector = connector.name
        self._database = database
        handlers = {
            MarketEvent.BuyOrderCreated: lambda event: self._created(event, "BUY"),
            MarketEvent.SellOrderCreated: lambda event: self._created(event, "SELL"),
            MarketEvent.OrderFilled: self._filled,
            MarketEvent.OrderCancelled: lambda event: database.ended(event.order_id, "CANCELLED"),
            MarketEvent.OrderFailure: lambda event: database.failed(
                event.order_id, event.error_message or "Order failed"
            ),
            MarketEvent.BuyOrderCompleted: lambda event: database.ended(event.order_id, "FILLED"),
            MarketEvent.SellOrderCompleted: lambda event: database.ended(event.order_id, "FILLED"),
        }
        self._forwarders = [(tag, EventForwarder(handler)) for tag, handler in handlers.items()]

    async def start(self) -> None:
        connector = self.connector_
        await connector._initialize_trading_pair_symbol_map()
        await connector._update_trading_rules()
        await connector._update_balances()
        await connector._update_positions()
        connector._set_current_timestamp(time.time() - STANDS_SINCE_S)
        for tag, forwarder in self._forwarders:
            connector.add_listener(tag, forwarder)
        await connector.stop_network()
        connector._trading_rules_polling_task = safe_ensure_future(connector._trading_rules_polling_loop())
        connector._trading_fees_polling_task = safe_ensure_future(connector._trading_fees_polling_loop())
        connector._user_stream_tracker_task = connector._create_user_stream_tracker_task()
        connector._user_stream_event_listener_task = safe_ensure_future(connector._user_stream_event_listener())
        connector._lost_orders_update_task = safe_ensure_future(connector._lost_orders_update_polling_loop())
        await until(lambda: connector._user_stream.is_live)

    async def stop(self) -> None:
        await self.connector_.stop_network()

    def place(self, order: Mapping[str, Any]) -> str:
        connector, pair = self.connector_, order["trading_pair"]
        act = connector.buy if order["trade_type"] == "BUY" else connector.sell
        return act(
            trading_pair=pair,
            amount=connector.quantize_order_amount(pair, Decimal(order["amount"])),
            order_type=OrderType[order["order_type"]],
            price=Decimal(order["price"] or 1),
            position_action=PositionAction[order["position_action"]],
        )

    def cancel(self, order_id: str) -> None:
        self.connector_.cancel(trading_pair="NA", client_order_id=order_id)

    def in_flight(self) -> dict[str, dict[str, Any]]:
        return {
            order_id: {
                "order_id": order_id,
                "account_name": ACCOUNT,
                "connector_name": self.connector,
                "trading_pair": order.trading_pair,
                "trade_type": order.trade_type.name,
                "order_type": order.order_type.name,
                "amount": float(order.amount),
                "price": float(order.price) if order.price.is_finite() else None,
                "status": _STATES.get(order.current_state, "SUBMITTED"),
                "filled_amount": float(order.executed_amount_base),
                "average_fill_price": None,
                "fee_paid": None,
                "fee_currency": None,
                # NaN, as an order has it without a clock, would fail here as it does there.
                "created_at": datetime.fromtimestamp(order.creation_timestamp, UTC).isoformat(),
                "updated_at": datetime.fromtimestamp(order.last_update_timestamp, UTC).isoformat(),
                "exchange_order_id": order.exchange_order_id,
                "error_message": None,
            }
            for order_id, order in self.connector_.in_flight_orders.items()
        }

    async def book(self, pair: str) -> Mapping[str, list[list[float]]]:
        book = await self.connector_._orderbook_ds.get_new_order_book(pair)
        bids, asks = (side[["price", "amount"]].to_numpy().tolist() for side in book.snapshot)
        return {"bids": bids, "asks": asks}

    async def last_price(self, pair: str) -> float:
        return float((await self.connector_.get_last_traded_prices([pair]))[pair])

    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        names = ("min_order_size", "min_price_increment", "min_base_amount_increment", "min_notional_size")
        rules = self.connector_.trading_rules
        return {pair: {name: float(getattr(rule, name)) for name in names} for pair, rule in rules.items()}

    async def balances(self) -> list[dict[str, Any]]:
        await self.connector_._update_balances()
        return [
            {"token": token, "units": float(total), "price": 1.0, "value": float(total)}
            | {"available_units": float(self.connector_.get_available_balance(token))}
            for token, total in self.connector_.get_all_balances().items()
        ]

    async def positions(self) -> list[dict[str, Any]]:
        await self.connector_._update_positions()
        return [
            {
                "account_name": ACCOUNT,
                "connector_name": self.connector,
                "trading_pair": position.trading_pair,
                "side": position.position_side.name,
                "amount": float(position.amount),
                "entry_price": float(position.entry_price),
                "unrealized_pnl": float(position.unrealized_pnl),
                "leverage": float(position.leverage),
            }
            for position in self.connector_.account_positions.values()
        ]

    def _created(self, event: Any, trade_type: str) -> None:
        self._database.created(
            event.order_id,
            trading_pair=event.trading_pair,
            trade_type=trade_type,
            order_type=event.type.name,
            amount=float(event.amount),
            price=float(event.price) if event.price and event.price.is_finite() else None,
        )

    def _filled(self, event: Any) -> None:
        assert event.trade_type in TradeType
        fee = sum(float(flat.amount) for flat in event.trade_fee.flat_fees)
        amount, price = float(event.amount), float(event.price)
        self._database.filled(event.order_id, event.exchange_trade_id, amount, price, fee, event.timestamp)


@asynccontextmanager
async def api_of(venue: Stage) -> AsyncIterator[HummingbotApi]:
    """Serve a local hummingbot-api over a real connector on a venue."""
    connector = venue.connector(trading_pairs=[])
    database = Database(connector.name)
    exchange = ConnectorExchange(connector, database)
    await exchange.start()
    try:
        async with served(HummingbotApi(database, exchange)) as api:
            yield api
    finally:
        await exchange.stop()
