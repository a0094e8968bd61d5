"""A connection that is kept alive for its owner: what every stream for users is built on."""

import asyncio
import inspect
import itertools
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, ClassVar, Self

import aiohttp
import msgspec

from hummingbot_extended.errors import CallbackFailed, ExtendedError, GaveUp, NotConnected, StreamClosed
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.stats import StreamStats
from hummingbot_extended.streams.supervisor import NO_CONNECTION, StreamState, StreamSupervisor
from hummingbot_extended.streams.transport import HeadersProvider, StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice, TransportSetting

type Reconnected = Callable[[int], Awaitable[None] | None]

_ids = itertools.count(1)


class KeptStream(ABC):
    """One connection, opened by `connect()`, kept alive until `close()`; subclasses say what its messages are for.

    `headers` is a mapping, or an async provider that is asked at every connect (`SharedHeaders` for tokens). `request`
    holds the deadlines; its url and headers are replaced by these. Without a `session` the stream makes one and closes
    it; with `transports` it needs none. After each reconnect `on_reconnected` gets the connection's number, before any
    message: the time to fetch what was missed. `on_closed` is told once the connection's task has ended, by whomever.
    """

    setting: ClassVar[TransportSetting] = "auto"

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | HeadersProvider | None = None,
        *,
        session: aiohttp.ClientSession | None = None,
        transports: TransportChoice | None = None,
        request: StreamRequest | None = None,
        backoff: Backoff | None = None,
        max_attempts: int | None = None,
        on_reconnected: Reconnected | None = None,
        on_closed: Callable[[Any], None] | None = None,
    ) -> None:
        self.id = f"stream-{next(_ids)}"
        self.url = url
        provider = headers if headers is None or callable(headers) else _provider(headers)
        self._request = replace(request or StreamRequest(url=url), url=url, headers=provider)
        self.stats = StreamStats()  # over all connections
        self._given_session = session
        self._transports = transports
        self._backoff = backoff
        self._max_attempts = max_attempts
        self._on_reconnected = on_reconnected
        self._on_closed = on_closed
        self._supervisor: StreamSupervisor | None = None
        self._running: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self._connecting = asyncio.Lock()
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
    @abstractmethod
    def readers(self) -> int:
        """How many read it: subscriptions, or topics."""

    async def connect(self) -> None:
        """Open the stream and keep it open; nothing happens when it is open. Any number of calls make one connection.

        Cancelling leaves nothing open.

        Raises:
            ConnectFailed, Unauthorized, RateLimited: The first attempt failed; nothing is left open.
            StreamClosed: The server has nothing to say (SSE: 204), or the stream was closed meanwhile.
            SettingsError: The URL is none of a stream.
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
        await self._send_text(msgspec.json.encode(message).decode())

    def request_reconnect(self, reason: str) -> None:
        """Replace the connection by a new one, soon. `reason` is for the log."""
        if self._supervisor is not None:
            self._supervisor.request_reconnect(reason)

    async def close(self) -> None:
        """Close the connection and end all subscriptions; no task, socket or own session is left. Safe to repeat."""
        self._closed = True
        if self._first is not None and not self._first.done():
            self._first.set_exception(NotConnected(NO_CONNECTION, f"{self.id} was closed while it connected"))
        await self._close_subscriptions()
        await self._stop()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- what the connection is for -----------------------------------------------------------------------------------
    @abstractmethod
    async def _greet(self) -> None:
        """Begin a connection, before its first message: send what must be sent."""

    @abstractmethod
    def _take_in(self, text: bytes | str) -> None:
        """Take a message. A ProtocolError has the connection replaced."""

    @abstractmethod
    def _report(self, error: ExtendedError) -> None:
        """Tell the users of an error; the stream goes on."""

    @abstractmethod
    def _end_subscriptions(self, error: ExtendedError) -> None:
        """No more messages will come: the stream ended by itself."""

    @abstractmethod
    async def _close_subscriptions(self) -> None:
        """End what the stream's users hold of it, and wait for their callbacks."""

    # --- the connection's task --------------------------------------------------------------------------------------
    async def _run(self) -> None:
        session = None
        if (transports := self._transports) is None:
            session = self._given_session or stream_session()
            transports = _choice(self.setting, session)
        self._supervisor = StreamSupervisor(
            self._request,
            transports,
            on_message=self._take_in,
            on_connected=self._begin,
            on_error=self._hear_of_error,
            backoff=self._backoff,
            max_attempts=self._max_attempts,
            stats=self.stats,
            name=self.id,
        )
        try:
            await self._supervisor.run()
        except (GaveUp, StreamClosed) as end:
            self._end_by(end)
        except Exception as exc:  # noqa: BLE001 - the user's `decode` or `stamp`, say: nobody may be left waiting
            failed = CallbackFailed(f"{self.id} has ended by an unexpected {type(exc).__name__}")
            failed.__cause__ = exc
            self._end_by(failed)
        finally:
            if session is not None and session is not self._given_session:
                await session.close()
            if self._on_closed is not None:
                self._on_closed(self)

    async def _stop(self) -> None:
        """End the connection's task and wait for it; called from within it, the wait is what it is cancelled in."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _begin(self) -> None:
        """Begin a connection; the first one answers `connect()`, later ones let the user catch up."""
        await self._greet()
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
                self._report(failed)

    def _end_by(self, error: ExtendedError) -> None:
        self._hear_of_error(error)
        self._end_subscriptions(error)

    def _hear_of_error(self, error: ExtendedError) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_exception(error)
        else:
            self._report(error)

    async def _send_text(self, text: str) -> None:
        if self._supervisor is None:
            raise NotConnected(NO_CONNECTION, f"{self.id} is not connected")
        await self._supervisor.send(text)


def _choice(setting: TransportSetting, session: aiohttp.ClientSession) -> TransportChoice:
    return TransportChoice.of(setting, websocket=AiohttpWebSocketTransport(session), sse=AiohttpSSETransport(session))


def _provider(headers: Mapping[str, str]) -> HeadersProvider:
    fixed = dict(headers)

    async def provide() -> Mapping[str, str]:
        return fixed

    return provide
