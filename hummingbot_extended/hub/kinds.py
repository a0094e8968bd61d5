"""What a hub hands out, and what it reads for that."""

from dataclasses import dataclass
from enum import StrEnum

from hummingbot_extended.candles.timeframes import Timeframe


class Kind(StrEnum):
    """What may be subscribed to. The values are the stream types of the founding document, and those added to it."""

    PRICE = "price"
    QUOTE = "quote"
    TRADES = "trades"
    DEPTH = "depth"
    OHLCV = "ohlcv"
    FUNDING = "funding"
    MARK = "mark"
    INDEX = "index"
    STATS = "stats"
    ALERT = "alert"
    NEWS = "news"
    STATUS = "status"


class Feed(StrEnum):
    """What a source can be asked for, one upstream subscription each."""

    BOOK = "book"
    QUOTE = "quote"
    TRADES = "trades"
    FUNDING = "funding"
    MARK = "mark"
    INDEX = "index"
    CANDLES = "candles"
    STATS = "stats"


@dataclass(frozen=True, slots=True)
class Channel:
    """One feed of one market; `frame` is the timeframe of candles, None of all else."""

    feed: Feed
    market: str
    frame: Timeframe | None = None

    def __str__(self) -> str:
        return f"{self.market} {self.feed}{f' {self.frame}' if self.frame else ''}"


# Which feeds a kind is made of; news, alerts and status come from the hub itself.
FEEDS_OF: dict[Kind, tuple[Feed, ...]] = {
    Kind.PRICE: (Feed.TRADES, Feed.STATS),
    Kind.QUOTE: (Feed.QUOTE,),
    Kind.TRADES: (Feed.TRADES,),
    Kind.DEPTH: (Feed.BOOK,),
    Kind.OHLCV: (Feed.CANDLES,),
    Kind.FUNDING: (Feed.FUNDING,),
    Kind.MARK: (Feed.MARK,),
    Kind.INDEX: (Feed.INDEX,),
    Kind.STATS: (Feed.STATS,),
    Kind.ALERT: (),
    Kind.NEWS: (),
    Kind.STATUS: (),
}

# Without news for so long a feed is stale (streaming-systems.md §4.4). Candles: two bars, see `stale_after_s`.
_STALE_AFTER_S = {
    Feed.BOOK: 10.0,
    Feed.QUOTE: 10.0,
    Feed.TRADES: 60.0,
    Feed.FUNDING: 7_200.0,
    Feed.MARK: 30.0,
    Feed.INDEX: 30.0,
    Feed.STATS: 60.0,
}


def stale_after_s(channel: Channel) -> float:
    """Return the seconds without news after which the data of `channel` is stale."""
    if channel.frame is not None:
        return 2.0 * channel.frame.seconds
    return _STALE_AFTER_S[channel.feed]
