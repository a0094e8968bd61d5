"""A stream for users: it connects, stays connected, and gives parsed messages to its subscriptions."""

import asyncio
import contextlib
import inspect
import itertools
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
import msgspec

from hummingbot_extended.errors import (
    CallbackFailed,
    ExtendedError,
    GaveUp,
    MalformedMessage,
    NotConnected,
    StreamClosed,
)
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.inbox import Policy
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.stats import StreamStats
from hummingbot_extended.streams.subscription import INBOX_LIMIT, Callback, ErrorCallback, Subscription
from hummingbot_extended.streams.supervisor import NO_CONNECTION, StreamState, StreamSupervisor
from hummingbot_extended.streams.transport import HeadersProvider, StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice, TransportSetting

type Reconnected = Callable[[int], Awaitable[None] | None]

_ids = itertools.count(1)
# The streams whose own task runs this code (or started what runs it): it must not be waited for from there.
_inside: ContextVar[frozenset["Stream"]] = ContextVar("_inside", default=frozenset())


class Stream:
    """One connection that is kept alive, and its subscriptions. `WebSocketStream` and `SSEStream` fix its transport.

    `headers` is a mapping, or an async provider that is asked at every connect (`SharedHeaders` for tokens). `request`
    holds the deadlines; its url and headers are replaced by these. Without a `session` the stream makes one and closes
    it. `first_seq` has each message's "seq" checked from this number on, at each connection.

    Messages go to the stream's own callback (`set_callback`; they wait for the first one) and to its subscriptions.
    What goes wrong with the connection goes to `error_callback` and to theirs, and never ends the stream. After each
    reconnect `on_reconnected` gets the connection's number, before any message: the time to fetch what was missed.
    `policy`, `limit` and `key` are for the own inbox; see `Inbox`.
    """

    setting: ClassVar[TransportSetting] = "auto"

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | HeadersProvider | None = None,
        *,
        # how it connects
        session: aiohttp.ClientSession | None = None,
        transports: TransportChoice | None = None,
        request: StreamRequest | None = None,
        backoff: Backoff | None = None,
        max_attempts: int | None = None,
        # what its messages are
        decode: Callable[[bytes | str], Any] = msgspec.json.decode,
        first_seq: int | None = None,
        # who hears of it
        error_callback: ErrorCallback | None = None,
        on_reconnected: Reconnected | None = None,
        on_closed: Callable[["Stream"], None] | None = None,
        # the own inbox
        policy: Policy = "block",
        limit: int = INBOX_LIMIT,
        key: Callable[[Any], Hashable] | None = None,
    ) -> None:
        self.id = f"stream-{next(_ids)}"
        self.url = url
        provider = headers if headers is None or callable(headers) else _provider(headers)
        self._request = replace(request or StreamRequest(url=url), url=url, headers=provider)
        self._given_session = session
        self._transports = transports
        self._backoff = backoff
        self._max_attempts = max_attempts
        self._decode = decode
        self._first_seq = first_seq
        self._on_reconnected = on_reconnected
        self._on_closed = on_closed
        self._own = Subscription(
            error_callback=error_callback,
            policy=policy,
            limit=limit,
            key=key,
            release=self._release,
            on_room=self._make_room,
            name=self.id,
        )
        # Each subscription with the messages that ask for it and give it up.
        self._subscriptions: dict[Subscription, tuple[Any, Any]] = {}
        self._supervisor: StreamSupervisor | None = None
        self._running: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self._connecting = asyncio.Lock()
        self._sequence: SequenceChecker | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.state.name} {self._request.url.partition('?')[0]}>"

    def get_id(self) -> str:
        """Return the id, unique in this process; `StreamManager.close_stream` takes it."""
        return self.id

    @property
    def state(self) -> StreamState:
        """Where the stream is."""
        return self._supervisor.state if self._supervisor else StreamState.CLOSED

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open at this moment."""
        return self._supervisor is not None and self._supervisor.is_connected

    @property
    def generation(self) -> int:
        """The number of the connection; 0 before the first."""
        return self._supervisor.generation if self._supervisor else 0

    @property
    def stats(self) -> StreamStats:
        """Counters over all connections."""
        return self._supervisor.stats if self._supervisor else StreamStats()

    @property
    def subscription(self) -> Subscription:
        """The stream's own subscription: iterate over it, or give it callbacks."""
        return self._own

    async def connect(self) -> None:
        """Open the stream and keep it open; nothing happens when it is open. Any number of calls make one connection.

        Cancelling leaves nothing open.

        Raises:
            ConnectFailed, Unauthorized, RateLimited: The first attempt failed; nothing is left open.
            StreamClosed: The server has nothing to say (SSE: 204), or the stream was closed meanwhile.
        """
        async with self._connecting:
            if self._running is not None and not self._running.done():
                return
            if self._closed:
                raise NotConnected(NO_CONNECTION, f"{self.id} is closed")
            self._first = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(), name=f"{self.id} connection")
            try:
                await self._first
            except BaseException:
                await self._stop()
                raise

    async def send(self, message: Any) -> None:
        """Send `message` as JSON text.

        Raises:
            NotConnected: There is no connection (a RuntimeError and a ConnectionError).
            StreamClosed: The connection has just ended.
            ProtocolError: An event stream cannot send.
        """
        if self._supervisor is None:
            raise NotConnected(NO_CONNECTION, f"{self.id} is not connected")
        await self._supervisor.send(msgspec.json.encode(message).decode())

    def set_callback(self, callback: Callback) -> None:
        """Have `callback` called with each message, in order, one at a time; those that waited come first."""
        self._own.set_callback(callback)

    async def subscribe(
        self,
        callback: Callback | None = None,
        *,
        request: Any = None,
        farewell: Any = None,
        matches: Callable[[Any], bool] | None = None,
        error_callback: ErrorCallback | None = None,
        policy: Policy = "drop_oldest",
        limit: int = INBOX_LIMIT,
        key: Callable[[Any], Hashable] | None = None,
    ) -> Subscription:
        """Return a new subscription to the messages that `matches` picks.

        `request` is sent now and after each reconnect, `farewell` when it ends. When a stream's last subscription ends,
        the stream is closed.

        Raises:
            NotConnected, StreamClosed, ProtocolError: `request` cannot be sent; nothing is subscribed.
        """
        subscription = Subscription(
            callback=callback,
            error_callback=error_callback,
            matches=matches,
            policy=policy,
            limit=limit,
            key=key,
            release=self._release,
            on_room=self._make_room,
            name=self.id,
        )
        if not self._subscriptions and not self._own.has_listener:
            self._own.discard_waiting()
        self._subscriptions[subscription] = (request, farewell)
        try:
            if request is not None:
                await self.send(request)
        except BaseException:
            self._subscriptions.pop(subscription, None)
            await subscription.aclose()
            raise
        return subscription

    def request_reconnect(self, reason: str) -> None:
        """Replace the connection by a new one, soon. `reason` is for the log."""
        if self._supervisor is not None:
            self._supervisor.request_reconnect(reason)

    async def close(self) -> None:
        """Close the connection and end all subscriptions; no task, socket or own session is left. Safe to repeat."""
        self._closed = True
        if self._first is not None and not self._first.done():
            self._first.set_exception(NotConnected(NO_CONNECTION, f"{self.id} was closed while it connected"))
        for subscription in (self._own, *self._subscriptions):
            await subscription.aclose()
        self._subscriptions.clear()
        await self._stop()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- the connection's task --------------------------------------------------------------------------------------
    async def _run(self) -> None:
        _inside.set(_inside.get() | {self})
        session = None
        if (transports := self._transports) is None:
            session = self._given_session or stream_session()
            transports = _choice(self.setting, session)
        self._supervisor = StreamSupervisor(
            self._request,
            transports,
            on_message=self._take_in,
            on_connected=self._greet,
            on_error=self._hear_of_error,
            backoff=self._backoff,
            max_attempts=self._max_attempts,
            name=self.id,
        )
        try:
            await self._supervisor.run()
        except (GaveUp, StreamClosed) as end:
            self._hear_of_error(end)
            for subscription in (self._own, *self._subscriptions):
                subscription.end(end)
        finally:
            if session is not None and session is not self._given_session:
                await session.close()
            if self._on_closed is not None:
                self._on_closed(self)

    async def _stop(self) -> None:
        """End the connection's task; called from within, it ends as soon as it waits for something."""
        if self._running is not None:
            self._running.cancel()
            if self not in _inside.get():
                await asyncio.wait([self._running])

    async def _greet(self) -> None:
        """Begin a connection: ask for the subscriptions again, then let the user catch up."""
        self._sequence = None if self._first_seq is None else SequenceChecker(self._first_seq, self.id)
        for request, _ in tuple(self._subscriptions.values()):
            if request is not None:
                await self.send(request)
        if self._first is not None and not self._first.done():
            self._first.set_result(None)
        elif self._on_reconnected is not None:
            try:
                result = self._on_reconnected(self.generation)
                if inspect.isawaitable(result):
                    await result
            except Exception as exc:  # noqa: BLE001 - the user's code: reported, and the stream goes on
                failed = CallbackFailed(f"{self.id}: on_reconnected raised {type(exc).__name__}")
                failed.__cause__ = exc
                self._own.report(failed)

    def _hear_of_error(self, error: ExtendedError) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_exception(error)
            return
        for subscription in (self._own, *self._subscriptions):
            subscription.report(error)

    def _take_in(self, text: bytes | str) -> None:
        try:
            message = self._decode(text)
        except (msgspec.DecodeError, ValueError):
            self._hear_of_error(MalformedMessage(f"{self.id}: skipped what is no message", text))
            return
        if isinstance(message, dict):
            if self._sequence is not None and isinstance(seq := message.get("seq"), int):
                self._sequence.check(seq)
            if isinstance(ts_ms := message.get("ts"), int):
                self.stats.lag.observe(ts_ms, time.time() * 1000)
        full = (not self._subscriptions or self._own.has_listener) and self._own.deliver(message)
        for subscription in tuple(self._subscriptions):
            full = subscription.deliver(message) or full
        if full and self._supervisor is not None:
            self._supervisor.pause()
            asyncio.get_running_loop().call_soon(self._make_room)

    def _make_room(self, _subscription: Subscription | None = None) -> None:
        """Go on reading unless a subscriber that blocks is full."""
        if self._supervisor is not None and not any(s.is_full for s in (self._own, *self._subscriptions)):
            self._supervisor.resume()

    async def _release(self, subscription: Subscription) -> None:
        """Let a subscription go that was ended by its user; the last one closes the stream."""
        _, farewell = self._subscriptions.pop(subscription, (None, None))
        if farewell is not None and self.is_connected:
            with contextlib.suppress(StreamClosed):  # then the subscription is gone with the connection
                await self.send(farewell)
        if not self._subscriptions and (subscription is self._own or not self._own.has_listener):
            await self.close()


class WebSocketStream(Stream):
    """A stream over WebSocket."""

    setting = "websocket"


class SSEStream(Stream):
    """A stream of server-sent events. It cannot send."""

    setting = "sse"


def _choice(setting: TransportSetting, session: aiohttp.ClientSession) -> TransportChoice:
    return TransportChoice.of(setting, websocket=AiohttpWebSocketTransport(session), sse=AiohttpSSETransport(session))


def _provider(headers: Mapping[str, str]) -> HeadersProvider:
    fixed = dict(headers)

    async def provide() -> Mapping[str, str]:
        return fixed

    return provide
