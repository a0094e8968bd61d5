"""Streams over aiohttp: a WebSocket or an event stream, on a session of their own.

The session is own because a shared one cuts a stream at 300 s, hangs REST at 100 connections and may keep cookies.
"""

import asyncio
import inspect
from collections import deque
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from yarl import URL

from hummingbot_extended import __version__
from hummingbot_extended.errors import (
    ConnectFailed,
    ExtendedError,
    MalformedMessage,
    MessageTooLarge,
    ProtocolError,
    RateLimited,
    RequestTimedOut,
    SettingsError,
    StreamClosed,
    Unauthorized,
)
from hummingbot_extended.streams.silence import Silence
from hummingbot_extended.streams.sse import SSEDecoder
from hummingbot_extended.streams.transport import StreamRequest

USER_AGENT = f"hummingbot-extended/{__version__}"
CLOSE_TIMEOUT_S = 2.0
# An event stream has no ping; its server sends comments. So many heartbeats without a byte, and it is gone.
MISSED_HEARTBEATS = 3

ABNORMAL_CLOSURE = 1006
NORMAL_CLOSURE = 1000

# What aiohttp raises for a connection that does not open; ValueError and TypeError for headers that cannot be sent.
_FAILURES = (aiohttp.ClientError, OSError, ValueError, TypeError)

# By measurement (bench/choices.py), as no compression is, and TCP_NODELAY, which asyncio sets.
SSE_READ_BUFFER_BYTES = 2**18
# Undecoded text is faster to parse; aiohttp offers it since 3.14.
_RAW_TEXT: Mapping[str, Any] = (
    {"decode_text": False} if "decode_text" in inspect.signature(aiohttp.ClientSession._ws_connect).parameters else {}
)


def stream_session(user_agent: str = USER_AGENT) -> aiohttp.ClientSession:
    """Return a session for streams: any number of connections, none used twice, no total timeout, cookie or redirect.

    The caller closes it. Needs a running loop.
    """
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None, sock_read=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent},
        trace_configs=[tracing],
    )


class AiohttpWebSocketTransport:
    """Open WebSockets on a session made by `stream_session`. No compression: it costs more than it saves
    (bench/choices.py)."""

    name = "websocket"

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def open(self, request: StreamRequest) -> "WebSocketConnection":
        """See `StreamTransport.open`."""
        url = _with_scheme(request.url, "ws")
        error: ExtendedError
        try:
            async with asyncio.timeout(request.connect_timeout_s):
                socket = await self._session.ws_connect(
                    url,
                    headers=await _headers(request),
                    heartbeat=request.heartbeat_s,
                    autoping=True,
                    compress=0,
                    max_msg_size=request.max_message_bytes,
                    **_RAW_TEXT,
                )
        except aiohttp.WSServerHandshakeError as exc:
            error = _refusal(url, exc.status, exc.headers or {})
        except _FAILURES as exc:
            error = _failure(url, exc, request.connect_timeout_s)
        else:
            return WebSocketConnection(socket, request)
        # Outside of `except`, so that nothing that knows the request's headers hangs on the error.
        raise error


class AiohttpSSETransport:
    """Open event streams (`text/event-stream`) on a session made by `stream_session`."""

    name = "sse"

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def open(self, request: StreamRequest) -> "SSEConnection":
        """See `StreamTransport.open`. Redirects are refused, wherever they lead."""
        url = _with_scheme(request.url, "http")
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity", "Cache-Control": "no-store"}
        if request.last_event_id:
            headers["Last-Event-ID"] = request.last_event_id
        error: ExtendedError
        try:
            async with asyncio.timeout(request.connect_timeout_s):
                response = await self._session.get(
                    url,
                    headers={**await _headers(request), **headers},
                    allow_redirects=False,
                    read_bufsize=SSE_READ_BUFFER_BYTES,
                )
        except _FAILURES as exc:
            error = _failure(url, exc, request.connect_timeout_s)
        else:
            if response.status == HTTPStatus.OK and response.content_type == "text/event-stream":
                return SSEConnection(response, request)
            response.close()
            error = _refusal(url, response.status, response.headers)
        raise error


