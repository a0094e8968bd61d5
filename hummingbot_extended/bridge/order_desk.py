"""Orders: created, cancelled and looked up on behalf of clients, answered on the exchange's word."""

import logging
import time
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hummingbot.core.data_type.common import PositionAction

from hummingbot_extended.bridge.exchanges import Exchange, Exchanges
from hummingbot_extended.bridge.journal import Journal
from hummingbot_extended.bridge.registry import ARMED, ON_BRIDGE, ON_EXCHANGE, OrderRecord, Registry, readable_records
from hummingbot_extended.bridge.settings import AccessKey
from hummingbot_extended.gateway.enums import MarketType, OrderSide, OrderStatus
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ErrorCode,
    ExchangeUnavailableError,
    InvalidOrderError,
    OrderClosedError,
    OrderNotFoundError,
    RequestTimeoutError,
    error_of,
)
from hummingbot_extended.gateway.protocol import OrderRequest, plain, text_of

logger = logging.getLogger(__name__)

MAX_HISTORY = 1000


class OrderDesk:
    """Creates and cancels orders through Hummingbot's connectors.

    A reply to `create` or `cancel` waits up to `wait_s` for the exchange's word. Errors are those of `gateway.errors`;
    their code goes into the reply.
    """

    def __init__(self, exchanges: Exchanges, registry: Registry, journal: Journal, *, wait_s: float) -> None:
        self._exchanges = exchanges
        self._registry = registry
        self._journal = journal
        self._wait_s = wait_s
        self.is_open = True
        self.asking: dict[str, object] = {}  # who waits for the reply about a new order, by its id

    async def create(
        self, key: AccessKey, session_id: str | None, params: Mapping[str, Any], asking: object = None
    ) -> dict[str, Any]:
        """Create an order, or find the one that its `client_ref` has created before (`"duplicate": true`)."""
        order = OrderRequest.read(params)
        if record := self._repetition(key, order):
            await self._settle(record)
            return {**self._reply(record), "duplicate": True}
        exchange = self._exchanges.find_market(order.exchange, order.market)
        if not self.is_open:
            raise ExchangeUnavailableError("the bridge is stopping and takes no more orders")
        if not self._registry.save():
            raise ExchangeUnavailableError(
                "the bridge's journal cannot be written (is its disk full?): until it can, new orders are not "
                "taken; cancels are"
            )
        if order.reduce_only and exchange.market_type is MarketType.SPOT:
            raise InvalidOrderError(f"Invalid order: {exchange.name} is a spot exchange, without reduce_only orders")
        exchange.check_ready(order.market, reduce_only=order.reduce_only)
        amount, price = exchange.quantise(order)
        self._check_notional(key, exchange, order, amount, price)
        record = OrderRecord(
            exchange=order.exchange,
            market=order.market,
            order_id="",
            side=order.side,
            order_type=order.order_type,
            amount=amount,
            price=price,
            stop_price=order.stop_price,
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            client_ref=order.client_ref,
            owner=key.name,
            session_id=session_id,
            created_s=time.time(),
            asked=order.params(),
        )
        self._place(exchange, record, order)
        self.asking[record.order_id] = asking
        try:
            await self._settle(record)
        finally:
            del self.asking[record.order_id]
        return self._reply(record)

    async def cancel(self, key: AccessKey, params: Mapping[str, Any]) -> dict[str, Any]:
        """Cancel an order; reply when it has ended."""
        record = self._find(key, params)
        if record.is_closed:
            message = f"the order {record.order_id} is {record.state.status} already"
            raise OrderClosedError(message, data=record.to_wire())
        self.request_cancel(record)
        if not await self._registry.wait(record, _is_closed, self._wait_s):
            raise RequestTimeoutError(
                f"the exchange has not confirmed the cancel of {record.order_id} within {self._wait_s:g} s; "
                "it goes on, and its end comes as an order_update",
                data=record.to_wire(),
            )
        return {**record.to_wire(), "cancelled": record.state.status is OrderStatus.CANCELLED}

    def request_cancel(self, record: OrderRecord) -> None:
        """Ask the connector to cancel an order; one that the bridge still holds ends at once."""
        self._registry.observe(record, record.state.status, cancel_requested=True)
        if record.held_by == ON_BRIDGE and record.trigger == ARMED:
            self._registry.observe(record, OrderStatus.CANCELLED)
        else:
            exchange = self._exchanges.find(record.exchange)
            exchange.connector.cancel(record.market, record.connector_id)

    async def cancel_all(self, records: list[OrderRecord], timeout_s: float | None = None) -> dict[str, Any]:
        """Cancel orders and wait for their end; return the ids of those that ended and of those that did not.

        It waits `timeout_s` together, as long as for one cancel by default. An order whose cancel cannot even be asked
        for (its connector is gone) does not keep the others from being cancelled.
        """
        for record in records:
            try:
                self.request_cancel(record)
            except Exception:  # of any connector
                logger.exception("The order %s of %s cannot be cancelled.", record.order_id, record.exchange)
        deadline_s = time.monotonic() + (self._wait_s if timeout_s is None else timeout_s)
        for record in records:
            await self._registry.wait(record, _is_closed, max(0.0, deadline_s - time.monotonic()))
        return {
            "cancelled": [record.order_id for record in records if record.state.status is OrderStatus.CANCELLED],
            "failed": [record.order_id for record in records if not record.is_closed],
        }

    def orders_to_cancel(self, key: AccessKey, params: Mapping[str, Any]) -> list[OrderRecord]:
        """Return the open orders that a `cancel_all` request means and its key may cancel."""
        exchange, market = params.get("exchange"), params.get("market")
        if exchange is not None:
            self._exchanges.find(text_of("exchange", exchange))
        return [
            each for each in self._registry.open_orders(exchange, market) if key.may_use(each.exchange, each.market)
        ]

    def get(self, key: AccessKey, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return an order by `order_id`, or by the `client_ref` that the same key gave it."""
        client_ref = params.get("client_ref")
        if client_ref is None:
            return self._find(key, params).to_wire()
        record = self._registry.find_ref(key.name, text_of("client_ref", client_ref))
        if record is None:
            raise OrderNotFoundError(f"no order was created with the client_ref {client_ref!r}")
        return record.to_wire()

    def open_orders(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the open orders of a market."""
        exchange = self._market_of(params)
        return [record.to_wire() for record in self._registry.open_orders(exchange.name, str(params["market"]))]

    def history(self, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the orders of a market, the newest first."""
        exchange, limit = self._market_of(params), limit_of(params)
        status = params.get("status")
        if status is not None and not (isinstance(status, str) and status in OrderStatus):
            raise InvalidOrderError(f"there is no order status {str(status)[:40]!r}", code=ErrorCode.INVALID_REQUEST)
        start_s, end_s = _time_of(params, "start_time", 0.0), _time_of(params, "end_time", float("inf"))
        records = self._journal.history(exchange.name, str(params["market"]), limit, start_s, end_s, status)
        return [record.to_wire() for record in readable_records(records)]

    def _repetition(self, key: AccessKey, order: OrderRequest) -> OrderRecord | None:
        if order.client_ref is None:
            return None
        record = self._registry.find_ref(key.name, order.client_ref)
        if record is not None and record.asked != order.params():
            raise InvalidOrderError(f"Invalid order: the client_ref {order.client_ref!r} names another order already")
        return record

    def _check_notional(
        self, key: AccessKey, exchange: Exchange, order: OrderRequest, amount: Decimal, price: Decimal | None
    ) -> None:
        # Only a connector of which it is known sends reduce_only to its exchange, which then opens nothing.
        if key.max_order_notional is None or (order.reduce_only and exchange.told_by is not None):
            return
        value = exchange.largest_value(order, amount, price)
        if value is None or value > key.max_order_notional:
            shown, largest = "not known now" if value is None else plain(value), plain(key.max_order_notional)
            message = f"the key {key.name} allows orders of up to {largest}; this one's value is {shown}"
            raise AuthenticationError(message, code=ErrorCode.PERMISSION_DENIED)

    def _place(self, exchange: Exchange, record: OrderRecord, order: OrderRequest) -> None:
        """Hand an order to the connector, or hold it. It is in the journal before anything is sent."""
        order_type = exchange.hummingbot_type(order)
        if order.order_type.has_stop_price and exchange.told_by is None:
            record.order_id = f"stop-{uuid.uuid4().hex}"
            record.held_by, record.trigger = ON_BRIDGE, ARMED
            self._registry.add(record)
            self._registry.observe(record, OrderStatus.OPEN, acknowledged=True)
            return
        more: dict[str, Any] = {}
        if order.order_type.has_stop_price:
            record.held_by, record.trigger = ON_EXCHANGE, ARMED
            # A stop order waits for the price to come to it from the other side, whatever the price is now.
            more = {
                "trigger_price": order.stop_price,
                "trigger_direction": "UP" if order.side is OrderSide.BUY else "DOWN",
            }
        record.order_id = place(exchange, record, order_type, **more)
        self._registry.add(record)

    async def _settle(self, record: OrderRecord) -> None:
        await self._registry.wait(record, _is_settled, self._wait_s)

    def _reply(self, record: OrderRecord) -> dict[str, Any]:
        wire = record.to_wire()
        if record.state.status is OrderStatus.FAILED:
            raise error_of(record.error_code, record.reason or "the order failed", wire)
        return wire

    def _find(self, key: AccessKey, params: Mapping[str, Any]) -> OrderRecord:
        exchange = self._exchanges.find(text_of("exchange", params.get("exchange")))
        order_id = text_of("order_id", params.get("order_id"))
        record = self._registry.find(exchange.name, order_id)
        is_meant = record is not None and record.market == params.get("market", record.market)
        if record is None or not is_meant or not key.may_use(exchange.name, record.market):
            raise OrderNotFoundError(f"{exchange.name} has no order {order_id!r} in {params.get('market')}")
        return record

    def _market_of(self, params: Mapping[str, Any]) -> Exchange:
        market = text_of("market", params.get("market"))
        return self._exchanges.find_market(text_of("exchange", params.get("exchange")), market)


def place(exchange: Exchange, record: OrderRecord, order_type: Any, **more: Any) -> str:
    """Have the connector place what a record describes and return the connector's id for it."""
    if exchange.market_type is MarketType.FUTURES:
        more["position_action"] = PositionAction.CLOSE if record.reduce_only else PositionAction.OPEN
    price = record.price if record.order_type.has_price else None
    return exchange.place(record.market, record.side, record.amount, order_type, price, **more)


def _is_closed(record: OrderRecord) -> bool:
    return record.is_closed


def _is_settled(record: OrderRecord) -> bool:
    return record.state.acknowledged or record.is_closed


def limit_of(params: Mapping[str, Any]) -> int:
    """Return how many rows a request wants. Raises InvalidOrderError."""
    limit = params.get("limit", 50)
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MAX_HISTORY:
        raise InvalidOrderError(f"limit must be 1 to {MAX_HISTORY}", code=ErrorCode.INVALID_REQUEST)
    return limit


def _time_of(params: Mapping[str, Any], name: str, default: float) -> float:
    value = params.get(name, default)
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    except OverflowError:
        pass
    raise InvalidOrderError(f"{name} must be a time in epoch seconds", code=ErrorCode.INVALID_REQUEST)
