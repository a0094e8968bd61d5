"""How a channel's frames come in: over a v1 connection of its own, handed out in one order with our own marks."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hummingbot_extended.client.channel import Channel
from hummingbot_extended.client.events import Reconnected
from hummingbot_extended.errors import ConnectFailed, ExtendedError
from hummingbot_extended.exchange.channels import stream_url
from hummingbot_extended.streams.manager import StreamManager
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.stats import StreamStats
from hummingbot_extended.streams.stream import Stream
from hummingbot_extended.streams.supervisor import StreamState
from hummingbot_extended.streams.transport import HeadersProvider
from hummingbot_extended.streams.transport_choice import TransportChoice


@dataclass(frozen=True, slots=True)
class Received:
    """A frame and its text."""

    frame: Any
    raw: bytes | str


class Inlet(Protocol):
    """An open channel. `put` adds an item of ours behind the frames that have come so far."""

    @property
    def state(self) -> StreamState:
        """Where its connection is."""
        ...

    @property
    def stats(self) -> StreamStats:
        """The counters of its connection."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether the server, or a limit, has ended it for good."""
        ...

    def put(self, item: Any) -> None:
        """Hand out `item` after what has come before."""
        ...

    def request_reconnect(self, reason: str) -> None:
        """Replace the connection: what it carries cannot be trusted."""
        ...

    async def close(self) -> None:
        """Leave the channel; safe to repeat."""
        ...


class Source(Protocol):
    """A way to open channels."""

    async def open(
        self, channel: Channel, handle: Callable[[Any], Awaitable[None]], on_error: Callable[[ExtendedError], None]
    ) -> Inlet:
        """Open a channel and hand each item to `handle`: Received, Reconnected and what is `put`, one at a time.

        Raises what `StreamManager.create_stream` raises; nothing is left open then.
        """
        ...


class PathSource:
    """v1: one connection a channel (API reference §6.1). Where `urls` has a second base it is tried when the first
    refuses."""

    def __init__(
        self,
        manager: StreamManager,
        urls: tuple[str, ...],
        transports: TransportChoice,
        *,
        headers: Mapping[str, str] | HeadersProvider | None = None,
    ) -> None:
        self._manager = manager
        self._urls = urls
        self._transports = transports
        self._headers = headers

    async def open(
        self, channel: Channel, handle: Callable[[Any], Awaitable[None]], on_error: Callable[[ExtendedError], None]
    ) -> "PathInlet":
        """See Source.open."""
        for base in self._urls[:-1]:
            try:
                return await self._open(base, channel, handle, on_error)
            except ConnectFailed:
                continue
        return await self._open(self._urls[-1], channel, handle, on_error)

    async def _open(
        self,
        base: str,
        channel: Channel,
        handle: Callable[[Any], Awaitable[None]],
        on_error: Callable[[ExtendedError], None],
    ) -> "PathInlet":
        inlet = PathInlet(channel, self._manager)
        stream = await self._manager.create_stream(
            stream_url(base, channel.path),
            self._headers,
            transport="auto",  # which one is the choice's to say
            transports=self._transports,
            decode=inlet.read,
            error_callback=on_error,
            on_reconnected=inlet.reconnected,
        )
        inlet.bind(stream, handle)
        return inlet


class PathInlet:
    """A channel on its own connection. Frames are read, and their `seq` checked, as they come."""

    def __init__(self, channel: Channel, manager: StreamManager) -> None:
        self._channel = channel
        self._manager = manager
        self._sequence = SequenceChecker(stream=channel.path)
        self._stream: Stream | None = None
        self._early: Reconnected | None = None

    def __repr__(self) -> str:
        return f"<PathInlet {self._stream or self._channel.path!r}>"

    def bind(self, stream: Stream, handle: Callable[[Any], Awaitable[None]]) -> None:
        """Begin to hand out; what came before waits in the stream."""
        self._stream = stream
        if self._early is not None:
            stream.subscription.deliver(self._early)
        stream.set_callback(handle)

    def read(self, raw: bytes | str) -> Received:
        """Decode a message. Raises ProtocolError, upon which the connection is replaced."""
        frame = self._channel.decode(raw)
        self._sequence.check(frame.seq)
        if self._stream is not None and self._stream.stats.lag_is_due:
            self._stream.stats.observe_lag(frame.ts_ms, time.time() * 1000)
        return Received(frame, raw)

    def reconnected(self, generation: int) -> None:
        """A new connection: its `seq` starts anew."""
        self._sequence = SequenceChecker(stream=self._channel.path)
        mark = Reconnected(self._channel.path, generation)
        if self._stream is None:
            self._early = mark
        else:
            self._stream.subscription.deliver(mark)

    @property
    def state(self) -> StreamState:
        """See Inlet."""
        return self._stream.state if self._stream else StreamState.CONNECTING

    @property
    def stats(self) -> StreamStats:
        """See Inlet."""
        return self._stream.stats if self._stream else StreamStats()

    @property
    def is_over(self) -> bool:
        """See Inlet."""
        return self._stream is not None and not self._stream.subscription.is_active()

    def put(self, item: Any) -> None:
        """See Inlet."""
        if self._stream is not None:
            self._stream.subscription.deliver(item)

    def request_reconnect(self, reason: str) -> None:
        """See Inlet."""
        if self._stream is not None:
            self._stream.request_reconnect(reason)

    async def close(self) -> None:
        """See Inlet."""
        if self._stream is not None:
            await self._manager.close_stream(self._stream.id)
