"""What is called how on a bus, and what messages look like."""

from collections.abc import Sequence

import msgspec

from hummingbot_extended.candles.timeframes import TIMEFRAMES
from hummingbot_extended.hub.events import Row
from hummingbot_extended.hub.journal import topic_of
from hummingbot_extended.hub.kinds import Channel, Feed, Kind

PREFIX = "md.v1"
KINDS: dict[Feed, Kind] = {
    Feed.BOOK: Kind.DEPTH,
    Feed.QUOTE: Kind.QUOTE,
    Feed.TRADES: Kind.TRADES,
    Feed.FUNDING: Kind.FUNDING,
    Feed.MARK: Kind.MARK,
    Feed.INDEX: Kind.INDEX,
    Feed.CANDLES: Kind.OHLCV,
}


class Head(msgspec.Struct):
    """The beginning of a message: which ingest it is `via`, its number there, whether it tells the `present`."""

    via: str
    seq: int = 0
    present: bool = False


class Want(msgspec.Struct):
    """What an edge asks ingests for: a channel to be read, and its present to be sent."""

    market: str
    feed: Feed


head_decoder = msgspec.json.Decoder(Head)
want_decoder = msgspec.json.Decoder(Want)


def data_topic(domain: str, channel: Channel) -> str:
    """Return the topic of a channel: md.v1.{venue}.{pair}.{kind}[.{tf}]."""
    return f"{PREFIX}.{domain}.{topic_of(KINDS[channel.feed], channel.market, channel.frame)}"


def want_topic(domain: str) -> str:
    """Return where edges ask."""
    return f"{PREFIX}.{domain}.want"


def alive_topic(domain: str) -> str:
    """Return where ingests say that they live."""
    return f"{PREFIX}.{domain}.alive"


def channel_of(market: str, feed: Feed) -> Channel:
    """Return a channel by what a `Want` names."""
    return Channel(feed, market, TIMEFRAMES[0] if feed is Feed.CANDLES else None)


def message_of(row: Row, seq: int, via: str) -> bytes:
    """Return a row as a message: the exchange's frame, and who sent it."""
    return b'{"via":' + msgspec.json.encode(via) + b"," + row.envelope(seq)[1:]


def present_of_trades(rows: Sequence[Row], ts_ms: int, seq: int, via: str) -> bytes:
    """Return the recent trades as one message, oldest first: a reader that begins with them tells all in order."""
    frames = [row.as_frame() or {} for row in rows]
    trades = [trade for frame in frames for trade in frame.get("data", ())]
    return msgspec.json.encode({"via": via, "present": True, "data": trades, "ts": ts_ms, "seq": seq})
