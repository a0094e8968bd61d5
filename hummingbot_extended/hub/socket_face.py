"""The WebSocket face: /ws/stream, /ws/prices/{symbols} and /ws/connections on aiohttp."""

import logging
from http import HTTPStatus

from aiohttp import WSMsgType, web

from hummingbot_extended.hub.client_messages import CloseCode, Refused, StreamType, Subscribe, read_symbols
from hummingbot_extended.hub.client_session import ClientSession
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.security import TOKEN_PROTOCOL, Refusal
from hummingbot_extended.hub.wires import open_websocket

logger = logging.getLogger(__name__)


class SocketFace:
    """WebSocket clients. One task reads each, the handler's own; a writer is there while a client is behind."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/ws/stream", self._stream),
            web.get("/ws/prices/{symbols:.+}", self._prices),
            web.get("/ws/connections", self._connections),
        ]

    async def _connections(self, request: web.Request) -> web.StreamResponse:
        refusal = self._faces.gate.refusal(request.headers)
        if refusal is not None:
            return web.json_response({"success": False, "error": refusal.message}, status=refusal.status)
        return web.json_response(self._faces.connections())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, None)

    async def _prices(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, request.match_info["symbols"].split(","))

    async def _serve(self, request: web.Request, symbols: list[str] | None) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(
                status=HTTPStatus.UPGRADE_REQUIRED,
                headers={"Upgrade": "websocket"},
                text="this address speaks WebSocket\n",
            )
        refusal = self._faces.gate.refusal(request.headers)
        if refusal is not None:
            return await refuse_socket(request, refusal)
        limits = self._faces.limits
        offered = token_protocols(request)
        socket, wire = await open_websocket(
            request, heartbeat=limits.ping_s, max_msg_size=limits.max_message_bytes, protocols=offered
        )
        if self._faces.is_full:
            await wire.close(CloseCode.OVERLOADED, "too many clients")
            return socket
        session = self._faces.new_session(wire)
        try:
            code, reason = await self._converse(socket, session, symbols)
            await session.end(code, reason)
        finally:
            await self._faces.forget(session)
        return socket

    async def _converse(
        self, socket: web.WebSocketResponse, session: ClientSession, symbols: list[str] | None
    ) -> tuple[CloseCode, str]:
        """Obey the client until it leaves; return what to close with."""
        if symbols is not None:
            try:
                session.subscribe(Subscribe(stream_type=StreamType.PRICE, symbols=read_symbols(symbols)))
            except Refused as refusal:
                session.refuse(refusal)
                session.flush()
                return CloseCode.POLICY, "no such subscription"
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                return CloseCode.NOT_TEXT, "text only"
            if not session.hear(message.data):
                return CloseCode.POLICY, "too many messages"
            if session.is_overfull:
                session.closed_slow = True
                return CloseCode.POLICY, "too slow"
        return CloseCode.NORMAL, ""


def token_protocols(request: web.Request) -> list[str]:
    """Return the subprotocols to accept: a browser that offers its token as one wants it confirmed."""
    offered = (part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    return [part for part in offered if part.startswith(TOKEN_PROTOCOL)]


async def refuse_socket(request: web.Request, refusal: Refusal) -> web.StreamResponse:
    """Refuse before accepting. Pages of a browser cannot see the status, so a missing token is told them by 4001."""
    if refusal.status is HTTPStatus.UNAUTHORIZED and "Origin" in request.headers:
        socket, wire = await open_websocket(request)
        await wire.close(CloseCode.UNAUTHORIZED, refusal.message)
        return socket
    return web.json_response({"success": False, "error": refusal.message}, status=refusal.status)
