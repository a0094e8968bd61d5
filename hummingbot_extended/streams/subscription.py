"""What a user holds of a stream: callbacks or an async iterator over its messages, and the way to end it."""

import asyncio
import inspect
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from hummingbot_extended.errors import CallbackFailed, ExtendedError, InboxFull, SettingsError, SubscriptionError
from hummingbot_extended.streams.inbox import Inbox, Policy

logger = logging.getLogger(__name__)

type Callback = Callable[[Any], Awaitable[None] | None]
type ErrorCallback = Callable[[ExtendedError], Awaitable[None] | None]

INBOX_LIMIT = 1024
# Errors beyond so many that wait for a slow async error_callback go to the log only.
MAX_REPORTS = 64

_ids = itertools.count(1)
# The subscriptions whose callback is running, in the tasks that it started too: it must not be waited for from there.
_inside: ContextVar[frozenset["Subscription"]] = ContextVar("_inside", default=frozenset())


@dataclass(slots=True)
class SubscriptionStats:
    """Counters of one subscription: messages received by it, handed out, lost to its policy, and failed callbacks."""

    received: int = 0
    delivered: int = 0
    dropped: int = 0
    conflated: int = 0
    callback_errors: int = 0


class Subscription:
    """One subscriber of a stream, with an inbox of its own: a slow or failing callback hurts nobody else.

    Callbacks (async, or plain functions) get one message at a time, in order; one that raises is reported to
    `error_callback` (CallbackFailed) and goes on with the next message. CPU-heavy work belongs into
    `asyncio.to_thread`: a callback runs on the event loop. Instead of callbacks, `async for message in subscription`
    takes the messages; it ends with `unsubscribe()`, and raises what ended the stream otherwise.
    Messages that arrive before the first callback wait in the inbox.

    `matches` picks the messages that concern it; without it, all do. `policy` says what happens when `limit` messages
    wait (see `Inbox`), `key` what conflates with what.
    """

    def __init__(
        self,
        *,
        # what the subscriber hears
        callback: Callback | None = None,
        error_callback: ErrorCallback | None = None,
        matches: Callable[[Any], bool] | None = None,
        # its inbox
        policy: Policy = "drop_oldest",
        limit: int = INBOX_LIMIT,
        key: Callable[[Any], Hashable] | None = None,
        # what the stream hears
        release: Callable[["Subscription"], Awaitable[None]] | None = None,
        on_room: Callable[["Subscription"], None] | None = None,
        name: str = "",
    ) -> None:
        self.id = f"{name or 'subscription'}-{next(_ids)}"
        self.stats = SubscriptionStats()
        self._callbacks: list[Callback] = []
        self._error_callback = error_callback
        self._matches = matches
        self._inbox = Inbox(policy, limit, key)
        self._release = release
        self._on_room = on_room
        self._active = True
        self._ended_by: ExtendedError | None = None
        self._iterating = False
        self._overflowing = False
        self._arrival: asyncio.Future[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._reports: set[asyncio.Task[None]] = set()
        if callback is not None:
            self.add_callback(callback)

    def __repr__(self) -> str:
        state = "active" if self._active else "ended"
        return f"<Subscription {self.id} {state}: {len(self._inbox)} waiting, {self.stats.delivered} delivered>"

    def get_id(self) -> str:
        """Return the id, unique in this process."""
        return self.id

    def is_active(self) -> bool:
        """Whether messages still come: neither unsubscribed nor ended by its stream."""
        return self._active

    @property
    def is_full(self) -> bool:
        """Whether the stream must wait before it delivers more (policy `block`)."""
        return self._active and self._inbox.policy == "block" and self._inbox.is_full

    @property
    def has_listener(self) -> bool:
        """Whether somebody takes the messages: a callback or an iterator."""
        return bool(self._callbacks) or self._iterating

    def set_callback(self, callback: Callback) -> None:
        """Have `callback` called instead of all callbacks before. Otherwise as `add_callback`."""
        self._callbacks.clear()
        self.add_callback(callback)

    def add_callback(self, callback: Callback) -> None:
        """Have `callback` called with each message from now on, and with those that wait if it is the first.

        Raises:
            SettingsError: The subscription is being iterated over.
        """
        if self._iterating:
            raise SettingsError("a subscription has either callbacks or an iterator")
        self._callbacks.append(callback)
        if self._pump is None and self._active:
            self._pump = asyncio.create_task(self._hand_out(), name=f"{self.id} callbacks")

    async def unsubscribe(self) -> None:
        """End the subscription: its stream is told, what waits is forgotten. Safe to repeat, also from a callback.

        A callback that runs is cancelled (one that calls this is not) and awaited.
        """
        if self._active:
            self.end()
            self._inbox.clear()
            if self._release is not None:
                await self._release(self)
        await self._stop_pump()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.unsubscribe()

    async def __aiter__(self) -> AsyncIterator[Any]:
        if self._callbacks:
            raise SettingsError("a subscription has either callbacks or an iterator")
        self._iterating = True
        while await self._something_waits():
            yield self._take()
        if self._ended_by is not None:
            raise self._ended_by

    # --- the stream's side ------------------------------------------------------------------------------------------
    def deliver(self, message: Any) -> bool:
        """Put a message that concerns this subscription into the inbox; never waits.

        True when the inbox is full now: the stream then gives the callbacks a turn of the loop before the next message,
        so that only a slow subscriber loses any; under `block` it waits for as long as `is_full`.
        """
        if not self._active or not self._concerns(message):
            return False
        self.stats.received += 1
        match self._inbox.put(message):
            case "conflated":
                self.stats.conflated += 1
            case "dropped":
                self.stats.dropped += 1
                self._report_overflow("the oldest are dropped")
            case "refused":
                self.stats.dropped += 1
                full = InboxFull(self.id, self._inbox.limit, "the subscription ends")
                self.report(full)
                self.end(full)
        self._wake()
        return self._inbox.is_full

    def report(self, error: ExtendedError) -> None:
        """Tell `error_callback` of an error; without one, an error of the subscriber's own goes to the log."""
        if self._error_callback is None or len(self._reports) >= MAX_REPORTS:
            if isinstance(error, SubscriptionError):
                logger.warning("%s", error, exc_info=error.__cause__)
            return
        try:
            result = self._error_callback(error)
        except Exception:  # it is the last resort for errors: its own can only be logged
            logger.exception("the error_callback of %s failed", self.id)
            return
        if inspect.isawaitable(result):
            reporting = asyncio.create_task(self._finish_report(result))
            self._reports.add(reporting)
            reporting.add_done_callback(self._reported)

    def end(self, error: ExtendedError | None = None) -> None:
        """Take no more messages; what waits is still handed out. `error` is why, None for a normal end."""
        if self._active:
            self._active = False
            self._ended_by = error
            self._wake()
            self._room()

    async def aclose(self) -> None:
        """End without telling the stream (it is the stream that closes) and wait for the callbacks' task."""
        self.end()
        self._inbox.clear()
        await self._stop_pump()

    def discard_waiting(self) -> None:
        """Forget what waits; the subscription goes on."""
        self._inbox.clear()
        self._room()

    # --- inside -----------------------------------------------------------------------------------------------------
    async def _something_waits(self) -> bool:
        """Return True as soon as a message waits, False at the end."""
        while not self._inbox:
            if not self._active:
                return False
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
        return True

    def _take(self) -> Any:
        message = self._inbox.take()
        self.stats.delivered += 1
        if not self._inbox:
            self._overflowing = False
        self._room()
        return message

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _room(self) -> None:
        if self._on_room is not None and self._inbox.policy == "block" and not self.is_full:
            self._on_room(self)

    async def _finish_report(self, reporting: Awaitable[None]) -> None:
        _inside.set(_inside.get() | {self})
        await reporting

    async def _hand_out(self) -> None:
        _inside.set(_inside.get() | {self})
        while await self._something_waits():
            message = self._take()
            for callback in tuple(self._callbacks):
                await self._call(callback, message)

    async def _call(self, callback: Callback, message: Any) -> None:
        try:
            result = callback(message)
            if inspect.isawaitable(result):
                await result
        except Exception as exc:  # noqa: BLE001 - the user's code: whatever it raises is reported, and the stream goes on
            self._report_failure(callback, exc)

    def _concerns(self, message: Any) -> bool:
        if self._matches is None:
            return True
        try:
            return self._matches(message)
        except Exception as exc:  # noqa: BLE001 - as in _call
            self._report_failure(self._matches, exc)
            return False

    def _report_failure(self, function: Callable[[Any], Any], exc: Exception) -> None:
        self.stats.callback_errors += 1
        name = getattr(function, "__qualname__", repr(function))
        failed = CallbackFailed(f"{self.id}: {name} raised {type(exc).__name__}")
        failed.__cause__ = exc
        self.report(failed)

    async def _stop_pump(self) -> None:
        if self in _inside.get():
            return  # called by a callback: the pump ends on its own once that returns
        owned = {task for task in (self._pump, *self._reports) if task is not None}
        for task in owned:
            task.cancel()
        if owned:
            await asyncio.wait(owned)

    def _report_overflow(self, consequence: str) -> None:
        """Report once until the subscriber has caught up."""
        if not self._overflowing:
            self._overflowing = True
            self.report(InboxFull(self.id, self._inbox.limit, consequence))

    def _reported(self, reporting: asyncio.Task[None]) -> None:
        self._reports.discard(reporting)
        if not reporting.cancelled() and (error := reporting.exception()) is not None:
            logger.error("the error_callback of %s failed", self.id, exc_info=error)
