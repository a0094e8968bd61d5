"""`ExtendedClient`: everything of Extended that a program without Hummingbot needs, behind one object."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self, get_args

import aiohttp

from hummingbot_extended.client.account import AccountStreams, Brokerage
from hummingbot_extended.client.feeds import Feeds
from hummingbot_extended.client.inlet import PathSource, Source
from hummingbot_extended.client.market_data import MarketData
from hummingbot_extended.client.order_execution import OrderExecution
from hummingbot_extended.client.order_search import OrderSearch
from hummingbot_extended.client.rpc_inlet import RpcSource
from hummingbot_extended.client.trader import Trader
from hummingbot_extended.errors import NotConnected, SettingsError
from hummingbot_extended.exchange.aiohttp_send import AiohttpSend, clean_api_key
from hummingbot_extended.exchange.endpoints import (
    MAINNET_NAME,
    Domain,
    account_stream_domain,
    find_domain,
    is_exchange_host,
    local_domain,
    with_relay,
)
from hummingbot_extended.exchange.http import RestRequest, RestResponse
from hummingbot_extended.exchange.relay import through_relay
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.streams.aiohttp_transport import AiohttpSSETransport, AiohttpWebSocketTransport, stream_session
from hummingbot_extended.streams.manager import StreamManager
from hummingbot_extended.streams.supervisor import NO_CONNECTION
from hummingbot_extended.streams.transport import StreamConnection, StreamRequest
from hummingbot_extended.streams.transport_choice import TransportChoice

type Transport = Literal["auto", "websocket", "sse", "rpc"]

REST_CONNECTIONS = 20


class ExtendedClient:
    """Streams, REST and orders of one account (or of nobody) on one network.

    `domain` is a name ("extended_perpetual", "extended_perpetual_testnet", "extended_perpetual_local") or a `Domain`;
    `url` instead is the origin of a practice venue on this machine ("http://127.0.0.1:8099"). `api_key` opens the
    account, `stark_private_key` (hex) signs its orders; both show nowhere. `transport` is for public streams:
    "websocket", "sse" (a relay or the venue), "auto" (the first, then the second, never SSE on the exchange's hosts),
    or "rpc" (one v2 socket for all topics, falling back to v1). `max_streams` counts connections: 10, or
    HUMMINGBOT_EXTENDED_MAX_STREAMS. `on_response` sees every REST reply. EXTENDED_PERPETUAL_STREAM_URL names a relay,
    EXTENDED_PERPETUAL_STREAM_TOKEN what that wants.

    Nothing is opened before the first call; it needs a running event loop. Use it as an async context manager, or
    `close()` it: no task, socket or session is left then.

    Raises SettingsError for a wrong domain, URL, key or transport.
    """

    def __init__(
        self,
        domain: str | Domain = MAINNET_NAME,
        *,
        url: str | None = None,
        api_key: str | None = None,
        stark_private_key: str | None = None,
        transport: Transport = "auto",
        max_streams: int | None = None,
        on_response: Callable[[RestResponse], None] | None = None,
    ) -> None:
        if transport not in get_args(Transport.__value__):
            raise SettingsError(f"transport is {transport!r}; it may be auto, websocket, sse or rpc")
        self.domain = _domain_of(domain, url)
        self.transport = transport
        self._send = _LazySend(self.domain.rest_url, api_key)
        self.rest = ExtendedRest(self._send, on_response=on_response)
        self._manager = StreamManager({"max_concurrent_streams": max_streams})
        self._transports = _LazyTransports()
        self._feeds = Feeds()
        self._search = OrderSearch(self.rest)
        self._trader = Trader(self.rest, self.domain, stark_private_key)
        account_source = self._account_source(api_key) if api_key else None
        streams = AccountStreams(self._feeds, account_source, self.rest)
        self._rpc: RpcSource | None = None
        self.market_data = MarketData(self._feeds, self._public_source(), self.rest)
        self.order_execution = OrderExecution(self.rest, self.domain, self._trader, self._search, streams)
        self.brokerage = Brokerage(streams)

    def __repr__(self) -> str:
        return f"<ExtendedClient {self.domain.name} over {self.transport}: {self._manager!r}>"

    def stats(self) -> dict[str, dict[str, Any]]:
        """Return state and counters of each feed by its path."""
        return {
            feed.channel.path: {"state": feed.state.value, "listeners": len(feed.listeners()), **feed.stats.as_dict()}
            for feed in self._feeds.all()
        }

    async def close(self) -> None:
        """End all subscriptions, searches, connections and sessions. Safe to repeat, also from a callback."""
        await self._feeds.close()
        await self._search.close()
        if self._rpc is not None:
            await self._rpc.close()
        await self._manager.close()
        await self._transports.close()
        await self._send.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _public_source(self) -> Source:
        public = with_relay(self.domain)
        setting: Literal["auto", "websocket", "sse"] = "auto" if self.transport == "rpc" else self.transport
        urls = tuple(url for url in (public.stream_url, public.stream_fallback_url) if url)
        choice = TransportChoice.of(
            setting,
            websocket=through_relay(self._transports.websocket),
            sse=through_relay(self._transports.sse),
            may_use_sse=not is_exchange_host(public.stream_url),
        )
        paths = PathSource(self._manager, urls, choice)
        if self.transport != "rpc":
            return paths
        socket = TransportChoice([self._transports.websocket])
        self._rpc = RpcSource(self._manager, self.domain.rpc_url, socket, paths)
        return self._rpc

    def _account_source(self, api_key: str) -> PathSource:
        where = account_stream_domain(self.domain)
        urls = tuple(url for url in (where.stream_url, where.stream_fallback_url) if url)
        headers = {"X-Api-Key": clean_api_key(api_key)}
        choice = TransportChoice([through_relay(self._transports.websocket)])
        return PathSource(self._manager, urls, choice, headers=headers)


class _LazySend:
    """`Send` on a session that is made at the first request."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        self._base_url = base_url
        self._api_key = None if api_key is None else clean_api_key(api_key)
        self._session: aiohttp.ClientSession | None = None
        self._send: AiohttpSend | None = None
        self._is_closed = False

    def __repr__(self) -> str:
        return f"AiohttpSend({self._base_url})"

    async def __call__(self, request: RestRequest) -> RestResponse:
        if self._is_closed:
            raise NotConnected(NO_CONNECTION, "the client is closed")
        if self._send is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=REST_CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
            )
            self._send = AiohttpSend(self._session, self._base_url, api_key=self._api_key)
        return await self._send(request)

    async def close(self) -> None:
        self._is_closed = True
        if self._session is not None:
            await self._session.close()


class _LazyTransports:
    """The two transports on one stream session that is made at the first connect."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self.websocket = _LazyTransport("websocket", AiohttpWebSocketTransport, self.session)
        self.sse = _LazyTransport("sse", AiohttpSSETransport, self.session)

    def session(self) -> aiohttp.ClientSession:
        """The session, made now if need be."""
        if self._session is None:
            self._session = stream_session()
        return self._session

    async def close(self) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


class _LazyTransport:
    def __init__(
        self,
        name: str,
        make: Callable[[aiohttp.ClientSession], AiohttpWebSocketTransport | AiohttpSSETransport],
        session: Callable[[], aiohttp.ClientSession],
    ) -> None:
        self.name = name
        self._make = make
        self._session = session

    async def open(self, request: StreamRequest) -> StreamConnection:
        return await self._make(self._session()).open(request)


def _domain_of(domain: str | Domain, url: str | None) -> Domain:
    if url is not None:
        return local_domain(url)
    return find_domain(domain) if isinstance(domain, str) else domain
