"""How stream messages leave: over a WebSocket, or as an event stream (`text/event-stream`)."""

import contextlib

from aiohttp import web

KEEP_ALIVE = b": keep-alive\n\n"


class WebSocketWire:
    """A WebSocket; every message is one text frame."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._request = request

    async def write(self, message: bytes, seq: int) -> None:
        """Send a text frame. Garbage, which may be no UTF-8, is sent as it is, replaced where it must be."""
        await self._socket.send_str(message.decode("utf-8", "replace"))

    async def ping(self) -> None:
        """Send a protocol ping."""
        await self._socket.ping()

    async def pong(self, payload: bytes) -> None:
        """Answer a protocol ping."""
        await self._socket.pong(payload)

    async def close(self, code: int) -> None:
        """Send a close frame with `code` and close."""
        await self._socket.close(code=code, drain=False)

    def abort(self) -> None:
        """Drop the TCP connection without a close frame: the peer sees code 1006."""
        if self._request.transport is not None:
            self._request.transport.abort()


class EventStreamWire:
    """An event stream: each message is one event whose id is its seq; keep-alives are comments."""

    def __init__(self, response: web.StreamResponse, request: web.Request) -> None:
        self._response = response
        self._request = request

    async def write(self, message: bytes, seq: int) -> None:
        """Send an event. The venue's JSON has no line breaks, so one data line is enough."""
        await self._response.write(b"id: %d\ndata: %s\n\n" % (seq, message))

    async def ping(self) -> None:
        """Send a comment."""
        await self._response.write(KEEP_ALIVE)

    async def pong(self, payload: bytes) -> None:
        """An event stream has no pings from the client."""

    async def close(self, code: int) -> None:
        """End the response; an event stream has no close codes."""
        with contextlib.suppress(ConnectionError):  # then the peer went first
            await self._response.write_eof()

    def abort(self) -> None:
        """Drop the TCP connection."""
        if self._request.transport is not None:
            self._request.transport.abort()
