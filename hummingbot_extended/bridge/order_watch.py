"""What no event of Hummingbot tells: that the exchange has confirmed an order, and that a stop order was triggered."""

import asyncio
import logging
import time
from collections.abc import Callable

from hummingbot_extended.bridge.exchanges import Exchange, Exchanges
from hummingbot_extended.bridge.hummingbot_events import Tell
from hummingbot_extended.bridge.order_desk import place
from hummingbot_extended.bridge.registry import ARMED, ON_BRIDGE, TRIGGERED, OrderRecord, Registry
from hummingbot_extended.gateway.enums import OrderSide, OrderStatus
from hummingbot_extended.gateway.errors import ErrorCode, ExchangeUnavailableError, HummingbotClientException

logger = logging.getLogger(__name__)

# A new order is looked at often, as somebody waits for its reply; an old one seldom.
SOON_S = 0.002
YOUNG_S = 0.5
SELDOM_S = 0.05
ARMED_S = 0.01


class OrderWatch:
    """Looks at the open orders that are not confirmed, or that wait for their stop price.

    A stop order that the bridge holds fires once: it is handed to the connector, and in the journal, before anything
    is sent; one that the connector does not take has failed, which `tell_failure` tells. `run` is a task of the server.
    """

    def __init__(
        self, exchanges: Exchanges, registry: Registry, tell: Tell, tell_failure: Callable[[OrderRecord], None]
    ) -> None:
        self._exchanges = exchanges
        self._registry = registry
        self._tell_failure = tell_failure
        self._tell = tell
        self._unseen: set[str] = set()  # orders that could not be looked at the last time

    async def run(self) -> None:
        """Look at them until cancelled."""
        while True:
            pause_s = SELDOM_S
            for record in self._registry.open_orders():
                try:
                    pause_s = min(pause_s, self._look(record))
                    self._unseen.discard(record.order_id)
                except Exception as error:  # noqa: BLE001 - of any connector: the others are watched on, clients told
                    self._report(record, error)
            await asyncio.sleep(pause_s)

    def _report(self, record: OrderRecord, error: Exception) -> None:
        """Say once that an order cannot be looked at; it is tried on."""
        if record.order_id in self._unseen:
            return
        self._unseen.add(record.order_id)
        logger.error("The bridge cannot look at the order %s; it goes on trying.", record.order_id, exc_info=error)
        message = "the bridge cannot see how this order is, nor its price; it goes on trying, and its log says why"
        about = {"kind": "order", "order_id": record.order_id, "symbol": record.market, "code": ErrorCode.SERVER_ERROR}
        self._tell("error", record.exchange, record.market, {**about, "message": message})

    def _look(self, record: OrderRecord) -> float:
        """Look at one order and return the seconds until it should be looked at again."""
        pause_s = SELDOM_S
        if not record.state.acknowledged:
            self._look_for_acceptance(record)
            pause_s = SOON_S if time.time() - record.created_s < YOUNG_S else SELDOM_S
        if record.trigger == ARMED:
            self._look_for_trigger(record)
            pause_s = min(pause_s, ARMED_S)
        return pause_s

    def _look_for_acceptance(self, record: OrderRecord) -> None:
        exchange = self._exchange(record)
        if exchange is not None and exchange.told_by is not None and exchange.told_by.acknowledged(record.connector_id):
            order = exchange.in_flight(record.connector_id)
            if order is not None:
                record.exchange_order_id = record.exchange_order_id or order.exchange_order_id
            self._registry.observe(record, OrderStatus.OPEN, acknowledged=True)

    def _look_for_trigger(self, record: OrderRecord) -> None:
        exchange = self._exchange(record)
        if exchange is None:
            return
        if record.held_by == ON_BRIDGE:
            if _is_reached(record, exchange) and _can_trade(record, exchange):
                self._fire(record, exchange)
        elif exchange.was_triggered(record.connector_id):
            self._registry.triggered(record)

    def _fire(self, record: OrderRecord, exchange: Exchange) -> None:
        order_type = "LIMIT" if record.order_type.has_price else "MARKET"
        wanted = next(each for each in exchange.order_types() if each.name == order_type)
        record.state.triggered = True
        try:
            child_id = place(exchange, record, wanted)
        except HummingbotClientException as error:
            record.trigger, record.error_code, record.reason = TRIGGERED, error.code, error.message
            self._registry.observe(record, OrderStatus.FAILED)
            self._tell_failure(record)
            return
        logger.info("The stop order %s is triggered: %s order %s.", record.order_id, order_type, child_id)
        self._registry.change(record, child_id=child_id, trigger=TRIGGERED)

    def _exchange(self, record: OrderRecord) -> Exchange | None:
        try:
            return self._exchanges.find(record.exchange)
        except HummingbotClientException:
            return None  # Hummingbot runs without that connector now


def _can_trade(record: OrderRecord, exchange: Exchange) -> bool:
    """Whether the connector takes orders now; a stop order waits for that rather than fail."""
    try:
        exchange.check_ready(record.market, reduce_only=record.reduce_only)
    except ExchangeUnavailableError:
        return False
    return True


def _is_reached(record: OrderRecord, exchange: Exchange) -> bool:
    """Whether the last price, or without one the price it would trade at, is at the stop price."""
    try:
        quote = exchange.quote(record.market)
    except HummingbotClientException:
        return False  # no book now: the price is not known
    is_buy = record.side is OrderSide.BUY
    text = quote.last or (quote.ask if is_buy else quote.bid)
    if text is None or record.stop_price is None:
        return False
    price = type(record.stop_price)(text)
    return price >= record.stop_price if is_buy else price <= record.stop_price
