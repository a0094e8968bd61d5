"""One JSON-RPC socket for many topics, kept alive: topics come back after a reconnect, calls have a deadline."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import msgspec

from hummingbot_extended.errors import ExtendedError, MalformedMessage, RequestTimedOut, StreamClosed
from hummingbot_extended.streams.inbox import Policy
from hummingbot_extended.streams.jsonrpc import Reply, RpcProtocol, Topic
from hummingbot_extended.streams.kept_stream import KeptStream
from hummingbot_extended.streams.subscription import INBOX_LIMIT, Callback, ErrorCallback, Subscription
from hummingbot_extended.streams.supervisor import NO_CONNECTION
from hummingbot_extended.streams.transport import HeadersProvider

REQUEST_TIMEOUT_S = 10.0
# A topic that did not come back with the connection is asked for again so often.
ASK_AGAIN_AFTER_S = 30.0

type Sink = Callable[[bytes | str], None]
type ErrorSink = Callable[[ExtendedError], None]


class Listener:
    """Somebody who takes the frames of one topic. `await close()` gives them up."""

    __slots__ = ("_stream", "on_error", "on_reconnected", "sink", "topic")

    def __init__(
        self,
        stream: "RpcStream",
        topic: Topic,
        sink: Sink,
        on_error: ErrorSink | None,
        on_reconnected: Callable[[], None] | None,
    ) -> None:
        self._stream = stream
        self.topic = topic
        self.sink = sink
        self.on_error = on_error
        self.on_reconnected = on_reconnected

    async def close(self) -> None:
        """Take no more frames; the topic's last listener unsubscribes from it. Safe to repeat."""
        await self._stream._drop(self)


