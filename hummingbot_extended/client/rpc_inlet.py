"""Channels over v2: one JSON-RPC socket for all of them (API reference §6.8), v1 where that does not work."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from hummingbot_extended.client.channel import Channel
from hummingbot_extended.client.events import Reconnected
from hummingbot_extended.client.inlet import Inlet, Received, Source
from hummingbot_extended.errors import ApiError, ExtendedError, TransportError
from hummingbot_extended.streams.manager import StreamManager
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.stats import StreamStats
from hummingbot_extended.streams.subscription import Subscription
from hummingbot_extended.streams.supervisor import StreamState
from hummingbot_extended.streams.transport_choice import TransportChoice

logger = logging.getLogger(__name__)


class RpcSource:
    """Opens channels as topics of one socket, which counts as one of the manager's streams.

    Where the socket does not open, or the server refuses a topic or does not answer, the channel is opened by
    `fallback`; the next channel tries v2 again.
    """

    def __init__(self, manager: StreamManager, url: str, transports: TransportChoice, fallback: Source) -> None:
        self._manager = manager
        self._url = url
        self._transports = transports
        self._fallback = fallback
        self._stream: RpcStream | None = None
        self._inlets: set[RpcInlet] = set()
        self._changing = asyncio.Lock()

    async def open(
        self, channel: Channel, handle: Callable[[Any], Awaitable[None]], on_error: Callable[[ExtendedError], None]
    ) -> Inlet:
        """See Source.open."""
        if channel.topic is None:
            return await self._fallback.open(channel, handle, on_error)
        try:
            return await self._open(channel, handle, on_error)
        except (TransportError, ApiError) as error:
            logger.warning("%s is read over v1, because v2 does not work: %s", channel.path, error)
            return await self._fallback.open(channel, handle, on_error)

    async def close(self) -> None:
        """Close the socket. Safe to repeat."""
        self._inlets.clear()
        stream, self._stream = self._stream, None
        if stream is not None:
            await self._manager.close_stream(stream.id)

    async def _open(
        self, channel: Channel, handle: Callable[[Any], Awaitable[None]], on_error: Callable[[ExtendedError], None]
    ) -> "RpcInlet":
        async with self._changing:
            if self._stream is None:
                self._stream = await self._manager.create_rpc_stream(
                    self._url, transports=self._transports, decode=_as_it_is, on_reconnected=self._mark
                )
            inlet = RpcInlet(channel, handle, self._stream, self._release)
            self._inlets.add(inlet)
        try:
            await inlet.open(on_error)
        except BaseException:
            await self._release(inlet)
            raise
        return inlet

    def _mark(self, generation: int) -> None:
        for inlet in self._inlets:
            inlet.put(Reconnected(inlet.channel.path, generation))

    async def _release(self, inlet: "RpcInlet") -> None:
        """Forget an inlet; the last one closes the socket."""
        async with self._changing:
            self._inlets.discard(inlet)
            if not self._inlets:
                await self.close()


class RpcInlet:
    """A topic. Its frames are decoded when their turn comes; the stream has checked the connection's `seq`."""

    def __init__(
        self,
        channel: Channel,
        handle: Callable[[Any], Awaitable[None]],
        stream: RpcStream,
        release: Callable[["RpcInlet"], Awaitable[None]],
    ) -> None:
        self.channel = channel
        self._handle = handle
        self._stream = stream
        self._release = release
        self._frames: Subscription | None = None
        self._on_error: Callable[[ExtendedError], None] | None = None
        self._is_broken = False  # a frame could not be read: those behind it follow on what is not known

    def __repr__(self) -> str:
        return f"<RpcInlet {self.channel.path} on {self._stream!r}>"

    async def open(self, on_error: Callable[[ExtendedError], None]) -> None:
        """Subscribe to the topic. Raises as `RpcStream.listen`."""
        assert self.channel.topic is not None  # noqa: S101  # the source asks before
        self._on_error = on_error
        self._frames = await self._stream.subscribe(
            self.channel.topic, self._take, error_callback=on_error, policy="block"
        )

    async def _take(self, item: Any) -> None:
        if not isinstance(item, bytes | str):
            self._is_broken = self._is_broken and not isinstance(item, Reconnected)
            await self._handle(item)
            return
        if self._is_broken:
            return
        try:
            frame = self.channel.decode(item)
        except ExtendedError as error:
            self._is_broken = True
            if self._on_error is not None:
                self._on_error(error)
            self.request_reconnect(str(error))
        else:
            await self._handle(Received(frame, item))

    @property
    def state(self) -> StreamState:
        """See Inlet."""
        return self._stream.state

    @property
    def stats(self) -> StreamStats:
        """See Inlet: of the whole socket."""
        return self._stream.stats

    @property
    def is_over(self) -> bool:
        """See Inlet."""
        return self._frames is not None and not self._frames.is_active()

    def put(self, item: Any) -> None:
        """See Inlet."""
        if self._frames is not None:
            self._frames.deliver(item)

    def request_reconnect(self, reason: str) -> None:
        """See Inlet: all topics begin anew."""
        self._stream.request_reconnect(reason)

    async def close(self) -> None:
        """See Inlet."""
        if self._frames is not None:
            await self._frames.unsubscribe()
        await self._release(self)


def _as_it_is(text: bytes | str) -> bytes | str:
    return text
