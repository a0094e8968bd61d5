"""One client's WebSocket, once it was let in."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from hummingbot_extended import __version__
from hummingbot_extended.bridge.feeds import Feed
from hummingbot_extended.bridge.journal import PAGE, Journal
from hummingbot_extended.bridge.limits import TokenBucket
from hummingbot_extended.bridge.login import Login
from hummingbot_extended.bridge.outbox import Outbox
from hummingbot_extended.bridge.requests import Answer, Caller, Requests, is_waiting
from hummingbot_extended.bridge.settings import AccessKey, BridgeSettings
from hummingbot_extended.errors import MalformedMessage
from hummingbot_extended.gateway.errors import ErrorCode, HummingbotClientException
from hummingbot_extended.gateway.protocol import (
    CAPABILITIES,
    CLOSE_POLICY,
    CLOSE_SLOW,
    PROTOCOL_VERSION,
    Request,
    decode_request,
    encode_error,
    encode_reply,
)
from hummingbot_extended.streams.frames import text_frame

logger = logging.getLogger(__name__)

MAX_CONCURRENT = 16
MAX_MALFORMED = 10
SEND_S = 10.0  # for so many messages
BURST = 64
CLOSE_UNSUPPORTED = 1003
CLOSE_FAILED = 1011


class Host(Protocol):
    """What a session needs of its server."""

    settings: BridgeSettings
    requests: Requests
    journal: Journal

    def welcome(self, key: AccessKey) -> Mapping[str, Any]:
        """Return what a client is told when it is let in."""
        ...

    def enter(self, session: "Session") -> None:
        """Begin to tell a session what happens."""
        ...

    def leave(self, session: "Session") -> None:
        """End it."""
        ...


class Session:
    """A client that was let in. `run` lasts as long as its socket.

    Requests run side by side, up to 16; then no further one is read. What is to be sent goes out at once where the
    socket takes it, else it waits in a bounded outbox, and a client that lets it overflow is sent away with code 1013:
    it reconnects and catches up.
    """

    def __init__(
        self, host: Host, socket: web.WebSocketResponse, transport: asyncio.Transport | None, login: Login
    ) -> None:
        self.login = login
        self._host = host
        self._socket = socket
        self._transport = transport
        self._caller = Caller(login.key, login.session_id, self)
        self._outbox = Outbox()
        self._outbox.put_reply(encode_reply(login.request_id, {**_ABOUT, **host.welcome(login.key)}))
        self._filled = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(MAX_CONCURRENT)
        per_second = host.settings.max_requests_per_second
        self._bucket = None if per_second is None else TokenBucket(per_second)
        self._malformed = 0
        self._fill_sent = login.resume_after  # while it catches up: the number of the last own fill it got
        self._closing: tuple[int, str] | None = None
        self._is_writing = True  # the welcome is first, and the writer's

    def __repr__(self) -> str:
        return f"<Session {self.login.key.name} from {self.login.address}, {self._outbox!r}>"

    # What the server tells

    def offer(self, event: bytes) -> None:
        """Send an event; see `feeds.Subscriber`. A client that has to go gets no more of them."""
        if self._closing is None:
            self._outbox.put_event(event)
            self._wake()

    def offer_latest(self, feed: Feed, event: bytes) -> None:
        """Send an event of a feed; see `feeds.Subscriber`."""
        if self._closing is None:
            self._outbox.put_latest(feed, event)
            self._wake()

    def offer_fill(self, event: bytes) -> None:
        """Send an own fill; while the session catches up, the journal brings it."""
        if self._fill_sent is None:
            self.offer(event)

    def close(self, code: int, reason: str) -> None:
        """Send what waits, then close with a code."""
        self._closing = self._closing or (code, reason)
        self._filled.set()

    # Its life

    async def run(self) -> None:
        """Serve the client until one side closes."""
        writer = asyncio.create_task(self._write(), name="bridge writer")
        try:
            self._host.enter(self)
            await self._read()
            if self._closing is not None:
                await writer
        finally:
            self._host.leave(self)
            tasks = (*self._working, writer)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # Reading

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                await self._take(message.data)
            else:
                self.close(CLOSE_UNSUPPORTED, "text frames only")
            if self._closing is not None:
                return

    async def _take(self, text: str) -> None:
        """Answer a request, or start to work on it."""
        try:
            request = decode_request(text)
        except MalformedMessage as error:
            self._malformed += 1
            self._reply(encode_error(None, ErrorCode.INVALID_REQUEST, str(error)))
            if self._malformed >= MAX_MALFORMED:
                self.close(CLOSE_POLICY, "too many malformed requests")
            return
        wait_s = 0.0 if self._bucket is None else self._bucket.take(asyncio.get_running_loop().time())
        if wait_s:
            message = f"too many requests; try again in {wait_s:.3g} s"
            self._reply(encode_error(request.id, ErrorCode.RATE_LIMIT, message, retry_after_s=wait_s))
            return
        await self._places.acquire()
        answer = self._begin(request)
        if is_waiting(answer):
            task = asyncio.create_task(self._finish(request, answer), name=f"bridge {request.type}")
            self._working.add(task)
            task.add_done_callback(self._done)
        else:
            self._places.release()

    def _begin(self, request: Request) -> Answer:
        """Answer at once where that is possible; else return the coroutine."""
        try:
            answer = self._host.requests.answer(self._caller, request.type, request.params)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client is to hear of it
            self._fail(request, error)
            return None
        if not is_waiting(answer):
            self._reply(encode_reply(request.id, answer))
        return answer

    async def _finish(self, request: Request, answer: Any) -> None:
        try:
            data = await answer
        except Exception as error:  # noqa: BLE001 - likewise
            self._fail(request, error)
        else:
            self._reply(encode_reply(request.id, data))

    def _fail(self, request: Request, error: Exception) -> None:
        if isinstance(error, HummingbotClientException):
            self._reply(encode_error(request.id, error.code, error.message, error.data, error.retry_after_s))
            return
        logger.error("The bridge failed on a request %r", request.type, exc_info=error)
        self._reply(encode_error(request.id, ErrorCode.SERVER_ERROR, "the bridge failed; its log says how"))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._working.discard(task)
        self._places.release()

    # Writing

    def _reply(self, text: bytes) -> None:
        self._outbox.put_reply(text)
        self._wake()

    def _wake(self) -> None:
        """Send what was put into the outbox, or have the writer do it; a client that is too slow has to go."""
        if self._outbox.is_full:
            self.close(CLOSE_SLOW, "too slow; reconnect to catch up")
        elif not self._is_writing and self._closing is None:
            self._send_now()
        if len(self._outbox):
            self._filled.set()

    def _send_now(self) -> None:
        """Send without waiting, while nothing is left in the transport's buffer."""
        transport = self._transport
        while transport is not None and not transport.is_closing() and not transport.get_write_buffer_size():
            message = self._outbox.take()
            if message is None:
                return
            transport.write(text_frame(message))

    async def _write(self) -> None:
        try:
            while True:
                await self._send_all()
                if self._closing is not None:
                    code, reason = self._closing
                    await self._socket.close(code=code, message=reason.encode())
                    return
                self._is_writing = False
                await self._filled.wait()
                self._filled.clear()
                self._is_writing = True
        except (ConnectionError, TimeoutError) as error:
            logger.debug("%r: %s", self, error)
            await self._socket.close(code=CLOSE_SLOW, message=b"too slow")
        except Exception:  # of the journal, say: a client that hears nothing more is to know, and comes again
            logger.exception("The bridge cannot send to %r any more.", self)
            self.close(CLOSE_FAILED, "the bridge failed; its log says how")
            await self._socket.close(code=CLOSE_FAILED, message=b"the bridge failed; its log says how")

    async def _send_all(self) -> None:
        while self._closing is None or self._closing[0] != CLOSE_SLOW:
            async with asyncio.timeout(SEND_S):
                for _ in range(BURST):
                    message = self._outbox.take()
                    if message is None:
                        break
                    await self._socket.send_frame(message, WSMsgType.TEXT)
            if len(self._outbox):
                continue
            if self._fill_sent is None:
                return
            self._catch_up()

    def _catch_up(self) -> None:
        """Queue the next page of the fills the client has missed; live ones take over when there is no more."""
        fills = self._host.journal.fills_after(self._fill_sent or 0, PAGE)
        for number, exchange, market, data in fills:
            self._fill_sent = number
            if self.login.key.may_use(exchange, market):
                self._outbox.put_event(b'{"type":"trade","data":' + data[:-1].encode() + b',"resync":true}}')
        if not fills:
            self._fill_sent = None


_ABOUT: Mapping[str, Any] = {
    "version": PROTOCOL_VERSION,
    "server": f"hummingbot_extended/{__version__}",
    "capabilities": CAPABILITIES,
}
