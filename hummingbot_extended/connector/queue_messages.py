"""The exchange's frames as messages of Hummingbot's own queues: pure functions for `_parse_*` and its like.

The connector's books do not come this way (see market_streams.py). It is for whoever feeds Hummingbot's queues with
frames as JSON objects: its test suites, or a tracker of somebody else's.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
from hummingbot.core.data_type.common import TradeType
from hummingbot.core.data_type.order_book_message import OrderBookMessage, OrderBookMessageType

from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.exchange.channels import (
    ExactBookFrame,
    ExactLevel,
    FundingFrame,
    PriceFrame,
    TradesFrame,
    decode_exact_book,
    decode_funding,
    decode_price,
    decode_trades,
)
from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.exchange.models import PublicTrade, RestOrderBook


class Channel(Enum):
    """What a frame is about."""

    SNAPSHOT = "snapshot"
    DIFF = "diff"
    TRADES = "trades"
    FUNDING = "funding"
    UNKNOWN = "unknown"


_BY_TYPE = {"SNAPSHOT": Channel.SNAPSHOT, "DELTA": Channel.DIFF, "MP": Channel.FUNDING, "IP": Channel.FUNDING}


def channel(event: Mapping[str, Any]) -> Channel:
    """What the frame is about; only books and prices say it themselves (API reference §6.1)."""
    kind = str(event.get("type") or "").rpartition(".")[2]
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    data = event.get("data")
    if isinstance(data, Mapping) and "f" in data:
        return Channel.FUNDING
    is_trades = isinstance(data, list) and all(isinstance(item, Mapping) and "tT" in item for item in data)
    return Channel.TRADES if is_trades and data else Channel.UNKNOWN


def price_news(event: Mapping[str, Any]) -> FundingFrame | PriceFrame:
    """The frame of a funding rate, a mark price or an index price. Raises ProtocolError."""
    raw = msgspec.json.encode(event)
    data = event.get("data")
    return decode_funding(raw) if isinstance(data, Mapping) and "f" in data else decode_price(raw)


def book(event: Mapping[str, Any]) -> ExactBookFrame:
    """The frame of an order book. Raises ProtocolError."""
    return decode_exact_book(msgspec.json.encode(event))


def trades(event: Mapping[str, Any]) -> TradesFrame:
    """The frame of public trades. Raises ProtocolError."""
    return decode_trades(msgspec.json.encode(event))


def book_message(frame: ExactBookFrame, trading_pair: str, update_id: int) -> OrderBookMessage:
    """Hummingbot's message of a snapshot or a delta, whose sizes are absolute (API reference §6.2).

    Raises MalformedMessage for a delta that tells changes only.
    """
    kind = OrderBookMessageType.SNAPSHOT if frame.is_snapshot else OrderBookMessageType.DIFF
    content = {
        "trading_pair": trading_pair,
        "update_id": update_id,
        "bids": [(level.price, _size(level, frame)) for level in frame.bids],
        "asks": [(level.price, _size(level, frame)) for level in frame.asks],
    }
    return OrderBookMessage(kind, content, timestamp=frame.ts_ms / 1000)


def rest_snapshot(picture: RestOrderBook, trading_pair: str, update_id: int, now_s: float) -> OrderBookMessage:
    """Hummingbot's message of a REST picture, which has no time of its own."""
    content = {
        "trading_pair": trading_pair,
        "update_id": update_id,
        "bids": [(level.price, level.qty) for level in picture.bid],
        "asks": [(level.price, level.qty) for level in picture.ask],
    }
    return OrderBookMessage(OrderBookMessageType.SNAPSHOT, content, timestamp=now_s)


def trade_message(trade: PublicTrade, trading_pair: str) -> OrderBookMessage:
    """Hummingbot's message of a public trade; `trade_type` is the taker's side."""
    content = {
        "trading_pair": trading_pair,
        "trade_type": float((TradeType.BUY if trade.side is Side.BUY else TradeType.SELL).value),
        "trade_id": str(trade.id),
        "price": trade.price,
        "amount": trade.qty,
    }
    return OrderBookMessage(OrderBookMessageType.TRADE, content, timestamp=trade.time_ms / 1000)


def _size(level: ExactLevel, frame: ExactBookFrame) -> Decimal:
    if level.total is not None:
        return level.total
    if frame.is_snapshot:
        return level.change
    raise MalformedMessage("a delta level without its total size")
