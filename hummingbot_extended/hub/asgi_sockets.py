"""The sockets of the hub over ASGI, for a FastAPI application that mounts them: the same sessions, other wires."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.websockets import WebSocketState

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.hub.answers import refusal
from hummingbot_extended.hub.client_messages import CloseCode, Refused, StreamType, Subscribe, read_symbols
from hummingbot_extended.hub.client_session import ClientSession
from hummingbot_extended.hub.event_session import EventSession, read_event_topics
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.http_routes import response


class AsgiSocketWire:
    """A WebSocket of ASGI: sending waits there, so each write has a task and the wire is not free meanwhile."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_free(self) -> bool:
        """See Wire."""
        return self._sending is None or self._sending.done()

    def write(self, payloads: Sequence[bytes]) -> None:
        """See Wire."""
        self._sending = asyncio.get_running_loop().create_task(self._send(payloads), name="websocket write")

    def send(self, head: bytes, tail: bytes) -> bool:
        """See Wire."""
        if is_free := self.is_free:
            self.write([head + tail])
        return is_free

    async def _send(self, payloads: Sequence[bytes]) -> None:
        try:
            for payload in payloads:
                await self._socket.send_text(payload.decode())
        except (RuntimeError, WebSocketDisconnect, OSError):
            pass  # the reader finds that the client is gone

    async def freed(self) -> None:
        """See Wire."""
        if self._sending is not None:
            await asyncio.shield(self._sending)

    async def close(self, code: CloseCode, reason: str) -> None:
        """See Wire."""
        if self._sending is not None and not self._sending.done():
            if code is CloseCode.POLICY:
                self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        if self._socket.application_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError):  # the client closed first
                await self._socket.close(code, reason)


class AsgiEventWire:
    """The body of an event stream over ASGI."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._news = asyncio.Event()
        self._taken = asyncio.Event()
        self._is_over = False

    @property
    def is_free(self) -> bool:
        """See Wire."""
        return not self._waiting

    def write(self, payloads: Sequence[bytes]) -> None:
        """See Wire."""
        self._waiting += payloads
        self._taken.clear()
        self._news.set()

    def send(self, head: bytes, tail: bytes) -> bool:
        """See Wire."""
        if is_free := self.is_free:
            self.write([head + tail])
        return is_free

    async def freed(self) -> None:
        """See Wire."""
        await self._taken.wait()

    async def close(self, code: CloseCode, reason: str) -> None:
        """See Wire."""
        self._is_over = True
        self._news.set()

    async def body(self, alive_s: float) -> AsyncIterator[bytes]:
        """Yield what is written, and a comment now and then, until the stream is closed."""
        while not self._is_over:
            try:
                async with asyncio.timeout(alive_s):
                    await self._news.wait()
            except TimeoutError:
                yield b": alive\n\n"
                continue
            self._news.clear()
            waiting, self._waiting = self._waiting, []
            self._taken.set()
            yield b"".join(waiting)


def sockets_router(faces: Faces) -> APIRouter:
    """Return /ws/stream, /ws/prices/{symbols}, /ws/connections and /sse/stream of `faces`."""
    router = APIRouter(tags=["live"])

    @router.websocket("/ws/stream")
    async def stream(socket: WebSocket) -> None:
        await _serve(faces, socket, None)

    @router.websocket("/ws/prices/{symbols:path}")
    async def prices(socket: WebSocket, symbols: str) -> None:
        await _serve(faces, socket, symbols.split(","))

    @router.get("/ws/connections", summary="Who is connected to what")
    async def connections() -> Response:
        return JSONResponse(faces.connections())

    @router.get("/sse/stream", summary="Live data as Server-Sent Events, with ids to resume from")
    async def events(
        request: Request, kinds: str = "price", symbols: str = Query(...), timeframe: str = "1m"
    ) -> Response:
        try:
            keys = read_event_topics(faces.hub, {"kinds": kinds, "symbols": symbols, "timeframe": timeframe})
        except SettingsError as error:
            return response(refusal(400, str(error), "INVALID_REQUEST"))
        wire = AsgiEventWire()
        session = EventSession(
            wire,
            pacer=faces.pacer,
            limits=faces.limits,
            log=faces.events,
            keys=keys,
            last_event_id=request.headers.get("Last-Event-ID", ""),
        )
        faces.welcome(session, "sse")

        async def body() -> AsyncIterator[bytes]:
            try:
                async for part in wire.body(faces.limits.ping_s):
                    yield part
            finally:
                await faces.forget(session)

        return StreamingResponse(body(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return router


async def _serve(faces: Faces, socket: WebSocket, symbols: list[str] | None) -> None:
    refused = faces.gate.refusal(socket.headers)
    if refused is not None:
        await socket.close(CloseCode.UNAUTHORIZED if refused.status == 401 else CloseCode.POLICY)  # before accepting
        return
    await socket.accept()
    wire = AsgiSocketWire(socket)
    if faces.is_full:
        await wire.close(CloseCode.OVERLOADED, "too many clients")
        return
    session = faces.new_session(wire)
    try:
        code, reason = await _converse(faces, socket, session, symbols)
        await session.end(code, reason)
    finally:
        await faces.forget(session)


async def _converse(
    faces: Faces, socket: WebSocket, session: ClientSession, symbols: list[str] | None
) -> tuple[CloseCode, str]:
    if symbols is not None:
        try:
            session.subscribe(Subscribe(stream_type=StreamType.PRICE, symbols=read_symbols(symbols)))
        except Refused as refused:
            session.refuse(refused)
            session.flush()
            return CloseCode.NORMAL, "no such subscription"
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return CloseCode.NORMAL, ""
        text = message.get("text")
        if text is None:
            return CloseCode.NOT_TEXT, "text only"
        if len(text) > faces.limits.max_message_bytes:
            return CloseCode.TOO_BIG, "too big"
        if not session.hear(text) or session.is_overfull:
            return CloseCode.POLICY, "too many messages"
