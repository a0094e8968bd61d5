"""Sources with one connection a path: the exchange's v1 streams, an event-stream relay, another hub."""

from collections.abc import Callable
from typing import Any

from hummingbot_extended.errors import StreamClosed
from hummingbot_extended.exchange.channels import (
    candles_path,
    decode_candles,
    decode_exact_book,
    decode_funding,
    decode_price,
    decode_trades,
    funding_path,
    orderbook_path,
    price_path,
    stream_url,
    trades_path,
)
from hummingbot_extended.exchange.enums import PriceType
from hummingbot_extended.hub.kinds import Channel, Feed, stale_after_s
from hummingbot_extended.hub.sources.base import Sink
from hummingbot_extended.hub.sources.tasks import TaskUpstream
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.supervisor import StreamSupervisor
from hummingbot_extended.streams.transport import HeadersProvider, StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice

DECODERS: dict[Feed, Callable[[bytes | str], Any]] = {
    Feed.BOOK: decode_exact_book,
    Feed.QUOTE: decode_exact_book,
    Feed.TRADES: decode_trades,
    Feed.FUNDING: decode_funding,
    Feed.MARK: decode_price,
    Feed.INDEX: decode_price,
    Feed.CANDLES: decode_candles,
}
MIN_SILENCE_S = 60.0


def path_of(channel: Channel) -> str:
    """Return the exchange's path of a channel that has one (API reference §6.1)."""
    match channel.feed:
        case Feed.BOOK:
            return orderbook_path(channel.market)
        case Feed.QUOTE:
            return orderbook_path(channel.market, best_only=True)
        case Feed.TRADES:
            return trades_path(channel.market)
        case Feed.FUNDING:
            return funding_path(channel.market)
        case Feed.MARK:
            return price_path(PriceType.MARK, channel.market)
        case Feed.INDEX:
            return price_path(PriceType.INDEX, channel.market)
        case Feed.CANDLES if channel.frame is not None:
            return candles_path(channel.market, channel.frame.code)
    raise ValueError(f"{channel} has no path")


def silence_s(channel: Channel) -> float | None:
    """Return how long a connection of `channel` may say nothing; None where silence is no fault (trades, funding)."""
    if channel.feed in (Feed.TRADES, Feed.FUNDING):
        return None
    return max(MIN_SILENCE_S, stale_after_s(channel))


class PathSource:
    """Reads each channel on a connection of its own below `base_url`. `name` tells such sources apart.

    The session behind `transports` is its maker's.
    """

    def __init__(
        self, name: str, base_url: str, transports: TransportChoice, *, headers: HeadersProvider | None = None
    ) -> None:
        self.name = name
        self._base_url = base_url.rstrip("/")
        self._transports = transports
        self._headers = headers

    def __repr__(self) -> str:
        return f"<PathSource {self.name} {self._base_url}>"

    def offers(self, channel: Channel) -> bool:
        """See Source: everything that the exchange streams."""
        return channel.feed in DECODERS

    def open(self, channel: Channel, sink: Sink) -> TaskUpstream:
        """See Source."""
        supervisor = _Reader(channel, sink).supervisor(
            StreamRequest(
                url=stream_url(self._base_url, path_of(channel)),
                headers=self._headers,
                data_timeout_s=silence_s(channel),
            ),
            self._transports,
            f"{self.name} {channel}",
        )
        return TaskUpstream(_run(supervisor, sink), supervisor.request_reconnect, f"{self.name} {channel}")

    async def close(self) -> None:
        """See Source: it holds nothing."""


class _Reader:
    """Decodes the frames of one connection after the other, each checked by its `seq`."""

    def __init__(self, channel: Channel, sink: Sink) -> None:
        self._channel = channel
        self._decode = DECODERS[channel.feed]
        self._sink = sink
        self._sequence = SequenceChecker()

    def supervisor(self, request: StreamRequest, transports: TransportChoice, name: str) -> StreamSupervisor:
        return StreamSupervisor(
            request,
            transports,
            on_message=self._take,
            on_connected=self._connected,
            on_error=self._sink.lost,
            name=name,
        )

    async def _connected(self) -> None:
        self._sequence = SequenceChecker(stream=str(self._channel))
        self._sink.connected()

    def _take(self, text: bytes | str) -> None:
        frame = self._decode(text)
        self._sequence.check(frame.seq)
        self._sink.take(frame)


async def _run(supervisor: StreamSupervisor, sink: Sink) -> None:
    """Live until cancelled; an event stream may say that there is nothing to come back for."""
    try:
        await supervisor.run()
    except StreamClosed as end:
        sink.lost(end)
