"""Connectors that come, go, and lose their exchange: told to clients; orders of an earlier life are taken up again."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import OrderType as HummingbotOrderType
from hummingbot.core.data_type.common import PositionAction, TradeType

from hummingbot_extended.bridge.exchanges import Exchange, Exchanges
from hummingbot_extended.bridge.hummingbot_events import HummingbotEvents, Tell
from hummingbot_extended.bridge.registry import ARMED, ON_BRIDGE, OrderRecord, Registry
from hummingbot_extended.gateway.enums import MarketType, OrderSide, OrderStatus

logger = logging.getLogger(__name__)

LOOK_S = 1.0


class ConnectorWatch:
    """Looks at the connectors once a second. `listen(exchange)` is called for each, also for one that comes later.

    Orders that Hummingbot tracks and no event has told of (its strategy's, from before the bridge was there) are taken
    in. When a connector is ready for the first time, the orders that the journal holds as open are brought up to date.
    Those that Hummingbot does not know (it died before it wrote them down) are handed to its own order tracker: it asks
    the exchange what became of them, and its events tell the rest.
    """

    def __init__(
        self, exchanges: Exchanges, tell: Tell, listen: Callable[[Exchange], HummingbotEvents], registry: Registry
    ) -> None:
        self._exchanges = exchanges
        self._tell = tell
        self._listen = listen
        self._registry = registry
        self._ready: dict[str, bool] = {}
        self._taken_up: dict[str, ConnectorBase] = {}
        self._unseen: set[str] = set()  # connectors that could not be looked at the last time

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            for exchange in self._exchanges:
                try:
                    self._look(exchange, self._listen(exchange))
                    self._unseen.discard(exchange.name)
                except Exception:  # of any connector: the others are watched on
                    if exchange.name not in self._unseen:
                        logger.exception("The bridge cannot look at %s; it goes on trying.", exchange.name)
                    self._unseen.add(exchange.name)
            await asyncio.sleep(LOOK_S)

    def _look(self, exchange: Exchange, events: HummingbotEvents) -> None:
        is_ready = bool(exchange.connector.ready)
        if is_ready and self._taken_up.get(exchange.name) is not exchange.connector:
            self._taken_up[exchange.name] = exchange.connector
            for record in self._registry.open_orders(exchange.name):
                self._bring_up_to_date(exchange, events, record)
        for order in exchange.tracked_orders():
            events.take_in(order)
        before = self._ready.get(exchange.name)
        self._ready[exchange.name] = is_ready
        if before is None or before is is_ready:
            return
        if is_ready:
            self._tell("info", exchange.name, None, {"kind": "connector", "message": f"{exchange.name} is ready again"})
        else:
            message = f"{exchange.name} is not ready: no orders can be placed until it is"
            self._tell("error", exchange.name, None, {"kind": "connector", "code": "not_ready", "message": message})

    def _bring_up_to_date(self, exchange: Exchange, events: HummingbotEvents, record: OrderRecord) -> None:
        is_held = record.held_by == ON_BRIDGE and record.trigger == ARMED
        try:
            if not is_held and not events.catch_up(record):
                self._take_up(exchange, record)
        except Exception:  # of any connector: the other orders are taken up all the same
            logger.exception("The order %s cannot be taken up again; look at %s.", record.order_id, exchange.name)

    def _take_up(self, exchange: Exchange, record: OrderRecord) -> None:
        start = getattr(exchange.connector, "start_tracking_order", None)
        if start is None:  # a paper-trade exchange, whose orders live and die with the process
            if record.connector_id not in {order.client_order_id for order in exchange.connector.limit_orders}:
                record.reason = "Hummingbot was restarted and does not know this order any more"
                self._registry.observe(record, OrderStatus.FAILED)
            return
        logger.warning("The order %s is not known to Hummingbot any more; asking the exchange.", record.connector_id)
        action = PositionAction.CLOSE if record.reduce_only else PositionAction.OPEN
        kind = HummingbotOrderType.LIMIT if record.order_type.has_price else HummingbotOrderType.MARKET
        start(
            order_id=record.connector_id,
            exchange_order_id=record.exchange_order_id,
            trading_pair=record.market,
            trade_type=TradeType.BUY if record.side is OrderSide.BUY else TradeType.SELL,
            price=record.price if record.price is not None else Decimal("NaN"),
            amount=record.amount,
            order_type=HummingbotOrderType.LIMIT_MAKER if record.post_only else kind,
            **({"position_action": action} if exchange.market_type is MarketType.FUTURES else {}),
        )