class WebSocketConnection:
    """An open WebSocket. See `StreamConnection`."""

    last_event_id = ""
    retry_after_s: float | None = None

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, request: StreamRequest) -> None:
        self._socket = socket
        self._silence = Silence(request.data_timeout_s)
        self._max_message_bytes = request.max_message_bytes
        self._reader = socket._reader
        self._buffered = getattr(self._reader, "_buffer", ())  # aiohttp's, of messages that nobody has taken yet

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._socket.closed else 'open'}>"

    async def receive(self) -> Sequence[bytes | str]:
        """See `StreamConnection.receive`."""
        try:
            with self._silence:
                received = await self._socket.receive()
        except TimeoutError:
            raise _too_silent(self._silence) from None
        if received.type is not WSMsgType.TEXT:
            raise self._why_not(received)
        texts = [received.data]
        while self._buffered and self._buffered[0][0].type is WSMsgType.TEXT:
            texts.append((await self._reader.read()).data)  # it is here: nobody waits
        return texts

    async def send(self, text: str) -> None:
        """See `StreamConnection.send`."""
        try:
            await self._socket.send_str(text)
        except (aiohttp.ClientError, ConnectionError) as exc:
            raise StreamClosed(ABNORMAL_CLOSURE, str(exc)) from exc

    async def close(self) -> None:
        """See `StreamConnection.close`. Waits up to 2 s for the peer's close frame."""
        self._silence.stop()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close()
        except TimeoutError:
            pass  # aiohttp has cut the connection on the way out

    def _why_not(self, received: aiohttp.WSMessage) -> ExtendedError:
        match received.type:
            case WSMsgType.CLOSE:
                # No code in the frame reads as 0 here and as 1005 in the standard (RFC 6455 §7.1.5).
                return StreamClosed(received.data or 1005, received.extra or "")
            case WSMsgType.BINARY:
                return MalformedMessage("a binary message", received.data)
            case WSMsgType.ERROR if isinstance(received.data, aiohttp.WebSocketError):
                if received.data.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
                    return MessageTooLarge("a WebSocket message", self._max_message_bytes)
                return MalformedMessage(f"a broken WebSocket frame ({received.data})")
        # CLOSED without CLOSE before it: nobody said goodbye, whatever close_code says.
        return StreamClosed(ABNORMAL_CLOSURE, str(self._socket.exception() or "the connection was lost"))


class SSEConnection:
    """An open event stream. See `StreamConnection`."""

    def __init__(self, response: aiohttp.ClientResponse, request: StreamRequest) -> None:
        self._response = response
        self._silence = Silence(request.data_timeout_s)
        self._death = Silence(request.heartbeat_s and request.heartbeat_s * MISSED_HEARTBEATS)
        self._decoder = SSEDecoder(max_line_bytes=request.max_message_bytes, max_event_bytes=request.max_message_bytes)
        self._decoder.last_event_id = self._last_event_id = request.last_event_id
        self._waiting: deque[tuple[bytes, str]] = deque()  # events with ids of their own: each is handed out alone

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._response.closed else 'open'}, {self._decoder!r}>"

    @property
    def last_event_id(self) -> str:
        """See `StreamConnection.last_event_id`."""
        return self._last_event_id

    @property
    def retry_after_s(self) -> float | None:
        """See `StreamConnection.retry_after_s`."""
        retry_ms = self._decoder.retry
        return None if retry_ms is None else retry_ms / 1000

    async def receive(self) -> Sequence[bytes]:
        """See `StreamConnection.receive`."""
        if not self._waiting:
            self._last_event_id = self._decoder.last_event_id
            try:
                with self._silence:
                    while not (payloads := self._decoder.feed_data(await self._next_bytes())):
                        self._last_event_id = self._decoder.last_event_id
            except TimeoutError:
                raise _too_silent(self._silence) from None
            if not self._decoder.data_ids:
                return payloads
            self._waiting.extend(zip(payloads, self._decoder.data_ids, strict=True))
        payload, self._last_event_id = self._waiting.popleft()
        return (payload,)

    async def send(self, text: str) -> None:
        """Raise ProtocolError: an event stream goes one way."""
        raise ProtocolError("an event stream cannot send")

    async def close(self) -> None:
        """See `StreamConnection.close`."""
        self._silence.stop()
        self._death.stop()
        self._response.close()

    async def _next_bytes(self) -> bytes:
        try:
            with self._death:
                chunk = await self._response.content.readany()
        except TimeoutError:
            raise StreamClosed(ABNORMAL_CLOSURE, f"not one byte for {self._death.timeout_s} s") from None
        except (aiohttp.ClientError, OSError, RuntimeError) as exc:  # aiohttp: RuntimeError("Connection closed.")
            raise StreamClosed(ABNORMAL_CLOSURE, "the connection was lost") from exc
        if not chunk:
            raise StreamClosed(NORMAL_CLOSURE, "the server ended the event stream")
        return chunk


