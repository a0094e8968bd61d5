"""The bridge's WebSocket: one connection, requests matched to replies by id."""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from hummingbot_extended.errors import ExtendedError, ProtocolError, SequenceGap, TransportError
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ConnectionLostError,
    ErrorCode,
    HummingbotClientException,
    RequestTimeoutError,
    error_of,
)
from hummingbot_extended.gateway.protocol import (
    PATH,
    PING,
    Reply,
    Welcome,
    decode_message,
    encode_request,
)
from hummingbot_extended.gateway.transports.base import TransportListener
from hummingbot_extended.streams.aiohttp_transport import AiohttpWebSocketTransport
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest

logger = logging.getLogger(__name__)

HEARTBEAT_S = 20.0
MAX_MESSAGE_BYTES = 4 * 2**20
# So many messages are taken without giving the loop a turn.
BURST = 64


class BridgeTransport:
    """The WebSocket of a bridge at `host`:`port`. `tls` is True for the system's certificates, or a context.

    `session` tells the bridge what to do with this client's orders when it goes; see `HummingbotClient`.
    """

    def __init__(
        self,
        host: str,
        port: int,
        api_key: str,
        *,
        tls: bool | ssl.SSLContext = False,
        session: Mapping[str, Any] | None = None,
    ) -> None:
        literal = f"[{host}]" if ":" in host else host
        self._url = f"{'wss' if tls else 'ws'}://{literal}:{port}{PATH}"
        self._tls = ssl.create_default_context() if tls is True else tls
        self._api_key = api_key
        self._session_options = dict(session or {})
        self._wire: _Wire | None = None

    def __repr__(self) -> str:
        return f"<BridgeTransport {self._url} {'open' if self._wire else 'closed'}>"

    @property
    def name(self) -> str:
        """See `GatewayTransport.name`."""
        return self._url

    async def open(self, listener: TransportListener, *, timeout_s: float, resume_from: str | None) -> Welcome:
        """See `GatewayTransport.open`."""
        await self.close()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls or True),
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        request = StreamRequest(
            url=self._url,
            connect_timeout_s=timeout_s,
            data_timeout_s=None,
            heartbeat_s=HEARTBEAT_S,
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        try:
            connection = await AiohttpWebSocketTransport(session).open(request)
        except ExtendedError as error:
            await session.close()
            raise ConnectionLostError(self._advice(error), sent=False) from error
        except BaseException:
            await session.close()
            raise
        wire = _Wire(session, connection, listener)
        try:
            welcome = await self._authenticate(wire, timeout_s, resume_from)
        except BaseException:
            await wire.close()
            raise
        self._wire = wire
        wire.keep_alive(PING in welcome.capabilities)
        return welcome

    async def request(self, method: str, params: Mapping[str, Any], *, timeout_s: float) -> Reply:
        """See `GatewayTransport.request`."""
        if self._wire is None:
            raise ConnectionLostError("not connected; call connect() first", sent=False)
        return await self._wire.request(method, params, timeout_s)

    async def close(self) -> None:
        """See `GatewayTransport.close`."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def _authenticate(self, wire: "_Wire", timeout_s: float, resume_from: str | None) -> Welcome:
        params = {"api_key": self._api_key, **self._session_options}
        if resume_from is not None:
            params["resume_from"] = resume_from
        try:
            reply = await wire.request("authenticate", params, timeout_s)
        except ConnectionLostError as error:
            # A server that slams the door on a wrong key may do so before its reply arrives.
            raise ConnectionLostError(f"{self._url} closed the connection: {error.message}", sent=False) from error
        except HummingbotClientException as error:
            if error.retryable or isinstance(error, AuthenticationError):
                raise
            message = error.message or "the server refused the key"
            raise AuthenticationError(message, code=ErrorCode.AUTH_FAILED, data=error.data) from error
        return Welcome.read(reply.data)

    def _advice(self, error: ExtendedError) -> str:
        return f"no connection to {self._url} ({error}). Is the bridge running there, and are host, port and TLS right?"


class _Wire:
    """One open connection: its reader, its requests in flight, its heartbeat."""

    def __init__(
        self, session: aiohttp.ClientSession, connection: StreamConnection, listener: TransportListener
    ) -> None:
        self._session = session
        self._connection = connection
        self._listener = listener
        self._last_id = 0
        self._last_seq = 0
        self._pending: dict[str, asyncio.Future[Reply]] = {}
        self._lost: HummingbotClientException | None = None
        self._reader = asyncio.create_task(self._read(), name="gateway reader")
        self._pinger: asyncio.Task[None] | None = None

    def keep_alive(self, has_ping: bool) -> None:
        """Start to ask for a sign of life; without the server's `ping` the WebSocket's own ping has to do."""
        if has_ping:
            self._pinger = asyncio.create_task(self._ping(), name="gateway ping")

    async def request(self, method: str, params: Mapping[str, Any], timeout_s: float) -> Reply:
        """See `GatewayTransport.request`."""
        if self._lost is not None:
            raise ConnectionLostError(self._lost.message, sent=False)
        self._last_id += 1
        request_id = str(self._last_id)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = reply
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.send(encode_request(request_id, method, params))
                answer = await reply
        except TimeoutError:
            raise RequestTimeoutError(f"{method}: no reply within {timeout_s:g} s") from None
        except TransportError as error:
            raise ConnectionLostError(f"the connection was lost: {error}") from error
        finally:
            del self._pending[request_id]
        if not answer.ok:
            raise error_of(answer.code, answer.message or answer.status, answer.data, answer.retry_after_s)
        return answer

    async def close(self) -> None:
        """End the tasks and the connection; requests in flight fail."""
        self._lose(ConnectionLostError("the client disconnected"), tell=False)
        tasks = [task for task in (self._reader, self._pinger) if task and task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._connection.close()
        await self._session.close()

    async def _read(self) -> None:
        try:
            while True:
                for number, text in enumerate(await self._connection.receive(), 1):
                    self._take(text)
                    if number % BURST == 0:
                        await asyncio.sleep(0)
        except (TransportError, ProtocolError) as error:
            self._lose(ConnectionLostError(f"the connection was lost: {error}"))
        except Exception as error:  # a message that makes no sense: nobody would read on, so the connection has to go
            logger.exception("A message of %s could not be taken in.", self)
            self._lose(ConnectionLostError(f"a message of the server could not be taken in: {error!r}"))

    def _take(self, text: bytes | str) -> None:
        message = decode_message(text)
        if isinstance(message, Reply):
            self._resolve(message)
            return
        if message.seq is not None:
            if message.seq != self._last_seq + 1:
                raise SequenceGap(self._last_seq + 1, message.seq, "gateway events")
            self._last_seq = message.seq
        self._listener.on_event(message)

    def _resolve(self, reply: Reply) -> None:
        pending = self._pending.get(reply.id or "")
        if pending is None or pending.done():
            logger.debug("a reply that nobody waits for: id %s, %s", reply.id, reply.status)
            return
        pending.set_result(reply)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await self.request("ping", {}, HEARTBEAT_S)
            except RequestTimeoutError:
                self._lose(ConnectionLostError(f"the server has not answered for {HEARTBEAT_S:g} s"))
                return
            except HummingbotClientException as error:
                logger.debug("ping: %s", error)

    def _lose(self, error: ConnectionLostError, *, tell: bool = True) -> None:
        """Fail what waits for a reply, now; tell the listener, once."""
        if self._lost is not None:
            return
        self._lost = error
        for pending in self._pending.values():
            if not pending.done():
                pending.set_exception(ConnectionLostError(error.message))
        if tell:
            self._listener.on_lost(error)
