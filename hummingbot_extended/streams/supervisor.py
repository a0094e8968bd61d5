"""One stream kept alive: connect, read, notice silence and gaps, reconnect; the owner sees messages and a state."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from time import monotonic, perf_counter
from typing import Any, Never
from urllib.parse import urlsplit

from hummingbot_extended.errors import (
    ConnectFailed,
    ExtendedError,
    GaveUp,
    NotConnected,
    ProtocolError,
    RateLimited,
    RequestTimedOut,
    StreamClosed,
    Unauthorized,
)
from hummingbot_extended.streams.backoff import Backoff, ConnectBudgets
from hummingbot_extended.streams.headers import SharedHeaders
from hummingbot_extended.streams.stats import StreamStats
from hummingbot_extended.streams.transport import HeadersProvider, StreamConnection, StreamRequest, StreamTransport
from hummingbot_extended.streams.transport_choice import TransportChoice
from hummingbot_extended.streams.turn_budget import TurnBudget, turn_budget

logger = logging.getLogger(__name__)

# Every supervisor of the process shares these unless it is given others: hosts count attempts, not our objects.
CONNECT_BUDGETS = ConnectBudgets()

NORMAL_CLOSURE = 1000
NO_CONNECTION = 1006
# Not of any standard, but what servers with tokens close with (streaming-systems.md M24).
UNAUTHORIZED_CLOSURE = 4001


class StreamState(Enum):
    """Where a stream is. LIVE and STALE are connected; STALE has been silent for half of its data deadline."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    BACKOFF = "backoff"
    CLOSED = "closed"


