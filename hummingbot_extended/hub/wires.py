"""The wires of the faces: WebSocket frames and event streams, written straight to aiohttp's transport."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from hummingbot_extended.hub.client_messages import CloseCode
from hummingbot_extended.streams.frames import text_frame, text_head

CLOSE_TIMEOUT_S = 2.0


class _TransportWire:
    """What both wires share: aiohttp's transport, which tells when everything written has left."""

    def __init__(self, request: web.Request) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        # Writing is paused whenever something waits, so `drain` waits until the buffer is empty. (With TLS and a limit
        # of 0 it would be paused for ever.)
        transport.set_write_buffer_limits(high=1, low=0)
        self._transport = transport
        self._protocol = request.protocol
        self._writer = request.writer

    @property
    def is_free(self) -> bool:
        """See Wire. One that is lost is not: `freed` tells why."""
        protocol = self._protocol
        return not protocol.writing_paused and protocol.transport is not None

    @property
    def is_closing(self) -> bool:
        """Whether the connection is over, by whichever side."""
        return self._transport.is_closing()

    async def freed(self) -> None:
        """See Wire."""
        await self._writer.drain()
        if self._transport.is_closing():
            raise ConnectionResetError("the client is gone")


class WebSocketWire(_TransportWire):
    """Messages as text frames. Made after `socket` is prepared."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        super().__init__(request)
        self._socket = socket
        self._write = self._transport.write

    def write(self, payloads: Sequence[bytes]) -> None:
        """See Wire."""
        if not self._transport.is_closing():
            whole = text_frame(payloads[0]) if len(payloads) == 1 else b"".join(map(text_frame, payloads))
            self._transport.write(whole)

    def send(self, head: bytes, tail: bytes) -> bool:
        """See Wire. This is what a message costs at speed: `is_free` is not asked by another call."""
        protocol = self._protocol
        if protocol.writing_paused or protocol.transport is None:
            return False
        self._write(text_head(len(head) + len(tail)) + head + tail)
        return True

    async def close(self, code: CloseCode, reason: str) -> None:
        """See Wire. A peer that does not read cannot hold it for longer than the socket's own timeout."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close(code=code, message=reason.encode(), drain=False)
        except TimeoutError:
            pass
        finally:
            self._transport.abort() if not self.is_free else self._transport.close()


class EventStreamWire(_TransportWire):
    """Messages as parts of a chunked reply; each payload is a whole event (`encode_event`)."""

    def send(self, head: bytes, tail: bytes) -> bool:
        """See Wire."""
        if is_free := self.is_free:
            self.write([head + tail])
        return is_free

    def write(self, payloads: Sequence[bytes]) -> None:
        """See Wire."""
        if not self._transport.is_closing():
            body = b"".join(payloads)
            self._transport.write(b"%x\r\n%b\r\n" % (len(body), body))

    async def close(self, code: CloseCode, reason: str) -> None:
        """See Wire."""
        if self.is_free:
            self._transport.write(b"0\r\n\r\n")
            self._transport.close()
        else:
            self._transport.abort()


def encode_event(data: bytes, *, event: bytes = b"", event_id: bytes = b"") -> bytes:
    """Return one event of an event stream. `data` is JSON: it holds no line break."""
    head = (b"event: %b\n" % event if event else b"") + (b"id: %b\n" % event_id if event_id else b"")
    return head + b"data: %b\n\n" % data


async def open_event_stream(request: web.Request) -> tuple[web.StreamResponse, EventStreamWire]:
    """Answer `request` with an event stream; nothing is written to the response itself any more."""
    response = web.StreamResponse(
        status=HTTPStatus.OK,
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    response.enable_chunked_encoding()
    response.force_close()
    await response.prepare(request)
    return response, EventStreamWire(request)


async def open_websocket(request: web.Request, **options: Any) -> tuple[web.WebSocketResponse, WebSocketWire]:
    """Accept a WebSocket without compression: it doubles the cost of sending (performance.md §7)."""
    socket = web.WebSocketResponse(compress=False, timeout=CLOSE_TIMEOUT_S, **options)
    await socket.prepare(request)
    return socket, WebSocketWire(request, socket)
