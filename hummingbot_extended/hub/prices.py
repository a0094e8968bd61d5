"""The price rows of markets: the last trade, the day's change and volume, and how much to trust it. Sans-I/O."""

from collections.abc import Callable

from hummingbot_extended.exchange.decimals import EXACT
from hummingbot_extended.hub.events import PriceRow, StatsRow, TradeRow
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.readers import Readers
from hummingbot_extended.hub.translate import percent_of


class MarketPrice:
    """Makes price rows of one market from what else is published of it. A price that nobody told is never made up."""

    def __init__(self, market: str) -> None:
        self._market = market
        self._stats: StatsRow | None = None
        self._last: TradeRow | None = None

    def of(self, told: TradeRow | StatsRow, confidence: Callable[[Feed], float | None]) -> PriceRow:
        """Return the row after a trade, or after the statistics, whose last price counts until a trade was seen.

        `confidence` tells how much the source of a feed is to be trusted now (0 to 1), None where it is not live.
        """
        if isinstance(told, TradeRow):
            self._last = told
        else:
            self._stats = told
        source, feed = (told, Feed.STATS) if self._last is None else (self._last, Feed.TRADES)
        price = source.price if isinstance(source, TradeRow) else source.last
        change = percent = volume = None
        if self._stats is not None:
            before = EXACT.subtract(self._stats.last, self._stats.change)
            change = EXACT.subtract(price, before)
            percent = percent_of(change, before)
            volume = self._stats.volume
        trusted = confidence(feed)
        return PriceRow(
            market=self._market,
            ts_ms=source.ts_ms,
            provider=source.provider,
            received_ms=told.received_ms,
            price=price,
            change=change,
            change_percent=percent,
            volume=volume,
            confidence=trusted or 0.0,
            is_stale=trusted is None,
        )


class Prices:
    """The prices of a hub's markets."""

    def __init__(self) -> None:
        self._markets: dict[str, MarketPrice] = {}

    def row(self, told: TradeRow | StatsRow, readers: Readers) -> PriceRow:
        """Return the price row after a trade or statistics, with the confidence of the source that `readers` read."""

        def confidence(feed: Feed) -> float | None:
            reader = readers.find(Channel(feed, told.market))
            return reader.confidence() if reader else None

        return self._markets.setdefault(told.market, MarketPrice(told.market)).of(told, confidence)

    def forget(self, market: str) -> None:
        """Forget a market whose trades nobody reads any more."""
        self._markets.pop(market, None)
