"""What the tests of market data share: a venue in the environment, symbols, waiting, and frames as the exchange's."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from hummingbot_extended.exchange.endpoints import LOCAL_URL_ENV
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings

PAIR = "BTC-USD"
LOCAL = "extended_perpetual_local"


class Symbols:
    """The part of a connector that translates symbols; `missing` are the pairs it does not know (yet)."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    async def exchange_symbol_associated_to_pair(self, trading_pair: str) -> str:
        if trading_pair in self.missing:
            raise KeyError(trading_pair)
        return trading_pair

    async def trading_pair_associated_to_exchange_symbol(self, symbol: str) -> str:
        if symbol in self.missing:
            raise KeyError(symbol)
        return symbol


@asynccontextmanager
async def running_venue(
    monkeypatch: pytest.MonkeyPatch, settings: VenueSettings | None = None
) -> AsyncIterator[PracticeVenue]:
    """A venue that the local domain points at; Hummingbot's shared session is closed afterwards."""
    async with PracticeVenue(settings or VenueSettings(port=0)) as venue:
        monkeypatch.setenv(LOCAL_URL_ENV, venue.rest_url)
        try:
            yield venue
        finally:
            await ConnectionsFactory().close()


def set_fault(venue: PracticeVenue, kind: FaultKind, path: str, **more: Any) -> Any:
    return venue.faults.add(FaultSpec(kind=kind, path=path, **more), venue.core.now_ms())


def book_frame(kind: str, seq: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]], **more: Any) -> str:
    """A frame of the order book: sizes are absolute, and a delta's `q` is deliberately another number."""

    def level(price: str, size: str) -> dict[str, str]:
        return {"q": size, "p": price} if kind == "SNAPSHOT" else {"q": "777", "p": price, "c": size}

    data = {"t": kind, "m": PAIR, "b": [level(*row) for row in bids], "a": [level(*row) for row in asks], "d": "f"}
    return json.dumps({"type": kind, "data": data, "ts": 1_795_219_200_000 + seq, "seq": seq} | more)


def trades_frame(seq: int, *ids: int, side: str = "BUY", price: str = "100.5") -> str:
    trades = [
        {"m": PAIR, "S": side, "tT": "TRADE", "T": 1_795_219_200_000 + number, "p": price, "q": "0.25", "i": number}
        for number in ids
    ]
    return json.dumps({"data": trades, "ts": 1_795_219_201_001, "seq": seq})


def price_frame(kind: str, price: str, seq: int = 1, market: str = PAIR) -> dict[str, Any]:
    return {"type": kind, "data": {"m": market, "p": price, "ts": 0}, "ts": 1_795_219_200_123, "seq": seq}


def funding_frame(rate: str, seq: int = 1, market: str = PAIR) -> dict[str, Any]:
    return {"data": {"m": market, "T": 1_795_219_250_000, "f": rate}, "ts": 1_795_219_250_012, "seq": seq}
