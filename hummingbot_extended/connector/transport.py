"""Streams on Hummingbot's web assistants: its throttler and its assistants open them, on a session of their own.

Own, because the session that all of Hummingbot shares cuts a stream at 300 s, stops at 100 connections (REST then
hangs), follows redirects with all headers, and gives no way to bytes that are not JSON yet. The session lives while a
stream does: the last connection to close closes it, so nobody has to own it.
"""

from collections.abc import Mapping
from typing import Any, Self, cast

import aiohttp
from hummingbot.core.api_throttler.async_throttler_base import AsyncThrottlerBase
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory
from hummingbot.core.web_assistant.connections.data_types import RESTMethod, RESTRequest, RESTResponse
from hummingbot.core.web_assistant.connections.rest_connection import RESTConnection
from hummingbot.core.web_assistant.connections.ws_connection import WSConnection
from hummingbot.core.web_assistant.rest_assistant import RESTAssistant
from hummingbot.core.web_assistant.web_assistants_factory import WebAssistantsFactory
from hummingbot.core.web_assistant.ws_assistant import WSAssistant

from hummingbot_extended.exchange.endpoints import is_exchange_host
from hummingbot_extended.exchange.relay import through_relay
from hummingbot_extended.streams.aiohttp_transport import (
    AiohttpSSETransport,
    AiohttpWebSocketTransport,
    stream_session,
)
from hummingbot_extended.streams.detour import RETURN_AFTER_S, DetourTransport
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest, StreamTransport
from hummingbot_extended.streams.transport_choice import TransportChoice, TransportSetting

# Not declared to the throttler on purpose: it then counts against the pool of the IP's budget.
STREAM_LIMIT_ID = "streams"


class StreamSocket(WSConnection):
    """Hummingbot's WebSocket connection, but messages are read from `websocket`, as they come and undecoded."""

    websocket: aiohttp.ClientWebSocketResponse

    def __init__(self, aiohttp_client_session: aiohttp.ClientSession) -> None:
        super().__init__(aiohttp_client_session)
        self.options: dict[str, Any] = {}  # more of aiohttp's `ws_connect`

    async def connect(
        self,
        ws_url: str,
        ping_timeout: float | None = None,
        message_timeout: float | None = None,
        ws_headers: Mapping[str, str] | None = None,
        max_msg_size: int | None = None,
    ) -> None:
        """Open the WebSocket (WSAssistant calls this). The reader keeps the deadlines, not `message_timeout`."""
        self._ensure_not_connected()
        self.websocket = self._connection = await self._client_session.ws_connect(
            ws_url, headers=ws_headers, heartbeat=ping_timeout, max_msg_size=max_msg_size, **self.options
        )
        self._connected = True


class StreamResponse(RESTConnection):
    """Hummingbot's REST connection for a reply that does not end."""

    def __init__(self, aiohttp_client_session: aiohttp.ClientSession) -> None:
        super().__init__(aiohttp_client_session)
        self.options: dict[str, Any] = {}  # of aiohttp's `get`

    async def call(self, request: RESTRequest) -> RESTResponse:
        """Send `request` (RESTAssistant calls this) and return the reply when its headers are there."""
        return await self._build_resp(
            await self._client_session.get(request.url, headers=request.headers, **self.options)
        )


