"""A channel read once for all its subscriptions: whoever comes later gets the present first, an outage is caught up."""

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from hummingbot_extended.client.channel import Channel
from hummingbot_extended.client.events import Reconnected
from hummingbot_extended.client.inlet import Inlet, Received, Source
from hummingbot_extended.client.listener import Listener
from hummingbot_extended.errors import CallbackFailed, ExtendedError, Outcome, ProtocolError
from hummingbot_extended.streams.stats import StreamStats
from hummingbot_extended.streams.supervisor import StreamState

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 1.0
MAX_RETRY_S = 30.0


class Interpreter(Protocol):
    """Makes events of one channel's frames, and remembers what a newcomer must know. Called by one task, in order."""

    async def take(self, received: Received) -> Iterable[Any]:
        """Return the events of a frame. Raises ProtocolError where the connection cannot be trusted any more."""
        ...

    def present(self, opening: Any) -> Iterable[Any]:
        """Return the events that tell a newcomer how things are now. `opening` is what it brought itself."""
        ...

    def reset(self) -> None:
        """A new connection: nothing of the old one's sequence counts any more."""
        ...

    async def catch_up(self) -> Iterable[Any]:
        """Return what was missed during an outage, as far as REST tells; the new connection's frames follow.

        May be called again later when it failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Join:
    listener: Listener
    opening: Any


@dataclass(frozen=True, slots=True)
class _CatchUp:
    """It is time to ask again for what an outage has missed."""

    delay_s: float  # before the next try, if this one fails too


class Feed:
    """One channel, its interpreter and its listeners. The connection is opened for the first, closed after the last."""

    def __init__(
        self, channel: Channel, interpreter: Interpreter, source: Source, *, on_idle: Callable[["Feed"], None]
    ) -> None:
        self.channel = channel
        self.interpreter = interpreter
        self._source = source
        self._on_idle = on_idle
        self._inlet: Inlet | None = None
        self._joined: list[Listener] = []
        self._waiting: list[Listener] = []  # until their place in the order comes
        self._holders = 0
        self._is_broken = False  # what comes of this connection is passed over until the next one
        self._changing = asyncio.Lock()
        self._first = asyncio.Event()
        self._room = asyncio.Event()
        self._retry: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Feed {self.channel.path} {self.state.name}, {len(self._joined) + len(self._waiting)} listeners>"

    @property
    def state(self) -> StreamState:
        """Where the connection is."""
        return self._inlet.state if self._inlet else StreamState.CLOSED

    @property
    def stats(self) -> StreamStats:
        """Counters of the connection."""
        return self._inlet.stats if self._inlet else StreamStats()

    def listeners(self) -> tuple[Listener, ...]:
        """Those who get the events, or are about to."""
        return (*self._joined, *self._waiting)

    async def hold(self) -> None:
        """Open the channel, or keep it open, until `let_go`.

        Raises:
            StreamLimitReached, ConnectFailed, Unauthorized, RateLimited: It did not open; nothing is held.
        """
        self._holders += 1
        try:
            async with self._changing:
                if self._inlet is None:
                    self._first.clear()
                    self._is_broken = False
                    self._inlet = await self._source.open(self.channel, self._handle, self._hear)
        except BaseException:
            self._holders -= 1
            self.check_idle()
            raise

    def join(self, listener: Listener, opening: Any = None) -> None:
        """Give `listener` the present, made with its `opening`, and everything after. The feed must be held."""
        self._waiting.append(listener)
        if self._inlet is not None:
            self._inlet.put(_Join(listener, opening))

    async def first_frame(self, timeout_s: float) -> bool:
        """Wait until a frame of this connection has come; False after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._first.wait()
        except TimeoutError:
            return False
        return True

    async def let_go(self, listener: Listener | None = None) -> None:
        """Forget `listener` and its `hold`; the last one closes the connection. One that is gone is no error."""
        if listener is not None:
            if listener not in self.listeners():
                return
            (self._joined if listener in self._joined else self._waiting).remove(listener)
        self._holders -= 1
        self._room.set()
        async with self._changing:
            if not self._holders:
                self._on_idle(self)
                self._cancel_retry()
                inlet, self._inlet = self._inlet, None
                if inlet is not None:
                    await inlet.close()

    def check_idle(self) -> None:
        """Say so where nobody needs the feed."""
        if not self._holders:
            self._on_idle(self)

    async def close(self) -> None:
        """Close the connection; the listeners' subscriptions are their owner's to end."""
        self._holders = 0
        self._joined.clear()
        self._waiting.clear()
        self._room.set()
        self._cancel_retry()
        if self._inlet is not None:
            inlet, self._inlet = self._inlet, None
            await inlet.close()

    # --- what comes -------------------------------------------------------------------------------------------------
    async def _handle(self, item: Any) -> None:
        match item:
            case Received():
                self._first.set()
                await self._take(item)
            case _Join(listener=listener, opening=opening):
                self._let_in(listener, opening)
            case Reconnected():
                await self._come_back(item)
            case _CatchUp(delay_s=delay_s):
                await self._catch_up(delay_s)

    async def _take(self, received: Received) -> None:
        if self._is_broken:
            return
        try:
            events = await self.interpreter.take(received)
        except ProtocolError as error:
            self._is_broken = True
            self._hear(error)
            if self._inlet is not None:
                self._inlet.request_reconnect(str(error))
        else:
            await self._give(events)

    def _let_in(self, listener: Listener, opening: Any) -> None:
        if listener in self._waiting:  # it may have left meanwhile
            self._waiting.remove(listener)
            self._joined.append(listener)
            for event in self.interpreter.present(opening):
                listener.give(event)

    async def _come_back(self, mark: Reconnected) -> None:
        for listener in tuple(self._joined):
            if listener.on_reconnected is not None:
                await _tell(listener, mark)
        self.interpreter.reset()
        self._is_broken = False
        await self._catch_up(FIRST_RETRY_S)

    async def _catch_up(self, retry_s: float) -> None:
        """Ask for what was missed. Where nobody answers the new frames go first, and it is asked for again."""
        self._cancel_retry()
        try:
            missed = await self.interpreter.catch_up()
        except ExtendedError as error:
            logger.warning("%s is back, but what was missed could not be asked for: %s", self.channel.path, error)
            self._hear(error)
            if error.outcome is Outcome.UNKNOWN and self._inlet is not None:
                again = _CatchUp(min(MAX_RETRY_S, retry_s * 2))
                self._retry = asyncio.get_running_loop().call_later(retry_s, self._inlet.put, again)
        else:
            await self._give(missed)

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    async def _give(self, events: Iterable[Any]) -> None:
        for event in events:
            # Every listener gets it; where an inbox is full now, the callbacks get a turn before the next event.
            if sum(listener.give(event) for listener in self._joined):
                await asyncio.sleep(0)
        while any(listener.subscription.is_full for listener in self._joined):
            self._room.clear()
            await self._room.wait()
        for listener in [each for each in self._joined if not each.subscription.is_active()]:
            await self.let_go(listener)  # it was ended by its own policy

    def make_room(self, *_: Any) -> None:
        """A subscription with the policy `block` has taken a message: go on if all have room."""
        self._room.set()

    def _hear(self, error: ExtendedError) -> None:
        for listener in self.listeners():
            listener.subscription.report(error)
        # What ends a stream for good is reported before it ends.
        asyncio.get_running_loop().call_soon(self._end_if_over, error)

    def _end_if_over(self, error: ExtendedError) -> None:
        if self._inlet is not None and self._inlet.is_over:
            for listener in self.listeners():
                listener.subscription.end(error)


async def _tell(listener: Listener, mark: Reconnected) -> None:
    tell: Callable[[Reconnected], Any] = listener.on_reconnected  # type: ignore[assignment]  # asked before
    try:
        result = tell(mark)
        if inspect.isawaitable(result):
            await result
    except Exception as exc:  # noqa: BLE001 - the user's code: reported, and the feed goes on
        failed = CallbackFailed(f"{listener.subscription.id}: on_reconnected raised {type(exc).__name__}")
        failed.__cause__ = exc
        listener.subscription.report(failed)
