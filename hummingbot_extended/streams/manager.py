"""The streams of one application: opened, counted, limited and closed together."""

import asyncio
import logging
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from hummingbot_extended.errors import NotConnected, SettingsError, StreamLimitReached
from hummingbot_extended.streams.aiohttp_transport import stream_session
from hummingbot_extended.streams.kept_stream import KeptStream
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.stream import SSEStream, Stream, WebSocketStream
from hummingbot_extended.streams.supervisor import NO_CONNECTION
from hummingbot_extended.streams.transport import HeadersProvider
from hummingbot_extended.streams.transport_choice import TransportSetting

logger = logging.getLogger(__name__)

MAX_CONCURRENT_STREAMS = 10
MAX_STREAMS_ENV = "HUMMINGBOT_EXTENDED_MAX_STREAMS"

_CLASSES: Mapping[TransportSetting, type[Stream]] = {"websocket": WebSocketStream, "sse": SSEStream, "auto": Stream}


class StreamManager:
    """Opens streams, at most `max_concurrent_streams` at a time, on one session.

    The limit counts physical connections: subscriptions on a stream and topics on a JSON-RPC socket are free. It is
    `max_concurrent_streams` of `config` (a mapping or an object), else HUMMINGBOT_EXTENDED_MAX_STREAMS, else 10; 0
    allows none. `debug` shows openings and closings at INFO. Use it as an async context manager, or `close()` it.
    """

    def __init__(self, config: Mapping[str, Any] | object | None = None, debug: bool = False) -> None:
        self.max_concurrent_streams = _limit(config)
        self._level = logging.INFO if debug else logging.DEBUG
        self._streams: dict[str, KeptStream] = {}
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"<StreamManager {len(self._streams)} of {self.max_concurrent_streams} streams>"

    @property
    def streams(self) -> tuple[KeptStream, ...]:
        """The streams that take up the limit: connecting, connected or reconnecting."""
        return tuple(self._streams.values())

    def get_stream(self, stream_id: str) -> KeptStream | None:
        """Return the stream of this id, or None when it is closed."""
        return self._streams.get(stream_id)

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return state, address, readers (subscriptions, or topics) and counters of each stream by its id."""
        return {
            stream_id: {
                "state": stream.state.value,
                "url": stream.url.partition("?")[0],
                "readers": stream.readers,
                **stream.stats.as_dict(),
            }
            for stream_id, stream in self._streams.items()
        }

    async def create_stream(
        self,
        url: str,
        headers: Mapping[str, str] | HeadersProvider | None = None,
        *,
        transport: TransportSetting = "websocket",
        **options: Any,
    ) -> Stream:
        """Open a stream and return it connected. `options` are those of `Stream`.

        Cancelling leaves nothing open and frees the slot.

        Raises:
            StreamLimitReached: As many streams are open as may be (a ValueError); nothing was opened.
            SettingsError: The transport is unknown, or the URL names no host.
            ConnectFailed, Unauthorized, RateLimited, StreamClosed: It did not open; the slot is free again.
        """
        if transport not in _CLASSES:
            raise SettingsError(f"transport is {transport!r}; it may be {', '.join(_CLASSES)}")
        return await self._open(_CLASSES[transport], url, headers, options)

    async def create_rpc_stream(
        self, url: str, headers: Mapping[str, str] | HeadersProvider | None = None, **options: Any
    ) -> RpcStream:
        """Open a JSON-RPC socket, one stream however many topics it carries. As `create_stream` otherwise."""
        return await self._open(RpcStream, url, headers, options)

    async def close_stream(self, stream_id: str) -> None:
        """Close a stream and free its slot. An unknown id is no error."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            await stream.close()
            self._forget(stream)

    async def close_all_streams(self) -> None:
        """Close all streams, also those that are connecting. The manager can open new ones."""
        await asyncio.gather(*(self.close_stream(stream_id) for stream_id in tuple(self._streams)))

    async def close(self) -> None:
        """Close all streams and the session; no task, socket or session is left. Safe to repeat."""
        while self._streams:  # more may be opened meanwhile
            await self.close_all_streams()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _open[S: KeptStream](
        self,
        kind: type[S],
        url: str,
        headers: Mapping[str, str] | HeadersProvider | None,
        options: Mapping[str, Any],
    ) -> S:
        if len(self._streams) >= self.max_concurrent_streams:
            raise StreamLimitReached(self.max_concurrent_streams)
        if self._session is None:
            self._session = stream_session()
        stream = kind(url, headers, session=self._session, on_closed=self._forget, **options)
        # The slot is taken before the first await: however many calls run at once, the limit holds.
        self._streams[stream.id] = stream
        try:
            await stream.connect()
        except BaseException:
            self._forget(stream)
            raise
        if stream.id not in self._streams:
            raise NotConnected(NO_CONNECTION, f"{stream.id} was closed while it connected")
        logger.log(self._level, "%s opened: %r", stream.id, self)
        return stream

    def _forget(self, stream: KeptStream) -> None:
        """Free the slot of a stream that has ended, by whomever."""
        if self._streams.pop(stream.id, None) is not None:
            logger.log(self._level, "%s closed: %r", stream.id, self)


def _limit(config: Mapping[str, Any] | object | None) -> int:
    if isinstance(config, Mapping):
        given = config.get("max_concurrent_streams")
    else:
        given = getattr(config, "max_concurrent_streams", None)
    if given is None:
        given = os.environ.get(MAX_STREAMS_ENV) or MAX_CONCURRENT_STREAMS
    try:
        limit = int(given)
    except (TypeError, ValueError):
        raise SettingsError(f"max_concurrent_streams is {given!r}, not a number") from None
    if limit < 0:
        raise SettingsError(f"max_concurrent_streams is {limit}; it cannot be below 0")
    return limit
