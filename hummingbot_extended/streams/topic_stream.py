"""One topic of a JSON-RPC socket that many share, kept alive; while that does not work, its own connection instead."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Never

from hummingbot_extended.errors import (
    ApiError,
    ConnectFailed,
    ExtendedError,
    ProtocolError,
    StreamClosed,
    TransportError,
)
from hummingbot_extended.streams.backoff import Backoff
from hummingbot_extended.streams.jsonrpc import Topic
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.supervisor import NORMAL_CLOSURE, StreamState, StreamSupervisor

logger = logging.getLogger(__name__)

RETURN_AFTER_S = 600.0
# A socket that was lost is waited for so many attempts; then the topics are read without it.
MOST_FAILURES = 3


class RpcSocket:
    """The socket that topics share. Opened by the first, closed by `close`; a failed attempt is one for all of them."""

    def __init__(self, stream: RpcStream, *, retry_after_s: float = RETURN_AFTER_S / 2) -> None:
        self.stream = stream
        self._retry_after_s = retry_after_s
        self._failure = ""
        self._failed_at_s = -retry_after_s
        self._connecting = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.stream!r}>"

    async def connect(self) -> None:
        """Open the socket and keep it open. Raises ConnectFailed, also where the last attempt failed just now."""
        async with self._connecting:
            if monotonic() - self._failed_at_s < self._retry_after_s:
                raise ConnectFailed(self._failure)
            try:
                await self.stream.connect()
            except ExtendedError as error:
                self._failure, self._failed_at_s = str(error), monotonic()
                raise

    async def close(self) -> None:
        """Close the socket for good. Safe to repeat."""
        await self.stream.close()


class TopicStream:
    """A stream with the face of a `StreamSupervisor`: the frames of `topic` on `socket`, or `fallback`'s.

    Where the socket does not open, or stays away, or the server refuses the topic or does not answer, `fallback` is
    run; each `return_after_s` the topic is tried again beside it. `on_message` gets each frame's text at once, with a
    `seq` that counts over all topics and has been checked. A ProtocolError from it begins this topic anew, and no
    other. `on_connected` comes before the first frame of a subscription, `on_disconnected` when it was lost. Both
    ways count in `stats`.
    """

    def __init__(
        self,
        socket: RpcSocket,
        topic: Topic,
        fallback: StreamSupervisor,
        *,
        on_message: Callable[[bytes | str], None],
        on_connected: Callable[[], None],
        on_disconnected: Callable[[ExtendedError], None],
        backoff: Backoff | None = None,
        return_after_s: float = RETURN_AFTER_S,
    ) -> None:
        self.name = fallback.name
        self.stats = fallback.stats  # over all subscriptions and connections
        self._socket = socket
        self._topic = topic
        self._fallback = fallback
        self._on_message = on_message
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._backoff = backoff or Backoff()
        self._return_after_s = return_after_s
        self._on_fallback = False
        self._is_confirmed = False
        self._failures = 0
        # The end of the subscription: None to begin anew, or what to raise.
        self._end: asyncio.Future[Exception | None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} over {self.transport_name}, generation {self.generation}>"

    @property
    def generation(self) -> int:
        """The number of the subscription or connection that frames come from; 0 before the first."""
        return self.stats.connects

    @property
    def is_connected(self) -> bool:
        """Whether frames can come at this moment."""
        if self._on_fallback:
            return self._fallback.is_connected
        return self._is_confirmed and self._socket.stream.is_connected

    @property
    def transport_name(self) -> str | None:
        """ "rpc", or the transport of the fallback."""
        return self._fallback.transport_name if self._on_fallback else "rpc"

    def request_reconnect(self, reason: str) -> None:
        """Begin the topic (or the fallback's connection) anew. `reason` is for the log."""
        if self._on_fallback:
            self._fallback.request_reconnect(reason)
        else:
            self._begin_anew(StreamClosed(NORMAL_CLOSURE, f"asked to begin anew: {reason}"))

    async def run(self) -> Never:
        """Keep it alive until cancelled; then the topic is given up, the socket lives on. Raises what the hooks raise,
        but for a ProtocolError of `on_message`."""
        while True:
            try:
                await self._follow_topic()
            except (TransportError, ApiError) as error:
                logger.warning("%s is read on a connection of its own, because v2 does not work: %s", self.name, error)
            await self._follow_fallback()
            logger.info("%s is read over v2 again", self.name)

    async def _follow_topic(self) -> Never:
        """Subscribe, again and again, until v2 does not work: raises why."""
        await self._socket.connect()
        self._failures = 0
        while True:
            began_s = monotonic()
            try:
                await self._subscribe()
            except StreamClosed as error:  # the socket went, or is away at this moment; it comes back by itself
                self._lost(error)
                self._failures += 1
                if self._failures >= MOST_FAILURES:
                    raise
            live_s = monotonic() - began_s
            await asyncio.sleep(0.0 if self._backoff.is_healthy(live_s) else self._backoff.next_delay_s(live_s))

    async def _subscribe(self) -> None:
        """Listen to the topic. Return when it is to begin anew; raises why where v2 does not work."""
        self._end = asyncio.get_running_loop().create_future()
        self._welcome()
        listener = None
        try:
            listener = await self._socket.stream.listen(
                self._topic, self._take, on_error=self._hear, on_reconnected=self._come_back
            )
            self._is_confirmed = True
            if (error := await self._end) is not None:
                raise error
        finally:
            self._is_confirmed = False
            if listener is not None:
                await listener.close()

    async def _follow_fallback(self) -> None:
        """Run the fallback until v2 serves the topic again."""
        running = asyncio.create_task(self._fallback.run(), name=self.name)
        self._on_fallback = True
        try:
            while not running.done():
                await asyncio.wait([running], timeout=self._return_after_s)
                if not running.done() and await self._works():
                    return
            running.result()
        finally:
            self._on_fallback = False
            running.cancel()
            await asyncio.wait([running])

    async def _works(self) -> bool:
        """Whether the server confirms the topic."""
        try:
            await self._socket.connect()
            probe = await self._socket.stream.listen(self._topic, lambda _text: None)
            await probe.close()
        except (TransportError, ApiError):
            return False
        return True

    # --- what the socket says -----------------------------------------------------------------------------------------
    def _take(self, text: bytes | str) -> None:
        if self._end is None or self._end.done():
            return
        stats = self.stats
        stats.messages += 1
        stats.bytes += len(text)
        stats.last_message_at_s = self._socket.stream.stats.last_message_at_s
        try:
            self._on_message(text)
        except ProtocolError as error:
            if self._is_confirmed:  # before that, it may be what was under way for the subscription before
                self._begin_anew(error)
        except Exception as error:  # noqa: BLE001 - a fault of the owner: raised by `run`; the socket is not to blame
            self._finish(error)

    def _welcome(self) -> None:
        self.stats.connects += 1
        self.stats.connected_at_s = monotonic()
        self._on_connected()

    def _come_back(self) -> None:
        self._failures = 0
        self._welcome()

    def _hear(self, error: ExtendedError) -> None:
        """The socket was lost or does not come back, or the topic was refused after it did."""
        self._lost(error)
        self._failures += isinstance(error, ConnectFailed)
        stream = self._socket.stream
        has_ended = stream.state is StreamState.CLOSED  # then it does not come back by itself
        if stream.is_connected or has_ended or self._failures >= MOST_FAILURES:
            self._finish(error)

    def _begin_anew(self, error: ExtendedError) -> None:
        self._lost(error)
        self._finish(None)

    def _lost(self, error: ExtendedError) -> None:
        self.stats.count_error(error)
        self._on_disconnected(error)

    def _finish(self, error: Exception | None) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_result(error)
