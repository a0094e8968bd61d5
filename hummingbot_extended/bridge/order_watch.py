"""What no event of Hummingbot tells: that the exchange has confirmed an order, and that a stop order was triggered."""

import asyncio
import logging
import time

from hummingbot_extended.bridge.exchanges import Exchange, Exchanges
from hummingbot_extended.bridge.order_desk import place
from hummingbot_extended.bridge.registry import ARMED, ON_BRIDGE, TRIGGERED, OrderRecord, Registry
from hummingbot_extended.gateway.enums import OrderSide, OrderStatus
from hummingbot_extended.gateway.errors import HummingbotClientException

logger = logging.getLogger(__name__)

# A new order is looked at often, as somebody waits for its reply; an old one seldom.
SOON_S = 0.002
YOUNG_S = 0.5
SELDOM_S = 0.05
ARMED_S = 0.01


class OrderWatch:
    """Looks at the open orders that are not confirmed, or that wait for their stop price.

    A stop order that the bridge holds fires once: it is handed to the connector, and in the journal, before anything
    is sent. `run` is a task of the server.
    """

    def __init__(self, exchanges: Exchanges, registry: Registry) -> None:
        self._exchanges = exchanges
        self._registry = registry

    async def run(self) -> None:
        """Look at them until cancelled."""
        while True:
            pause_s = SELDOM_S
            for record in self._registry.open_orders():
                try:
                    pause_s = min(pause_s, self._look(record))
                except Exception:  # a defect on one order must not stop the watch over the others
                    logger.exception("The bridge failed to look at the order %s.", record.order_id)
            await asyncio.sleep(pause_s)

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
            if _is_reached(record, exchange):
                self._fire(record, exchange)
        elif exchange.was_triggered(record.connector_id):
            self._registry.triggered(record)

    def _fire(self, record: OrderRecord, exchange: Exchange) -> None:
        order_type = "LIMIT" if record.order_type.has_price else "MARKET"
        wanted = next(each for each in exchange.order_types() if each.name == order_type)
        child_id = place(exchange, record, wanted)
        logger.info("The stop order %s is triggered: %s order %s.", record.order_id, order_type, child_id)
        record.state.triggered = True
        self._registry.change(record, child_id=child_id, trigger=TRIGGERED)

    def _exchange(self, record: OrderRecord) -> Exchange | None:
        try:
            return self._exchanges.find(record.exchange)
        except HummingbotClientException:
            return None  # Hummingbot runs without that connector now


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
