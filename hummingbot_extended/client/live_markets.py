"""The present of some markets, kept for whoever wants to look at it: a terminal, a page."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from hummingbot_extended.client.client import ExtendedClient
from hummingbot_extended.client.events import Book, Funding, MarkPrice, Trade
from hummingbot_extended.errors import ExtendedError

STREAMS_A_MARKET = 4
RECENT_TRADES = 12


@dataclass(slots=True)
class LiveMarket:
    """What was last heard of a market."""

    name: str
    book: Book | None = None
    mark: MarkPrice | None = None
    funding: Funding | None = None
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=RECENT_TRADES))
    trade_count: int = 0
    reconnects: int = 0
    last_error: str = ""

    def take(self, event: Any) -> None:
        """Remember an event."""
        match event:
            case Book():
                self.book = event
            case Trade():
                self.trades.appendleft(event)
                self.trade_count += 1
            case Funding():
                self.funding = event
            case MarkPrice():
                self.mark = event

    def hear(self, error: ExtendedError) -> None:
        """Remember what went wrong last."""
        self.last_error = str(error)

    def came_back(self, _mark: object) -> None:
        """Count a reconnect."""
        self.reconnects += 1


async def watch_markets(
    client: ExtendedClient, names: Iterable[str], *, depth: int, also: Callable[[Any], None] | None = None
) -> list[LiveMarket]:
    """Subscribe to book (`depth` levels), trades, funding and mark of the markets; `also` gets each event too.

    Raises what the streams' first connections raise.
    """
    markets = [LiveMarket(name) for name in names]
    data = client.market_data
    for market in markets:
        take = market.take if also is None else _both(market.take, also)
        common: dict[str, Any] = {"error_callback": market.hear, "on_reconnected": market.came_back}
        await data.stream_order_book(market.name, take, depth=depth, **common)
        await data.stream_time_and_sales(market.name, take, **common)
        await data.stream_funding(market.name, take, **common)
        await data.stream_mark_price(market.name, take, **common)
    return markets


def _both(first: Callable[[Any], None], second: Callable[[Any], None]) -> Callable[[Any], None]:
    def take(event: Any) -> None:
        first(event)
        second(event)

    return take