class StreamSupervisor:
    """Keep one stream alive, for as long as its owner runs `run()`.

    `on_message` gets each message's text, in order, synchronously: it is the hot path. A ProtocolError from it
    (SequenceGap, MalformedMessage) ends the connection and a new one is made; any other exception ends `run()`.
    `on_connected` is awaited at each connect before the first message is handed out; messages wait in the socket
    meanwhile, so it may send, but must not wait for an answer on this stream. `on_disconnected` and `on_error` get the
    error; the first only when a connection was lost, the second also for attempts that failed. `on_state` gets each
    new state. All but `on_connected` are plain functions.

    `stale_after_s` is the silence after which the state is STALE, by default half of the request's data deadline.
    `max_attempts` ends `run()` with GaveUp after so many failed attempts in a row; by default there is no end.
    `stats` are the owner's counters to count in.
    """

    def __init__(
        self,
        request: StreamRequest,
        transports: TransportChoice,
        *,
        # what the owner hears
        on_message: Callable[[bytes | str], None],
        on_connected: Callable[[], Awaitable[None]] | None = None,
        on_disconnected: Callable[[ExtendedError], None] | None = None,
        on_error: Callable[[ExtendedError], None] | None = None,
        on_state: Callable[[StreamState], None] | None = None,
        # limits
        backoff: Backoff | None = None,
        budgets: ConnectBudgets = CONNECT_BUDGETS,
        turns: TurnBudget | None = None,
        stale_after_s: float | None = None,
        max_attempts: int | None = None,
        # the world
        stats: StreamStats | None = None,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        name: str = "",
    ) -> None:
        self._request = request
        self._transports = transports
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._on_error = on_error
        self._on_state = on_state
        self._backoff = backoff or Backoff()
        self._budget = budgets.of(urlsplit(request.url).netloc)
        self._turns = turns
        self._max_attempts = max_attempts
        self._attempts = 0
        self._stale_after_s = stale_after_s or (request.data_timeout_s and request.data_timeout_s / 2)
        self._clock = clock
        self._sleep = sleep
        self.name = name or urlsplit(request.url).path
        self.stats = StreamStats() if stats is None else stats
        self._state = StreamState.CLOSED
        self._transport: StreamTransport | None = None
        self._connection: StreamConnection | None = None
        self._interrupt: asyncio.Future[str] | None = None
        self._asked: StreamClosed | None = None  # the last end that the owner asked for
        self._headers: Mapping[str, str] = {}
        self._down_since_s: float | None = None
        self._last_event_id = request.last_event_id
        self._refused_before = False
        self._paused = False
        self._flow = asyncio.Event()  # set while not paused
        self._flow.set()
        self._running = False

    def __repr__(self) -> str:
        over = f" over {self._transport.name}" if self._transport else ""
        stats = self.stats
        return (
            f"<StreamSupervisor {self.name} {self._state.name}{over}, generation {self.generation}: "
            f"{stats.messages} messages, {stats.gaps} gaps, {stats.errors} errors>"
        )

    @property
    def state(self) -> StreamState:
        """Where the stream is. CLOSED before `run()` and after it."""
        return self._state

    @property
    def generation(self) -> int:
        """The number of the connection that messages come from: +1 at each connect, 0 before the first."""
        return self.stats.connects

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open (LIVE or STALE)."""
        return self._connection is not None

    @property
    def transport_name(self) -> str | None:
        """The transport of the connection, or of the last one; None before the first."""
        return self._transport.name if self._transport else None

    async def run(self) -> Never:
        """Keep the stream alive until cancelled.

        Cancelling closes the connection, in at most 2 s. What the hooks raise passes through, the connection closed.

        Raises:
            GaveUp: `max_attempts` failed in a row.
            StreamClosed: The server said that there is nothing to come back for (SSE: 204).
        """
        if self._running:
            raise RuntimeError(f"{self.name} is running already")
        self._running = True
        try:
            while True:
                self._change_state(StreamState.CONNECTING)
                try:
                    connection = await self._connect()
                except StreamClosed:
                    raise
                except ExtendedError as error:
                    self._attempts += 1
                    if self._attempts == self._max_attempts:
                        raise GaveUp(self.name, self._attempts) from error
                    await self._wait_after(error)
                else:
                    self._attempts = 0
                    await self._live_through(connection)
        finally:
            self._running = False
            self._change_state(StreamState.CLOSED)

    def request_reconnect(self, reason: str) -> None:
        """Replace the connection by a new one, soon; nothing happens while there is none. `reason` is for the log."""
        if self._interrupt is not None and not self._interrupt.done():
            self._interrupt.set_result(reason)

    def pause(self) -> None:
        """Stop handing out messages after the one in hand; they wait in the socket, and then the server has to wait."""
        self._paused = True
        self._flow.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused = False
        self._flow.set()

    async def send(self, text: str) -> None:
        """Send a text message.

        Raises:
            NotConnected: There is no connection.
            StreamClosed: The connection has just ended.
            ProtocolError: The transport cannot send (SSE).
        """
        if self._connection is None:
            raise NotConnected(NO_CONNECTION, f"{self.name} is not connected")
        await self._connection.send(text)

    # --- connecting -------------------------------------------------------------------------------------------------
    async def _connect(self) -> StreamConnection:
        """Open a stream by the first transport that the server takes."""
        transports = self._transports.in_order(self._request.url)
        for transport in transports:
            try:
                return await self._open(transport)
            except ConnectFailed as error:
                if transport is transports[-1]:
                    raise
                logger.debug("%s does not open over %s: %s", self.name, transport.name, error)
        raise AssertionError("a TransportChoice holds at least one transport")

    async def _open(self, transport: StreamTransport) -> StreamConnection:
        if (wait_s := self._budget.reserve(self._clock())) > 0:
            try:
                await self._sleep(wait_s)
            except BaseException:
                self._budget.give_back()
                raise
        headers = await self._ask_headers()
        try:
            connection = await self._open_with(headers, transport)
        except Unauthorized:
            refused, headers = headers, await self._ask_headers(instead_of=headers)
            if headers == refused:
                raise
            connection = await self._open_with(headers, transport)
        if self._transports.succeeded(self._request.url, transport):
            logger.info("%s streams over %s now", self.name, transport.name)
        self._transport = transport
        self._headers = headers
        return connection

    async def _open_with(self, headers: Mapping[str, str], transport: StreamTransport) -> StreamConnection:
        request = replace(self._request, headers=_always(headers), last_event_id=self._last_event_id)
        return await transport.open(request)

    async def _ask_headers(self, *, instead_of: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Ask the provider, after telling it that `instead_of` was refused."""
        provider = self._request.headers
        if provider is None:
            return {}
        if instead_of is not None and isinstance(provider, SharedHeaders):
            provider.reject(instead_of)
        timeout_s = self._request.connect_timeout_s
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                return await provider()
        except ExtendedError:
            raise
        except TimeoutError as exc:
            if not deadline.expired():
                raise ConnectFailed("the headers provider failed (TimeoutError)") from exc
            raise ConnectFailed(f"the headers provider gave nothing within {timeout_s:g} s") from None
        except Exception as exc:  # the provider is the user's code: whatever it raises, there are no headers now
            raise ConnectFailed(f"the headers provider failed ({type(exc).__name__})") from exc

    # --- living -----------------------------------------------------------------------------------------------------
    async def _live_through(self, connection: StreamConnection) -> None:
        """Read from a connection, and from those that replace it in place, until one is lost; then wait."""
        while True:
            opened_s = self._clock()
            try:
                connection = await self._serve(connection)
            except ExtendedError as error:
                if self._on_disconnected is not None:
                    self._on_disconnected(error)
                # One that was given up for its silence was healthy until then; an idle one that was lost, to the end.
                was_given_up = isinstance(error, RequestTimedOut) or error is self._asked
                until_s = (self.stats.last_message_at_s or opened_s) if was_given_up else self._clock()
                live_s = max(0.0, until_s - opened_s)
                await self._wait_after(error, live_s=live_s, at_least_s=connection.retry_after_s or 0.0)
                return

    async def _serve(self, connection: StreamConnection) -> StreamConnection:
        """Serve one connection to its end. Return the better one that replaces it, or raise why it was lost."""
        self._connection = connection
        self._interrupt = asyncio.get_running_loop().create_future()
        tasks: list[asyncio.Task[StreamConnection]] = []
        better = None
        try:
            await self._welcome()
            tasks = [asyncio.create_task(work) for work in self._work_on(connection)]
            work: set[asyncio.Future[Any]] = {self._interrupt, *tasks}
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            if self._interrupt.done():
                self._asked = StreamClosed(NORMAL_CLOSURE, f"asked to reconnect: {self._interrupt.result()}")
                raise self._asked
            better = next(task for task in tasks if task.done()).result()
            return better
        finally:
            self._connection = self._interrupt = None
            self._last_event_id = connection.last_event_id
            try:
                await _end(tasks, keep=better)
            finally:  # also where it is cancelled once more meanwhile
                await connection.close()

    def _work_on(self, connection: StreamConnection) -> Iterator[Coroutine[Any, Any, StreamConnection]]:
        yield self._read(connection)
        if self._stale_after_s is not None:
            yield self._watch(self._stale_after_s)
        if self._transport is not self._transports.best:
            yield self._seek_better()

    async def _welcome(self) -> None:
        now = self._clock()
        self.stats.connects += 1
        self.stats.connected_at_s = now
        if self._on_connected is not None:
            await self._on_connected()
        if self._down_since_s is not None:
            logger.info("%s is back after %.1f s, over %s", self.name, now - self._down_since_s, self.transport_name)
            self._down_since_s = None
        self._change_state(StreamState.LIVE)

    async def _read(self, connection: StreamConnection) -> Never:
        """Hand out messages for ever: what is here already in one go, within the loop's budget."""
        on_message, stats, turns = self._on_message, self.stats, self._turns or turn_budget()
        while True:
            messages = await connection.receive()
            stats.arrived(len(messages), sum(map(len, messages)), self._clock())
            if self._state is StreamState.STALE:
                self._change_state(StreamState.LIVE)
            deadline, served = turns.deadline(), False
            for message in messages:
                while perf_counter() >= deadline:
                    deadline, served = await turns.next_turn(served=served), False
                on_message(message)
                served = True
                if self._paused:
                    turns.leave(deadline)
                    await self._flow.wait()
                    deadline, served = turns.deadline(), False
            turns.leave(deadline)

    async def _watch(self, stale_after_s: float) -> Never:
        """Notice silence, for ever. What ends a silent connection is its data deadline, not this."""
        while True:
            heard_s = max(self.stats.connected_at_s or 0.0, self.stats.last_message_at_s or 0.0)
            remaining_s = heard_s + stale_after_s - self._clock()
            if remaining_s <= 0 and self._state is StreamState.LIVE:
                self.stats.stalls += 1
                self._change_state(StreamState.STALE)
            await self._sleep(remaining_s if remaining_s > 0 else stale_after_s)

    async def _seek_better(self) -> StreamConnection:
        """Return a connection over the preferred transport once it opens; the present one lives on until then."""
        url, choice = self._request.url, self._transports
        while True:
            while (wait_s := choice.better_due_in_s(url)) > 0:
                await self._sleep(wait_s)
            choice.tries_better(url)
            try:
                return await self._open(choice.best)
            except ExtendedError as error:
                logger.debug("%s stays on %s: %s", self.name, self.transport_name, error)

    # --- between connections ----------------------------------------------------------------------------------------
    async def _wait_after(self, error: ExtendedError, *, live_s: float = 0.0, at_least_s: float = 0.0) -> None:
        """Report why there is no connection, and wait for the time to make a new one."""
        self.stats.count_error(error)
        if self._down_since_s is None:
            self._down_since_s = self._clock()
            logger.warning("%s is down, reconnecting: %s", self.name, error)
        if self._on_error is not None:
            self._on_error(error)
        self._change_state(StreamState.BACKOFF)
        healthy = self._backoff.is_healthy(live_s)
        if isinstance(error, RateLimited):
            at_least_s = max(at_least_s, error.retry_after_s or 0.0)
        delay_s = self._backoff.next_delay_s(live_s, at_least_s)
        if isinstance(error, StreamClosed) and error.code == UNAUTHORIZED_CLOSURE:
            if isinstance(self._request.headers, SharedHeaders):
                self._request.headers.reject(self._headers)
            if healthy or not self._refused_before:
                delay_s = 0.0  # once, with headers asked anew
            self._refused_before = True
        elif healthy and (isinstance(error, ProtocolError) or error is self._asked):
            delay_s = 0.0  # the fault was one message's, not the host's
        await self._sleep(delay_s)

    def _change_state(self, state: StreamState) -> None:
        if state is not self._state:
            self._state = state
            if self._on_state is not None:
                self._on_state(state)


async def _end(tasks: list[asyncio.Task[StreamConnection]], *, keep: StreamConnection | None) -> None:
    """Cancel the tasks and wait for them. A connection that one of them opened is closed, unless it is `keep`."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and task.exception() is None and (opened := task.result()) is not keep:
            await opened.close()


def _always(headers: Mapping[str, str]) -> HeadersProvider:
    async def provide() -> Mapping[str, str]:
        return headers

    return provide
