"""The rows that a hub hands out: frozen, money as Decimal, each encoded once however many get it.

Times are the exchange's, in ms since the epoch. `numbers` and `strings` are a row's JSON in the two notations of
decimals; both are exact. `envelope` is the row in the exchange's own envelope (API reference §6), for relays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import msgspec

from hummingbot_extended.candles.aggregate import Candle
from hummingbot_extended.candles.timeframes import Timeframe
from hummingbot_extended.exchange.decimals import decimal_text
from hummingbot_extended.hub.kinds import Kind

_numbers = msgspec.json.Encoder(decimal_format="number")
_strings = msgspec.json.Encoder(decimal_format="string")


def iso_z(time_ms: int) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds, ending in Z."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


cached_iso = lru_cache(maxsize=256)(iso_z)  # of now: the same for all messages of a turn


class Level(NamedTuple):
    """A level of a book: `size` is what stands at `price` now (zero: it is gone), `change` the difference to before."""

    price: Decimal
    size: Decimal
    change: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What all rows have. `provider` is the source it came from, `received_ms` the hub's clock when it did.

    `is_stale` marks a last value whose source is gone (an edge without its bus).
    """

    kind: ClassVar[Kind]
    market: str
    ts_ms: int
    provider: str = ""
    received_ms: int = 0
    is_stale: bool = False
    _encoded: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def numbers(self) -> bytes:
        """The row's JSON object, decimals as JSON numbers with all their digits."""
        return self._once("numbers", _numbers)

    @property
    def strings(self) -> bytes:
        """The row's JSON object, decimals as strings."""
        return self._once("strings", _strings)

    def envelope(self, seq: int) -> bytes:
        """Return the row as a frame of the exchange's v1 stream, numbered `seq`; b"" for what no stream has."""
        head = self._encoded.get("envelope")
        if head is None:
            frame = self.as_frame()
            # The number comes last: it differs by reader, and everything before it is shared.
            head = b"" if frame is None else _strings.encode(frame)[:-1] + b',"seq":'
            self._encoded["envelope"] = head
        return head and head + b"%d}" % seq

    def as_wire(self) -> dict[str, Any]:
        """Return what `numbers` and `strings` encode."""
        wire = {"symbol": self.market} | self._fields() | {"timestamp": iso_z(self.ts_ms), "provider": self.provider}
        return wire | {"stale": True} if self.is_stale else wire

    def as_frame(self) -> Mapping[str, Any] | None:
        """Return the exchange's frame without its `seq`; None for what no stream of the exchange has."""
        return None

    def _fields(self) -> dict[str, Any]:
        raise NotImplementedError

    def _once(self, name: str, encoder: msgspec.json.Encoder) -> bytes:
        encoded = self._encoded.get(name)
        if encoded is None:
            encoded = self._encoded[name] = encoder.encode(self.as_wire())
        return encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow(Row):
    """The last traded price; change and volume are those of 24 hours, None until the exchange has told them.

    `confidence` (0 to 1) is the score of the source, lowered where other live sources disagree.
    """

    kind = Kind.PRICE
    price: Decimal
    change: Decimal | None = None
    change_percent: Decimal | None = None
    volume: Decimal | None = None
    confidence: float = 1.0

    def _fields(self) -> dict[str, Any]:
        return {
            "price": self.price,
            "change": self.change,
            "change_percent": self.change_percent,
            "volume": self.volume,
            "confidence": 0 if self.is_stale else round(self.confidence, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRow(Row):
    """Best bid and ask with their sizes; None on a side that is empty."""

    kind = Kind.QUOTE
    bid: Decimal | None
    bid_size: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None

    @property
    def spread(self) -> Decimal | None:
        """Ask minus bid; None where a side is empty."""
        return None if self.bid is None or self.ask is None else self.ask - self.bid

    def _fields(self) -> dict[str, Any]:
        return {
            "bid": self.bid,
            "ask": self.ask,
            "bid_size": self.bid_size,
            "ask_size": self.ask_size,
            "spread": self.spread,
        }

    def as_frame(self) -> Mapping[str, Any]:
        """See Row: the frame of a depth=1 stream, which is always a snapshot."""
        sides = [
            [] if price is None else [{"p": decimal_text(price), "q": decimal_text(size or Decimal(0))}]
            for price, size in ((self.bid, self.bid_size), (self.ask, self.ask_size))
        ]
        data = {"t": "SNAPSHOT", "m": self.market, "b": sides[0], "a": sides[1], "d": "1"}
        return {"type": "SNAPSHOT", "data": data, "ts": self.ts_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow(Row):
    """A public trade, each once, in the exchange's order. `side` is the taker's, "buy" or "sell"."""

    kind = Kind.TRADES
    trade_id: int
    price: Decimal
    size: Decimal
    side: str
    trade_type: str = "TRADE"

    def _fields(self) -> dict[str, Any]:
        return {"price": self.price, "quantity": self.size, "trade_id": str(self.trade_id), "side": self.side}

    def as_frame(self) -> Mapping[str, Any]:
        """See Row."""
        trade = {
            "i": self.trade_id,
            "m": self.market,
            "S": self.side.upper(),
            "tT": self.trade_type,
            "T": self.ts_ms,
            "p": decimal_text(self.price),
            "q": decimal_text(self.size),
        }
        return {"data": [trade], "ts": self.ts_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRow(Row):
    """The book, or a change of it. A row's `prev_seq` is the `seq` of the one before it; a snapshot replaces all.

    After a switch of sources, a gap or a crossed book the hub sends a new snapshot of its own accord.
    """

    kind = Kind.DEPTH
    seq: int
    prev_seq: int
    is_snapshot: bool
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def _fields(self) -> dict[str, Any]:
        return {
            "type": "snapshot" if self.is_snapshot else "delta",
            "seq": self.seq,
            "prev_seq": self.prev_seq,
            "bids": [(level.price, level.size) for level in self.bids],
            "asks": [(level.price, level.size) for level in self.asks],
        }

    def as_frame(self) -> Mapping[str, Any]:
        """See Row: levels with the change `q` and, in a delta, the total `c` (API reference §6.2)."""
        name = "SNAPSHOT" if self.is_snapshot else "DELTA"
        sides = [[self._wire_level(level) for level in levels] for levels in (self.bids, self.asks)]
        data = {"t": name, "m": self.market, "b": sides[0], "a": sides[1], "d": "f"}
        return {"type": name, "data": data, "ts": self.ts_ms}

    def _wire_level(self, level: Level) -> dict[str, str]:
        if self.is_snapshot:
            return {"p": decimal_text(level.price), "q": decimal_text(level.size)}
        return {
            "p": decimal_text(level.price),
            "q": decimal_text(level.change),
            "c": decimal_text(level.size),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow(Row):
    """A candle as it is now: while it forms it comes again and again, once closed it changes only by revision."""

    kind = Kind.OHLCV
    frame: Timeframe
    candle: Candle

    def as_wire(self) -> dict[str, Any]:
        """See Row: `timestamp` is when the bar opened (W30)."""
        bar = self.candle
        wire = {
            "symbol": self.market,
            "timestamp": iso_z(bar.open_time_ms),
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": bar.volume,
            "is_closed": bar.closed,
            "timeframe": self.frame.name,
            "revision": bar.revision,
            "synthetic": bar.synthetic,
            "provider": self.provider,
        }
        return wire | {"stale": True} if self.is_stale else wire

    def as_frame(self) -> Mapping[str, Any]:
        """See Row."""
        bar = self.candle
        named = {"o": bar.open, "l": bar.low, "h": bar.high, "c": bar.close, "v": bar.volume}
        record: dict[str, Any] = {key: decimal_text(value) for key, value in named.items()}
        return {"data": [record | {"T": bar.open_time_ms}], "ts": self.ts_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRow(Row):
    """The current funding rate as a fraction an hour; positive means that longs pay shorts."""

    kind = Kind.FUNDING
    rate: Decimal
    time_ms: int

    def _fields(self) -> dict[str, Any]:
        return {"funding_rate": self.rate, "funding_time": iso_z(self.time_ms)}

    def as_frame(self) -> Mapping[str, Any]:
        """See Row."""
        return {"data": {"m": self.market, "T": self.time_ms, "f": decimal_text(self.rate)}, "ts": self.ts_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRow(Row):
    """The mark price."""

    kind = Kind.MARK
    price: Decimal
    _code: ClassVar[str] = "MP"

    def _fields(self) -> dict[str, Any]:
        return {"price": self.price}

    def as_frame(self) -> Mapping[str, Any]:
        """See Row."""
        data = {"m": self.market, "p": decimal_text(self.price), "ts": 0}
        return {"type": self._code, "data": data, "ts": self.ts_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRow(MarkRow):
    """The index price."""

    kind = Kind.INDEX
    _code: ClassVar[str] = "IP"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsRow(Row):
    """What the exchange says of the last 24 hours, and open interest (quote units)."""

    kind = Kind.STATS
    last: Decimal
    change: Decimal
    change_percent: Decimal | None
    volume: Decimal
    quote_volume: Decimal
    high: Decimal
    low: Decimal
    open_interest: Decimal

    def _fields(self) -> dict[str, Any]:
        return {
            "last": self.last,
            "change": self.change,
            "change_percent": self.change_percent,
            "volume": self.volume,
            "quote_volume": self.quote_volume,
            "high": self.high,
            "low": self.low,
            "open_interest": self.open_interest,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow(Row):
    """An alert that fired: `alert_id` is whose, `what` its kind, `value` what crossed `threshold`."""

    kind = Kind.ALERT
    alert_id: str
    what: str
    value: Decimal
    threshold: Decimal

    def _fields(self) -> dict[str, Any]:
        return {"alert_id": self.alert_id, "kind": self.what, "value": self.value, "threshold": self.threshold}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsRow(Row):
    """What has changed about a market: listed, delisted, halted, resumed, limits, leverage, funding."""

    kind = Kind.NEWS
    what: str
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)

    def _fields(self) -> dict[str, Any]:
        return {"what": self.what, "text": self.text, "details": dict(self.details)}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow(Row):
    """The state of a market's feed: "live", "stale" or "down", since when, and by which source.

    `switched_from` is set where another source was chosen; `reason` says why in words.
    """

    kind = Kind.STATUS
    feed: str
    state: str
    since_ms: int
    switched_from: str | None = None
    reason: str = ""

    def _fields(self) -> dict[str, Any]:
        return {
            "feed": self.feed,
            "state": self.state,
            "since": iso_z(self.since_ms),
            "switched_from": self.switched_from,
            "reason": self.reason,
        }