class RpcStream(KeptStream):
    """A JSON-RPC client that lives on one WebSocket (API reference §6.8).

    A topic is subscribed to once, however many listen to it; a new listener makes the server send its snapshot again,
    to all of them. Frames are handed out in the order in which they come. A gap in the connection's `seq` has it
    replaced, and then every topic begins anew; one that the server then refuses is reported, and asked for again until
    nobody listens. `request_timeout_s` is for each call: some wrong ones get no answer.

    What goes wrong with the connection goes to `error_callback` (async or plain) and to each listener's. `decode` makes
    the messages of subscriptions, `connection` is for `KeptStream`.
    """

    setting = "websocket"

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | HeadersProvider | None = None,
        *,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        decode: Callable[[bytes | str], Any] = msgspec.json.decode,
        error_callback: ErrorCallback | None = None,
        **connection: Any,
    ) -> None:
        super().__init__(url, headers, **connection)
        self._protocol = RpcProtocol(self.id)
        self._request_timeout_s = request_timeout_s
        self._decode = decode
        self._answers: dict[str, asyncio.Future[Reply]] = {}
        self._listeners: dict[str, tuple[Listener, ...]] = {}
        self._subscriptions: dict[Subscription, Listener] = {}
        self._own = Subscription(error_callback=error_callback, name=self.id)
        self._replay_deadline: asyncio.TimerHandle | None = None
        self._missing: set[str] = set()  # topics that this connection does not carry, although somebody listens
        self._asking_again: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, {self.readers} topics>"

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the topics that are wanted."""
        return self._protocol.topics

    @property
    def readers(self) -> int:
        """See KeptStream: the number of topics."""
        return len(self._protocol.topics)

    async def ping(self) -> None:
        """Have the server answer. Raises as `listen`."""
        await self._ask(*self._protocol.call("ping"))

    async def list_subscriptions(self) -> list[str]:
        """Return the topics that the server has for this connection, by its names. Raises as `listen`."""
        reply = await self._ask(*self._protocol.call("list-subscriptions"))
        return [str(name) for name in reply.result.get("subscriptions", ())]

    async def listen(
        self,
        topic: Topic,
        sink: Sink,
        *,
        api_key: str | None = None,
        on_error: ErrorSink | None = None,
        on_reconnected: Callable[[], None] | None = None,
    ) -> Listener:
        """Have `sink` called with each frame's text of `topic`, at once, as it comes: it is the hot path.

        Return when the server has confirmed; frames may come before that. A ProtocolError from `sink` has the
        connection replaced. Later errors of the topic (a refusal after a reconnect) go to `on_error`;
        `on_reconnected` is called before the first frame of each later connection.

        Raises:
            RequestTimedOut: The server did not answer; it does not know the topic. Nothing is subscribed.
            Unauthorized, ServerUnavailable, ApiError: It refused, by code (`jsonrpc._error`).
            NotConnected, StreamClosed: There is no connection, or it was lost meanwhile.
        """
        listener = Listener(self, topic, sink, on_error, on_reconnected)
        self._listeners[topic.name] = (*self._listeners.get(topic.name, ()), listener)
        try:
            await self._ask(*self._protocol.subscribe(topic, api_key))
        except BaseException:
            await self._drop(listener)
            raise
        return listener

    async def subscribe(
        self,
        topic: Topic,
        callback: Callback | None = None,
        *,
        api_key: str | None = None,
        error_callback: ErrorCallback | None = None,
        policy: Policy = "drop_oldest",
        limit: int = INBOX_LIMIT,
        key: Callable[[Any], Hashable] | None = None,
    ) -> Subscription:
        """Return a subscription to the decoded frames of `topic`, with an inbox of its own. Raises as `listen`."""
        subscription = Subscription(
            callback=callback,
            error_callback=error_callback,
            policy=policy,
            limit=limit,
            key=key,
            release=self._release,
            on_room=self._make_room,
            name=topic.name,
        )

        def deliver(text: bytes | str) -> None:
            try:
                message = self._decode(text)
            except ValueError:
                subscription.report(MalformedMessage(f"{self.id}: skipped what is no message", text))
                return
            if subscription.deliver(message) and self._supervisor is not None:
                self._supervisor.pause()
                asyncio.get_running_loop().call_soon(self._make_room)

        try:
            listener = await self.listen(topic, deliver, api_key=api_key, on_error=subscription.report)
        except BaseException:
            await subscription.aclose()
            raise
        self._subscriptions[subscription] = listener
        return subscription

    # --- the connection's side --------------------------------------------------------------------------------------
    async def _greet(self) -> None:
        """Subscribe to all topics again. Only sent: the answers come when reading has begun."""
        self._missing.clear()
        replayed = self._protocol.connected()
        for _, text in replayed:
            await self._send_text(text)
        if self._replay_deadline is not None:
            self._replay_deadline.cancel()
        request_ids = [request_id for request_id, _ in replayed]
        loop = asyncio.get_running_loop()
        self._replay_deadline = loop.call_later(self._request_timeout_s, self._check_replayed, request_ids)
        for listener in [each for listeners in self._listeners.values() for each in listeners]:
            if listener.on_reconnected is not None:
                listener.on_reconnected()

    def _take_in(self, text: bytes | str) -> None:
        try:
            what = self._protocol.read(text)
        except MalformedMessage as error:
            self._own.report(error)
            return
        if isinstance(what, str):
            if self.stats.lag_is_due and self._protocol.last_ts_ms is not None:
                self.stats.observe_lag(self._protocol.last_ts_ms, time.time() * 1000)
            for listener in self._listeners.get(what, ()):
                listener.sink(text)
        elif what is not None:
            self._settle(what)

    def _settle(self, reply: Reply) -> None:
        waiting = self._answers.pop(reply.request_id, None)
        if waiting is not None and not waiting.done():
            if reply.error is None:
                waiting.set_result(reply)
            else:
                waiting.set_exception(reply.error)
        elif reply.error is not None and reply.topic is not None:
            self._miss(reply.topic, reply.error)

    def _check_replayed(self, request_ids: list[str]) -> None:
        """Report the topics that got no answer after a reconnect."""
        for request_id in request_ids:
            if (topic := self._protocol.forget(request_id)) is not None:
                self._miss(topic, self._timed_out(f"the subscription to {topic}"))

    def _miss(self, name: str, error: ExtendedError) -> None:
        """A topic did not come back: its listeners hear of it, and it is asked for again."""
        self._report_to(name, error)
        self._missing.add(name)
        if self._asking_again is None or self._asking_again.done():
            self._asking_again = asyncio.create_task(self._ask_again(), name=f"{self.id} missing topics")

    async def _ask_again(self) -> None:
        while self._missing:
            await asyncio.sleep(ASK_AGAIN_AFTER_S)
            for name in tuple(self._missing):
                self._missing.discard(name)
                if self.is_connected and (call := self._protocol.subscribe_again(name)) is not None:
                    try:
                        await self._ask(*call)
                    except StreamClosed:  # the next connection asks for all
                        break
                    except ExtendedError as error:
                        self._report_to(name, error)
                        self._missing.add(name)

    def _report(self, error: ExtendedError) -> None:
        if not self.is_connected:
            self._lose_answers(StreamClosed(NO_CONNECTION, f"{self.id} was lost before the answer came"))
        self._own.report(error)
        for name in tuple(self._listeners):
            self._report_to(name, error)

    def _report_to(self, name: str, error: ExtendedError) -> None:
        for listener in self._listeners.get(name, ()):
            if listener.on_error is not None:
                listener.on_error(error)

    def _end_subscriptions(self, error: ExtendedError) -> None:
        for subscription in (self._own, *self._subscriptions):
            subscription.end(error)

    async def _close_subscriptions(self) -> None:
        if self._replay_deadline is not None:
            self._replay_deadline.cancel()
        if self._asking_again is not None:
            self._asking_again.cancel()
            await asyncio.wait([self._asking_again])
        self._lose_answers(StreamClosed(NO_CONNECTION, f"{self.id} was closed"))
        for subscription in (self._own, *self._subscriptions):
            await subscription.aclose()
        self._subscriptions.clear()
        self._listeners.clear()

    # --- calls ------------------------------------------------------------------------------------------------------
    async def _ask(self, request_id: str, text: str) -> Reply:
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = answer
        try:
            await self._send_text(text)
            async with asyncio.timeout(self._request_timeout_s):
                return await answer
        except TimeoutError:
            raise self._timed_out(f"request {request_id}") from None
        finally:
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen, also when sending failed
            self._answers.pop(request_id, None)
            self._protocol.forget(request_id)

    def _timed_out(self, what: str) -> RequestTimedOut:
        return RequestTimedOut(f"{self.id}: no answer to {what} within {self._request_timeout_s:g} s")

    def _lose_answers(self, error: ExtendedError) -> None:
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(error)
        self._answers.clear()

    async def _drop(self, listener: Listener) -> None:
        name = listener.topic.name
        listeners = self._listeners.get(name, ())
        if listener not in listeners:
            return
        if len(listeners) > 1:
            self._listeners[name] = tuple(each for each in listeners if each is not listener)
            return
        del self._listeners[name]
        if (farewell := self._protocol.unsubscribe(name)) is not None:
            request_id, text = farewell
            self._protocol.forget(request_id)  # whatever the answer, the topic's frames are passed over from now on
            if self.is_connected:
                with contextlib.suppress(StreamClosed):  # then the topic is gone with the connection
                    await self._send_text(text)

    def _make_room(self, _subscription: Subscription | None = None) -> None:
        if self._supervisor is not None and not any(s.is_full for s in self._subscriptions):
            self._supervisor.resume()

    async def _release(self, subscription: Subscription) -> None:
        if (listener := self._subscriptions.pop(subscription, None)) is not None:
            await listener.close()
