"""One channel of the exchange: how to ask for it on v1 and on v2, and how its frames are read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hummingbot_extended.exchange.channels import (
    ACCOUNT_PATH,
    Topic,
    candles_path,
    decode_account,
    decode_candles,
    decode_exact_book,
    decode_funding,
    decode_price,
    decode_trades,
    funding_path,
    orderbook_path,
    price_path,
    trades_path,
)
from hummingbot_extended.exchange.enums import PriceType


@dataclass(frozen=True, slots=True)
class Channel:
    """What to subscribe to. `topic` is None for what is read on v1 only (the account: API reference §6.8, §11)."""

    path: str
    topic: Topic | None
    decode: Callable[[bytes | str], Any] = field(repr=False, compare=False)


ACCOUNT = Channel(ACCOUNT_PATH, None, decode_account)


def quotes(market: str) -> Channel:
    """Best bid and ask, each 10 ms."""
    return Channel(orderbook_path(market, best_only=True), Topic.orderbook(market, best_only=True), decode_exact_book)


def order_book(market: str) -> Channel:
    """The whole book, each 100 ms."""
    return Channel(orderbook_path(market), Topic.orderbook(market), decode_exact_book)


def trades(market: str) -> Channel:
    """Public trades."""
    return Channel(trades_path(market), Topic.trades(market), decode_trades)


def candles(market: str, interval_code: str) -> Channel:
    """Candles of trades; `interval_code` as on the wire ("PT1M")."""
    return Channel(candles_path(market, interval_code), Topic.candles(market, interval_code), decode_candles)


def funding(market: str) -> Channel:
    """Funding rates."""
    return Channel(funding_path(market), Topic.funding(market), decode_funding)


def mark_price(market: str) -> Channel:
    """Mark prices."""
    return Channel(price_path(PriceType.MARK, market), Topic.price(PriceType.MARK, market), decode_price)
