"""The price row of a market: its last trade, the day's change and volume, and how much to trust it. Sans-I/O."""

from collections.abc import Iterable
from decimal import Decimal

from hummingbot_extended.exchange.decimals import EXACT
from hummingbot_extended.hub.events import PriceRow, StatsRow, TradeRow
from hummingbot_extended.hub.translate import percent_of

# Live sources that differ by this part of the price do not agree at all.
DISAGREE_AT = Decimal("0.01")


class MarketPrice:
    """Makes price rows of one market from what else is published of it. A price that nobody told is never made up."""

    def __init__(self, market: str) -> None:
        self._market = market
        self._stats: StatsRow | None = None
        self._last: TradeRow | None = None

    def of_trade(self, trade: TradeRow, score: float, others: Iterable[Decimal] = ()) -> PriceRow:
        """Return the row of a new trade; `score` is its source's, `others` what other live sources say."""
        self._last = trade
        return self._row(trade.price, trade.ts_ms, trade.provider, trade.received_ms, score, others)

    def of_stats(self, stats: StatsRow, score: float) -> PriceRow:
        """Return the row after the statistics: of the last trade, or of their last price where no trade was seen."""
        self._stats = stats
        trade = self._last
        if trade is None:
            return self._row(stats.last, stats.ts_ms, stats.provider, stats.received_ms, score, ())
        return self._row(trade.price, trade.ts_ms, trade.provider, stats.received_ms, score, ())

    def _row(
        self, price: Decimal, ts_ms: int, provider: str, received_ms: int, score: float, others: Iterable[Decimal]
    ) -> PriceRow:
        change = percent = volume = None
        if self._stats is not None:
            before = EXACT.subtract(self._stats.last, self._stats.change)
            change = EXACT.subtract(price, before)
            percent = percent_of(change, before)
            volume = self._stats.volume
        return PriceRow(
            market=self._market,
            ts_ms=ts_ms,
            provider=provider,
            received_ms=received_ms,
            price=price,
            change=change,
            change_percent=percent,
            volume=volume,
            confidence=min(1.0, score / 100) * agreement(price, others),
        )


def agreement(price: Decimal, others: Iterable[Decimal]) -> float:
    """Return 1 where the other sources say the same price, falling to 0 where one is `DISAGREE_AT` away."""
    parts = [float(abs(other - price) / price / DISAGREE_AT) for other in others]
    return max(0.0, 1.0 - max(parts, default=0.0))
