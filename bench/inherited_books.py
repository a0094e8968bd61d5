"""What every connector of Hummingbot inherits for order books: a minimal data source on its real pipeline.

WSAssistant → one queue per channel → parser → tracker's stream → router → a queue per market → book. Only the methods
that a connector must write are written here, as its connectors write them.
"""

import asyncio
import json
from typing import Any

from hummingbot.core.api_throttler.async_throttler import AsyncThrottler
from hummingbot.core.data_type.order_book import OrderBook
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType
from hummingbot.core.data_type.order_book_tracker import OrderBookTracker
from hummingbot.core.data_type.order_book_tracker_data_source import OrderBookTrackerDataSource
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory


def parse_book(event: dict[str, Any], kind: OrderBookMessageType) -> OrderBookMessage:
    """Hummingbot's message of a frame."""
    data = event["data"]
    size = "c" if kind is OrderBookMessageType.DIFF else "q"
    content = {
        "trading_pair": data["m"],
        "update_id": event["seq"],
        "bids": [(level["p"], level[size]) for level in data["b"]],
        "asks": [(level["p"], level[size]) for level in data["a"]],
    }
    return OrderBookMessage(kind, content, timestamp=event["ts"] / 1000)


class InheritedDataSource(OrderBookTrackerDataSource):
    """One socket a market, as Extended wants it, into the queues of the base class."""

    def __init__(self, trading_pairs: list[str], base_url: str, make_book: type[OrderBook]) -> None:
        super().__init__(trading_pairs)
        self._base_url = base_url
        self._factory = WebAssistantsFactory(throttler=AsyncThrottler([]))
        self.order_book_create_function = make_book

    async def get_last_traded_prices(self, trading_pairs: list[str], domain: str | None = None) -> dict[str, float]:
        return dict.fromkeys(trading_pairs, 1.0)

    async def get_new_order_book(self, trading_pair: str) -> OrderBook:
        return self.order_book_create_function()

    async def listen_for_subscriptions(self) -> None:
        await asyncio.gather(*(self._listen(pair) for pair in self._trading_pairs))

    async def _listen(self, trading_pair: str) -> None:
        assistant = await self._factory.get_ws_assistant()
        await assistant.connect(f"{self._base_url}/orderbooks/{trading_pair}", ping_timeout=30)
        try:
            await self._process_websocket_messages(websocket_assistant=assistant)
        finally:
            await assistant.disconnect()

    def _channel_originating_message(self, event_message: dict[str, Any]) -> str:
        if event_message["type"] == "SNAPSHOT":
            return self._snapshot_messages_queue_key
        return self._diff_messages_queue_key

    async def _parse_order_book_diff_message(self, raw_message: Any, message_queue: asyncio.Queue[Any]) -> None:
        event = json.loads(raw_message) if isinstance(raw_message, bytes) else raw_message
        message_queue.put_nowait(parse_book(event, OrderBookMessageType.DIFF))

    async def _parse_order_book_snapshot_message(self, raw_message: Any, message_queue: asyncio.Queue[Any]) -> None:
        message_queue.put_nowait(parse_book(raw_message, OrderBookMessageType.SNAPSHOT))

    async def subscribe_to_trading_pair(self, trading_pair: str) -> bool:
        return False

    async def unsubscribe_from_trading_pair(self, trading_pair: str) -> bool:
        return False


class InheritedTracker(OrderBookTracker):
    """Hummingbot's tracker, which waits a second for each market at the start: here it does not."""

    @staticmethod
    async def _sleep(delay: float) -> None:
        await asyncio.sleep(0)