class StreamConnections(ConnectionsFactory):
    """Gives connections on a session for streams, which lives as long as one of them is leased."""

    def __new__(cls) -> Self:
        """Return an instance of its own: the base class would hand out its singleton."""
        return object.__new__(cls)

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._leases = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._leases} leased>"

    def lease(self) -> aiohttp.ClientSession:
        """Return the session, made where there is none. Whoever leases it gives it back once with `give_back`."""
        if self._session is None:
            self._session = stream_session()
        self._leases += 1
        return self._session

    async def give_back(self) -> None:
        """End a lease; the last one closes the session."""
        self._leases -= 1
        if self._leases == 0 and self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def get_ws_connection(self) -> StreamSocket:
        """Return a connection for a WebSocket on the leased session."""
        return StreamSocket(self._leased())

    async def get_rest_connection(self) -> StreamResponse:
        """Return a connection for an event stream on the leased session."""
        return StreamResponse(self._leased())

    def _leased(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("lease the session first")
        return self._session


class AssistantSession:
    """What the stream layer's transports ask of an aiohttp session, done by Hummingbot's assistants."""

    def __init__(self, connections: StreamConnections, throttler: AsyncThrottlerBase) -> None:
        self._connections = connections
        self._throttler = throttler

    async def ws_connect(
        self,
        url: object,
        *,
        headers: Mapping[str, str],
        heartbeat: float | None,
        max_msg_size: int,
        **options: Any,
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket by a WSAssistant. Arguments and errors are those of aiohttp's `ws_connect`."""
        socket = await self._connections.get_ws_connection()
        socket.options = options
        async with self._throttler.execute_task(STREAM_LIMIT_ID):
            await WSAssistant(socket).connect(
                str(url), ping_timeout=heartbeat, ws_headers=dict(headers), max_msg_size=max_msg_size
            )
        return socket.websocket

    async def get(self, url: object, *, headers: Mapping[str, str], **options: Any) -> aiohttp.ClientResponse:
        """Open an event stream by a RESTAssistant. Arguments and errors are those of aiohttp's `get`."""
        response = await self._connections.get_rest_connection()
        response.options = options
        request = RESTRequest(RESTMethod.GET, url=str(url), headers=dict(headers))
        async with self._throttler.execute_task(STREAM_LIMIT_ID):
            reply = await RESTAssistant(response, self._throttler).call(request)
        return reply._aiohttp_response


class AssistantTransport:
    """A transport of the stream layer on Hummingbot's assistants (contract: `StreamTransport`)."""

    def __init__(self, connections: StreamConnections, transport: StreamTransport) -> None:
        self.name = transport.name
        self._connections = connections
        self._transport = transport

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}, {self._connections!r}>"

    async def open(self, request: StreamRequest) -> StreamConnection:
        """See `StreamTransport.open`."""
        self._connections.lease()
        try:
            return LeasedConnection(await self._transport.open(request), self._connections)
        except BaseException:
            await self._connections.give_back()
            raise


class LeasedConnection:
    """An open stream that gives its session back when it is closed. Reading goes straight to the connection."""

    def __init__(self, connection: StreamConnection, connections: StreamConnections) -> None:
        self._connection = connection
        self._connections = connections
        self._is_closed = False
        self.receive = connection.receive
        self.send = connection.send

    def __repr__(self) -> str:
        return repr(self._connection)

    @property
    def last_event_id(self) -> str:
        """See `StreamConnection.last_event_id`."""
        return self._connection.last_event_id

    @property
    def retry_after_s(self) -> float | None:
        """See `StreamConnection.retry_after_s`."""
        return self._connection.retry_after_s

    async def close(self) -> None:
        """See `StreamConnection.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            await self._connection.close()
        finally:
            await self._connections.give_back()


def stream_transports(
    api_factory: WebAssistantsFactory, setting: TransportSetting = "auto", *, url: str = "", direct_url: str = ""
) -> TransportChoice:
    """The transports for the streams of a connector, which share its throttler (from `api_factory`) and one session.

    `url` is where the streams are: SSE is never tried on the exchange's own hosts (API reference §7). Where that is a
    relay, `direct_url` is where they are without it: they are read there while the relay is gone.
    A relay's token (EXTENDED_PERPETUAL_STREAM_TOKEN) goes to the relay alone.
    Raises SettingsError for a setting that is not known, "sse" where there is none, or a token that may not be sent.
    """
    connections = StreamConnections()
    session = cast(aiohttp.ClientSession, AssistantSession(connections, api_factory.throttler))
    websocket = AssistantTransport(connections, AiohttpWebSocketTransport(session))
    choice = TransportChoice.of(
        setting,
        websocket=through_relay(websocket),
        sse=through_relay(AssistantTransport(connections, AiohttpSSETransport(session))),
        may_use_sse=not is_exchange_host(url),
    )
    if direct_url in ("", url):
        return choice
    detour = DetourTransport(websocket, relay=url, direct=direct_url)
    return TransportChoice([*choice.in_order(url), detour], retry_better_after_s=RETURN_AFTER_S)