def _too_silent(silence: Silence) -> RequestTimedOut:
    return RequestTimedOut(f"no message for {silence.timeout_s} s")


async def _refuse_redirect(session: aiohttp.ClientSession, context: object, params: Any) -> None:
    """Stop before a header of ours goes to where a redirect points; aiohttp's WebSocket offers no other way."""
    raise ConnectFailed("the server redirects; redirects are not followed", status=params.response.status)


async def _headers(request: StreamRequest) -> Mapping[str, str]:
    return await request.headers() if request.headers is not None else {}


def _with_scheme(url: str, plain: str) -> URL:
    """Return `url` with the scheme `plain` ("ws", "http"), or `plain` + "s" where it was a secure one.

    Raises SettingsError where it names no host.
    """
    parsed = URL(url)
    if not parsed.host:
        raise SettingsError("the URL of a stream begins with http(s):// or ws(s):// and a host")
    return parsed.with_scheme(plain + "s" if parsed.scheme in ("https", "wss") else plain)


def _refusal(url: URL, status: int, headers: Mapping[str, str]) -> ExtendedError:
    """Return the error for an answer that opened no stream: one mapping for both transports."""
    where = f"GET {url.path}"
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return Unauthorized(status, None, "the stream refused the credentials", request=where)
        case HTTPStatus.TOO_MANY_REQUESTS:
            wait = headers.get("Retry-After", "")
            wait_s = float(wait) if wait.isascii() and wait.isdigit() else None
            return RateLimited(status, None, "too many streams", request=where, retry_after_s=wait_s)
        case HTTPStatus.NO_CONTENT:
            return StreamClosed(NORMAL_CLOSURE, "the server has nothing more to say (HTTP 204)")
        case HTTPStatus.OK:
            return ConnectFailed(
                f"{where}: the answer is {headers.get('Content-Type', 'untyped')}, not text/event-stream", status=status
            )
    return ConnectFailed(f"{where}: HTTP {status} instead of a stream", status=status)


def _failure(url: URL, exc: Exception, timeout_s: float) -> ExtendedError:
    if isinstance(exc, ExtendedError):
        return exc
    if isinstance(exc, TimeoutError):
        return ConnectFailed(f"{url.authority}: no stream within {timeout_s:g} s")
    if isinstance(getattr(exc, "os_error", exc), ConnectionRefusedError):
        return ConnectFailed(f"{url.authority}: nobody listens there (connection refused)")
    if isinstance(exc, ValueError | TypeError):
        what = f"the request cannot be sent ({type(exc).__name__}); headers are text without line ends"
        return ConnectFailed(f"{url.authority}: {what}")
    # aiohttp's connector errors name host and reason only; others could print the request.
    reason = exc.strerror or type(exc).__name__ if isinstance(exc, OSError) else type(exc).__name__
    return ConnectFailed(f"{url.authority}: {reason}")
