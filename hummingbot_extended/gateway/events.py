"""Events and the engine that hands them to listeners, in order, in a thread of its own."""

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Self

logger = logging.getLogger(__name__)

MAX_EVENTS = 100_000
STOP_TIMEOUT_S = 10.0


class EventType(Enum):
    """What an event is about."""

    MARKET_DATA = 1
    ORDER_UPDATE = 2
    TRADE_UPDATE = 3
    STRATEGY_UPDATE = 4
    ERROR = 5
    INFO = 6
    SYSTEM = 7

    def __str__(self) -> str:
        return self.name


class Event:
    """Something that happened. `data` is copied in and out (one level); `timestamp` is local time without a zone.

    Two events are equal when their type and data are; an event cannot be hashed.
    """

    __slots__ = ("_data", "_source", "_timestamp", "_type")
    __hash__ = None  # type: ignore[assignment]  # its data may change hands, so no set may rely on it

    def __init__(self, event_type: EventType, data: Mapping[str, Any], source: str | None = None) -> None:
        self._type = event_type
        self._data = dict(data)
        self._source = source
        self._timestamp = datetime.now()  # noqa: DTZ005  local time without a zone is what the seed's events carry

    @property
    def type(self) -> EventType:
        """What the event is about."""
        return self._type

    @property
    def data(self) -> dict[str, Any]:
        """A copy of what happened."""
        return self._data.copy()

    @property
    def timestamp(self) -> datetime:
        """When the event was made."""
        return self._timestamp

    @property
    def source(self) -> str | None:
        """Who made the event."""
        return self._source

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return self._type is other._type and self._data == other._data

    def __repr__(self) -> str:
        return f"Event({self._type}, {self._data}, source={self._source!r})"


class EventListener:
    """Receives the events of its types. Subclasses say what to do in `handle_event`."""

    def __init__(self, name: str, event_types: Iterable[EventType]) -> None:
        self.name = name
        self.event_types = set(event_types)

    def can_handle_event_type(self, event_type: EventType) -> bool:
        """Return whether the listener wants events of this type."""
        return event_type in self.event_types

    def handle_event(self, event: Event) -> None:
        """Receive an event, in the engine's thread. An exception is logged and stops neither engine nor others."""


