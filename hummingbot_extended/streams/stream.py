"""Streams for users: parsed messages for callbacks and iterators."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import msgspec

from hummingbot_extended.errors import ExtendedError, MalformedMessage, StreamClosed
from hummingbot_extended.streams.inbox import Policy
from hummingbot_extended.streams.kept_stream import KeptStream
from hummingbot_extended.streams.sequence import SequenceChecker
from hummingbot_extended.streams.subscription import INBOX_LIMIT, Callback, ErrorCallback, Subscription
from hummingbot_extended.streams.transport import HeadersProvider

type Stamp = tuple[int | None, int | None]


def stamp_of_object(message: Any) -> Stamp:
    """Return (exchange time in ms, sequence number) of a JSON object with "ts" and "seq"; None for what it lacks."""
    if not isinstance(message, dict):
        return None, None
    ts_ms, seq = message.get("ts"), message.get("seq")
    return ts_ms if isinstance(ts_ms, int) else None, seq if isinstance(seq, int) else None


class Stream(KeptStream):
    """A connection that is kept alive, and its subscriptions. `WebSocketStream` and `SSEStream` fix its transport.

    Messages go to the stream's own callback (`set_callback`; they wait for the first one) and to its subscriptions.
    What goes wrong with the connection goes to `error_callback` and to theirs, and never ends the stream.

    `decode` makes a message of a text; a ValueError has the text skipped and reported, a ProtocolError has the
    connection replaced. `stamp` finds time and sequence number in it; with `first_seq` the numbers are checked from
    there on, at each connection. `policy`, `limit` and `key` are for the own inbox (see `Inbox`), `connection` is for
    `KeptStream`.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | HeadersProvider | None = None,
        *,
        # what its messages are
        decode: Callable[[bytes | str], Any] = msgspec.json.decode,
        stamp: Callable[[Any], Stamp] = stamp_of_object,
        first_seq: int | None = None,
        # who hears of it
        error_callback: ErrorCallback | None = None,
        # the own inbox
        policy: Policy = "block",
        limit: int = INBOX_LIMIT,
        key: Callable[[Any], Hashable] | None = None,
        **connection: Any,
    ) -> None:
        super().__init__(url, headers, **connection)
        self._decode = decode
        self._stamp = stamp
        self._first_seq = first_seq
        self._sequence: SequenceChecker | None = None
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

    @property
    def subscription(self) -> Subscription:
        """The stream's own subscription: iterate over it, or give it callbacks."""
        return self._own

    @property
    def readers(self) -> int:
        """See KeptStream: the own subscription counts once it is listened to."""
        return len(self._subscriptions) + self._own.has_listener

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

    # --- the connection's side ----------------------------------------------------------------------------------------
    async def _greet(self) -> None:
        self._sequence = None if self._first_seq is None else SequenceChecker(self._first_seq, self.id)
        for request, _ in tuple(self._subscriptions.values()):
            if request is not None:
                await self.send(request)

    def _report(self, error: ExtendedError) -> None:
        for subscription in (self._own, *self._subscriptions):
            subscription.report(error)

    def _end_subscriptions(self, error: ExtendedError) -> None:
        for subscription in (self._own, *self._subscriptions):
            subscription.end(error)

    async def _close_subscriptions(self) -> None:
        for subscription in (self._own, *self._subscriptions):
            await subscription.aclose()
        self._subscriptions.clear()

    def _take_in(self, text: bytes | str) -> None:
        try:
            message = self._decode(text)
        except ValueError:  # msgspec's errors and bad UTF-8 are of this kind
            self._report(MalformedMessage(f"{self.id}: skipped what is no message", text))
            return
        ts_ms, seq = self._stamp(message)
        if self._sequence is not None and seq is not None:
            self._sequence.check(seq)
        if ts_ms is not None and self.stats.lag_is_due:
            self.stats.observe_lag(ts_ms, time.time() * 1000)
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
