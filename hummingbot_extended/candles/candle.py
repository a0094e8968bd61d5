"""A candle as a hub keeps it: a bar, and what is known about it. Sans-I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

import msgspec

from hummingbot_extended.candles.bars import ZERO, Bar, flat_bar
from hummingbot_extended.exchange.decimals import EXACT

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One candle; times are epoch ms, volumes in the base asset unless their names say otherwise.

    While it forms (`closed` False) it is replaced by newer states of itself; closed it changes only where a better
    source amends it, and `revision` counts that. `synthetic` fills a time without trades. `spread` is the last ask
    minus bid that was seen in it; that and what follows are None where nobody has told them.
    """

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    closed: bool = False
    revision: int = 0
    synthetic: bool = False
    provider: str = ""
    spread: Decimal | None = None
    quote_volume: Decimal | None = None
    trades: int | None = None
    taker_buy_base: Decimal | None = None
    taker_buy_quote: Decimal | None = None
    _encoded: list[bytes] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, bar: Bar, *, closed: bool, provider: str = "", spread: Decimal | None = None) -> Self:
        """Return the candle of a bar."""
        return cls(
            open_time_ms=bar.open_time_ms,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            synthetic=bar.synthetic,
            closed=closed,
            provider=provider,
            spread=spread,
        )

    @property
    def bar(self) -> Bar:
        """The bar alone."""
        return Bar(
            open_time_ms=self.open_time_ms,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            synthetic=self.synthetic,
        )

    @property
    def json(self) -> bytes:
        """The candle as the founding document's JSON object (`time` in seconds), encoded once; decimals are exact."""
        if not self._encoded:
            self._encoded.append(_encoder.encode(self._wire()))
        return self._encoded[0]

    def _wire(self) -> dict[str, object]:
        return {
            "time": self.open_time_ms // 1000,
            "open": self.open,
            "high": self.high,
            "low": self.low,
            "close": self.close,
            "volume": self.volume,
            "spread": self.spread,
            "closed": self.closed,
            "revision": self.revision,
            "synthetic": self.synthetic,
            "provider": self.provider,
            "quote_volume": self.quote_volume,
            "trades": self.trades,
            "taker_buy_base": self.taker_buy_base,
            "taker_buy_quote": self.taker_buy_quote,
        }

    @property
    def prices(self) -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """Open, high, low, close and volume: what tells two states of a candle apart."""
        return self.open, self.high, self.low, self.close, self.volume


def fold_trade(
    candle: Candle | None, open_time_ms: int, price: Decimal, size: Decimal, *, is_buy: bool, provider: str
) -> Candle:
    """Return `candle` (None: there is none yet) with one more trade of its time in it."""
    quote = EXACT.multiply(price, size)
    bought, bought_quote = (size, quote) if is_buy else (ZERO, ZERO)
    if candle is None or candle.synthetic:
        return Candle(
            open_time_ms=open_time_ms,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=size,
            provider=provider,
            spread=candle.spread if candle else None,
            quote_volume=quote,
            trades=1,
            taker_buy_base=bought,
            taker_buy_quote=bought_quote,
        )
    return replace(
        candle,
        high=max(candle.high, price),
        low=min(candle.low, price),
        close=price,
        volume=EXACT.add(candle.volume, size),
        quote_volume=_sum((candle.quote_volume, quote)),
        trades=None if candle.trades is None else candle.trades + 1,
        taker_buy_base=_sum((candle.taker_buy_base, bought)),
        taker_buy_quote=_sum((candle.taker_buy_quote, bought_quote)),
    )


def flat_candle(open_time_ms: int, last: Candle, *, closed: bool) -> Candle:
    """Return the candle of a time without trades, after `last`."""
    flat = Candle.of(flat_bar(open_time_ms, last.close), closed=closed, provider=last.provider)
    return replace(flat, quote_volume=ZERO, trades=0, taker_buy_base=ZERO, taker_buy_quote=ZERO)


def roll_up(children: Sequence[Candle], open_time_ms: int, *, closed: bool) -> Candle:
    """Return the candle that `children` (oldest first, at least one) make together.

    Flat children say nothing but volume zero: where others have traded, the open is the first trade's price.
    """
    traded = [child for child in children if not child.synthetic] or children
    last = children[-1]
    counts = [child.trades for child in children]
    return Candle(
        open_time_ms=open_time_ms,
        open=traded[0].open,
        high=max(child.high for child in traded),
        low=min(child.low for child in traded),
        close=last.close,
        volume=_sum(child.volume for child in children) or ZERO,
        closed=closed,
        synthetic=last.synthetic and traded is children,
        provider=last.provider,
        spread=next((child.spread for child in reversed(children) if child.spread is not None), None),
        quote_volume=_sum(child.quote_volume for child in children),
        trades=None if None in counts else sum(count for count in counts if count is not None),
        taker_buy_base=_sum(child.taker_buy_base for child in children),
        taker_buy_quote=_sum(child.taker_buy_quote for child in children),
    )


def _sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """Return the exact sum, None where one is unknown."""
    total = ZERO
    for value in values:
        if value is None:
            return None
        total = EXACT.add(total, value)
    return total