class EventEngine:
    """Hands events to listeners, one after another, in the order they were put, in a daemon thread.

    Listeners run in that thread, not in an event loop: one that touches asyncio is an `AsyncEventListener`, or goes
    through `loop.call_soon_threadsafe`. Events put before `start`, or after `stop`, wait for the next start. At most
    `max_events` wait: then the oldest MARKET_DATA makes room; where none waits, the new event is refused with an error
    in the log. `dropped` counts both.
    """

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        if max_events < 1:
            raise ValueError("max_events must be at least 1")
        self.dropped = 0
        self._max_events = max_events
        # Two queues of (ticket, event), so that market data can make room without a search; tickets keep the order.
        self._market_data: deque[tuple[int, Event]] = deque()
        self._others: deque[tuple[int, Event]] = deque()
        self._tickets = 0
        self._listeners: tuple[EventListener, ...] = ()
        self._changed = threading.Condition()
        self._run: _Run | None = None

    def __repr__(self) -> str:
        state = "running" if self.is_running() else "stopped"
        waiting = len(self._market_data) + len(self._others)
        return f"<EventEngine {state}, {waiting} waiting, {self.dropped} dropped>"

    def register_listener(self, listener: EventListener) -> None:
        """Add a listener, once; it sees events that are handed out from now on."""
        with self._changed:
            if listener not in self._listeners:
                self._listeners = (*self._listeners, listener)

    def unregister_listener(self, listener: EventListener) -> None:
        """Remove a listener; one that is not registered is no error."""
        with self._changed:
            self._listeners = tuple(registered for registered in self._listeners if registered is not listener)

    def get_listeners(self) -> list[EventListener]:
        """Return the listeners in the order of their registration."""
        return list(self._listeners)

    def put(self, event: Event) -> None:
        """Queue an event. Never blocks; may be called from any thread."""
        with self._changed:
            if len(self._market_data) + len(self._others) >= self._max_events:
                self.dropped += 1
                if not self._market_data:
                    logger.error("The event engine is full (%d events wait); lost: %r", self._max_events, event)
                    return
                self._market_data.popleft()
            queue = self._market_data if event.type is EventType.MARKET_DATA else self._others
            queue.append((self._tickets, event))
            self._tickets += 1
            self._changed.notify_all()

    def is_running(self) -> bool:
        """Return whether the engine's thread hands out events."""
        return self._run is not None

    def start(self) -> None:
        """Start handing out events. Does nothing when running."""
        with self._changed:
            if self._run is None:
                self._run = _Run()
                self._run.thread = threading.Thread(
                    target=self._hand_out, args=(self._run,), name="EventEngine", daemon=True
                )
                self._run.thread.start()

    def stop(self) -> None:
        """Hand out what waits, then stop. Waits for that up to 10 s; called by a listener it does not wait."""
        with self._changed:
            run, self._run = self._run, None
            if run is None or run.thread is None:
                return
            run.stop_at = self._tickets
            self._changed.notify_all()
        if run.thread is not threading.current_thread():
            run.thread.join(STOP_TIMEOUT_S)
            if run.thread.is_alive():
                logger.error("A listener has not returned for %g s; the engine stopped without it.", STOP_TIMEOUT_S)

    def _hand_out(self, run: "_Run") -> None:
        while (event := self._next(run)) is not None:
            for listener in self._listeners:
                try:
                    if listener.can_handle_event_type(event.type):
                        listener.handle_event(event)
                except BaseException:  # whatever a listener raises (SystemExit too) is its own, and ends no engine
                    logger.exception("The listener %s failed on %r", listener.name, event)

    def _next(self, run: "_Run") -> Event | None:
        """Wait for the next event; None when `run` has handed out what waited at its stop."""
        with self._changed:
            while True:
                queues = [queue for queue in (self._market_data, self._others) if queue]
                queue = min(queues, key=lambda queue: queue[0][0], default=None)
                if run.stop_at is not None and (queue is None or queue[0][0] >= run.stop_at):
                    return None
                if queue is not None:
                    return queue.popleft()[1]
                self._changed.wait()


class _Run:
    """One life of the engine's thread: from a start to its stop."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self.stop_at: int | None = None


class AsyncEventListener(EventListener):
    """A listener that lives in an event loop: its events come to `on_event`, one at a time, in order.

        async with MyListener("mine", [EventType.TRADE_UPDATE]) as listener:
            engine.register_listener(listener)

    At most `max_events` wait; a further one is lost with an error in the log, so that a slow coroutine cannot eat the
    memory. Leaving the block waits for the event in work and forgets what waits.
    """

    def __init__(self, name: str, event_types: Iterable[EventType], *, max_events: int = MAX_EVENTS) -> None:
        super().__init__(name, event_types)
        self._max_events = max_events
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(max_events)
        self._task: asyncio.Task[None] | None = None

    async def on_event(self, event: Event) -> None:
        """Receive an event, in the event loop. An exception is logged."""

    def handle_event(self, event: Event) -> None:
        """Pass an event from the engine's thread to the loop."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, event)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._work(), name=f"listener {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop = None
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
        if self._task is not None:
            await self._task

    def _take(self, event: Event) -> None:
        if self._loop is None:
            return
        if not self._queue.full():
            self._queue.put_nowait(event)
        else:
            logger.error("The listener %s is too slow (%d events wait); lost: %r", self.name, self._max_events, event)

    async def _work(self) -> None:
        while (event := await self._queue.get()) is not None:
            try:
                await self.on_event(event)
            except Exception:  # the user's own failure, as in the engine
                logger.exception("The listener %s failed on %r", self.name, event)
