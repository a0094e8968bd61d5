"""From what a server tells to the events of the engine: named, without repetitions, in order."""

import logging
from collections.abc import Mapping
from typing import Any

from hummingbot_extended.gateway.errors import HummingbotClientException
from hummingbot_extended.gateway.events import Event, EventEngine, EventType
from hummingbot_extended.gateway.order_state import OrderLedger
from hummingbot_extended.gateway.protocol import ServerEvent

logger = logging.getLogger(__name__)

SERVER = "hummingbot"
CLIENT = "hummingbot_client"

_PLAIN = {
    "order_book_update": EventType.MARKET_DATA,
    "ticker_update": EventType.MARKET_DATA,
    "error": EventType.ERROR,
    "info": EventType.INFO,
}


class Publisher:
    """Puts events into an engine. Each own fill goes out once, each state of an order once.

    `position` is where the server's journal of own fills stands for this client.
    """

    def __init__(self, engine: EventEngine, public_trades_as: EventType, position: str | None = None) -> None:
        self.position = position
        self.orders = OrderLedger()
        self._engine = engine
        self._public_trades_as = public_trades_as

    def event(self, event: ServerEvent) -> None:
        """Publish what the server told."""
        match event.type:
            case "order_update":
                self.order(event.data)
            case "trade":
                self._trade(event.data)
            case known if known in _PLAIN:
                self._put(_PLAIN[known], event.data)
            case unknown:
                logger.warning("an event of a type this client does not know: %r", unknown)

    def order(self, data: Mapping[str, Any]) -> bool:
        """Publish a report of an order, unless it says nothing new; return whether it did."""
        news = self.orders.update(data)
        if news is not None:
            self._put(EventType.ORDER_UPDATE, news)
        return news is not None

    def failure(
        self, error: HummingbotClientException, exchange: str, market: str, order_id: str | None = None
    ) -> None:
        """Publish that a request about an order failed."""
        data = {"message": error.message, "code": error.code.value, "exchange": exchange, "market": market}
        self._put(EventType.ERROR, data if order_id is None else {**data, "order_id": order_id}, CLIENT)

    def lost(self, error: HummingbotClientException) -> None:
        """Publish that the connection is gone, or that it will not come back."""
        self._put(EventType.ERROR, {"message": error.message, "code": error.code.value, "kind": "connection"}, CLIENT)

    def info(self, kind: str, message: str) -> None:
        """Publish something worth knowing about the connection."""
        self._put(EventType.INFO, {"kind": kind, "message": message}, CLIENT)

    def _trade(self, data: dict[str, Any]) -> None:
        if not data.get("own", True):
            self._put(self._public_trades_as, data)
            return
        if self.orders.fill(data):
            self._put(EventType.TRADE_UPDATE, data)
        self.position = data.get("position", self.position)

    def _put(self, event_type: EventType, data: Mapping[str, Any], source: str = SERVER) -> None:
        self._engine.put(Event(event_type, data, source))
