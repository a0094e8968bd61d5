"""The relay: the exchange's public streams at the exchange's own paths, as WebSocket and as event streams.

A connector whose EXTENDED_PERPETUAL_STREAM_URL names the hub trades through it; the exchange sees one upstream a market
however many bots there are. Account streams are somebody's own: each has an upstream of its own, and only where the
settings allow it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from hummingbot_extended.errors import ConnectFailed, ExtendedError, NotFound, SettingsError, StreamClosed, Unauthorized
from hummingbot_extended.exchange.channels import ACCOUNT_PATH
from hummingbot_extended.hub.account_relay import AccountRelay
from hummingbot_extended.hub.client_messages import CloseCode
from hummingbot_extended.hub.event_face import refusal_response
from hummingbot_extended.hub.faces import Faces
from hummingbot_extended.hub.interface import RelayFeed
from hummingbot_extended.hub.relay_session import RelaySession
from hummingbot_extended.hub.socket_face import refuse_socket, token_protocols
from hummingbot_extended.hub.wires import encode_event, open_event_stream, open_websocket

logger = logging.getLogger(__name__)

PREFIX = "/stream.extended.exchange/v1"


class RelayFace:
    """Streams in the exchange's envelope. `account` relays account streams; None where that is not allowed."""

    def __init__(self, faces: Faces, account: AccountRelay | None = None) -> None:
        self._faces = faces
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get(PREFIX + "/{path:.+}", self._stream)]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        refusal = self._faces.gate.refusal(request.headers)
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if refusal is not None:
            return await (refuse_socket(request, refusal) if is_socket else _refuse(refusal.status, refusal.message))
        if self._faces.is_full:
            return await _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients")
        try:
            feed = await self._open(request)
        except (NotFound, SettingsError):
            return await _refuse(HTTPStatus.NOT_FOUND, "there is no such stream")
        except Unauthorized:
            return await _refuse(HTTPStatus.UNAUTHORIZED, "the exchange refused the API key")
        except ConnectFailed as error:
            return await _refuse(HTTPStatus(error.status or HTTPStatus.BAD_GATEWAY), "the exchange refused the stream")
        except ExtendedError:
            return await _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "not served now")
        try:
            return await (self._socket if is_socket else self._events)(request, feed)
        finally:
            await feed.close()

    async def _open(self, request: web.Request) -> RelayFeed:
        path = request.path_qs.removeprefix(PREFIX)
        if request.path.removeprefix(PREFIX) != ACCOUNT_PATH:
            return self._faces.hub.relay(path)
        if self._account is None:
            raise NotFound(HTTPStatus.NOT_FOUND, None, "account streams are not relayed")
        return await self._account.open(request.headers.get("X-Api-Key", ""))

    async def _socket(self, request: web.Request, feed: RelayFeed) -> web.StreamResponse:
        limits = self._faces.limits
        socket, wire = await open_websocket(
            request,
            heartbeat=limits.ping_s,
            max_msg_size=limits.max_message_bytes,
            protocols=token_protocols(request),
        )
        session = RelaySession(wire, feed, limits)

        async def gone() -> None:
            async for _ in socket:
                pass  # nothing that a client says means anything here (API reference §6.1)

        await self._run(session, gone)
        return socket

    async def _events(self, request: web.Request, feed: RelayFeed) -> web.StreamResponse:
        response, wire = await open_event_stream(request)
        session = RelaySession(wire, feed, self._faces.limits, frame=encode_event)

        async def gone() -> None:
            await session.watch(wire)

        await self._run(session, gone)
        return response

    async def _run(self, session: RelaySession, gone: Callable[[], Awaitable[None]]) -> None:
        """Pump until the client is gone or the feed ends; then close, with the feed's code."""
        self._faces.welcome(session, "relay")
        pump = asyncio.get_running_loop().create_task(session.pump(), name=f"{session!r} writer")
        try:
            await gone()
        finally:
            pump.cancel()
            with contextlib.suppress(asyncio.CancelledError, StreamClosed):
                await pump
            await session.end(CloseCode.NORMAL, "")
            await self._faces.forget(session)


async def _refuse(status: HTTPStatus, message: str) -> web.StreamResponse:
    return refusal_response(status, message)
