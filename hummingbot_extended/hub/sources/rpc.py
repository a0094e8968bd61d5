"""The exchange's v2 socket: one connection for all channels (API reference §6.8)."""

import asyncio
import contextlib

from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.channels import Topic
from hummingbot_extended.exchange.enums import PriceType
from hummingbot_extended.hub.kinds import Channel, Feed
from hummingbot_extended.hub.sources.base import Sink
from hummingbot_extended.hub.sources.paths import DECODERS
from hummingbot_extended.hub.sources.tasks import TaskUpstream
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.transport_choice import TransportChoice


def topic_of(channel: Channel) -> Topic:
    """Return the topic of a channel that has one."""
    match channel.feed:
        case Feed.BOOK:
            return Topic.orderbook(channel.market)
        case Feed.QUOTE:
            return Topic.orderbook(channel.market, best_only=True)
        case Feed.TRADES:
            return Topic.trades(channel.market)
        case Feed.FUNDING:
            return Topic.funding(channel.market)
        case Feed.MARK:
            return Topic.price(PriceType.MARK, channel.market)
        case Feed.INDEX:
            return Topic.price(PriceType.INDEX, channel.market)
        case Feed.CANDLES if channel.frame is not None:
            return Topic.candles(channel.market, channel.frame.code)
    raise ValueError(f"{channel} has no topic")


class RpcSource:
    """Reads channels as topics of one socket, which opens with the first and closes with `close`."""

    name = "extended_rpc"

    def __init__(self, url: str, transports: TransportChoice) -> None:
        self._url = url
        self._transports = transports
        self._stream: RpcStream | None = None
        self._connecting = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<RpcSource on {self._stream!r}>"

    def offers(self, channel: Channel) -> bool:
        """See Source: everything that the exchange streams."""
        return channel.feed in DECODERS

    def open(self, channel: Channel, sink: Sink) -> TaskUpstream:
        """See Source."""
        return TaskUpstream(self._keep(channel, sink), self._reconnect, f"{self.name} {channel}")

    async def close(self) -> None:
        """See Source."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    def _reconnect(self, reason: str) -> None:
        if self._stream is not None:
            self._stream.request_reconnect(reason)

    async def _keep(self, channel: Channel, sink: Sink) -> None:
        """Listen to the topic; where that is refused, or there is no connection, try again later."""
        backoff = Backoff()
        while True:
            failed: asyncio.Future[ExtendedError] = asyncio.get_running_loop().create_future()
            try:
                await self._listen(channel, sink, failed)
            except ExtendedError as error:
                sink.lost(error)
            await asyncio.sleep(backoff.next_delay_s())

    async def _listen(self, channel: Channel, sink: Sink, refused: "asyncio.Future[ExtendedError]") -> None:
        stream = await self._connected()
        decode = DECODERS[channel.feed]

        def hear(error: ExtendedError) -> None:
            sink.lost(error)
            if stream.is_connected and not refused.done():
                refused.set_result(error)

        sink.connected()
        listener = await stream.listen(
            topic_of(channel), lambda text: sink.take(decode(text)), on_error=hear, on_reconnected=sink.connected
        )
        try:
            raise await refused
        finally:
            with contextlib.suppress(ExtendedError):
                await listener.close()

    async def _connected(self) -> RpcStream:
        """Return the stream, opened by whoever comes first; afterwards it keeps itself alive. Raises what connecting
        raises."""
        async with self._connecting:
            if self._stream is None:
                stream = RpcStream(self._url, transports=self._transports)
                await stream.connect()
                self._stream = stream
            return self._stream
