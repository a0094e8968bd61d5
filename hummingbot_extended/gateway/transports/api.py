"""hummingbot-api as a transport: the client's methods by REST, polling and its market-data WebSocket.

What it cannot do shows in the capabilities: no stop orders, no `client_ref` (an order is never sent twice), no ticker
feed; fills and order states come by polling, seconds late, and where its database has lost them an ERROR event says so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import aiohttp

from hummingbot_extended.errors import TransportError
from hummingbot_extended.gateway.errors import (
    AuthenticationError,
    ConnectionLostError,
    ErrorCode,
    HummingbotClientException,
    NotSupportedError,
    OrderNotFoundError,
    UnknownMarketError,
)
from hummingbot_extended.gateway.protocol import Reply, Welcome
from hummingbot_extended.gateway.transports.api_desk import ApiDesk
from hummingbot_extended.gateway.transports.api_feed import CHANNELS, ApiFeed
from hummingbot_extended.gateway.transports.api_lookups import ApiLookups
from hummingbot_extended.gateway.transports.api_orders import ApiOrders, Memory
from hummingbot_extended.gateway.transports.api_rest import ApiRest, basic_auth
from hummingbot_extended.gateway.transports.base import TransportListener

type Method = Callable[[Mapping[str, Any], float], Awaitable[Any]]

CAPABILITIES = frozenset(
    {"polled_orders", "unsubscribe", "cancel_all", "positions", "trading_rules", "leverage", "position_mode", "fills"}
)
# What may be asked of any connector; the rest is about an account, and needs its keys.
PUBLIC = frozenset({"ping", "get_order_book", "get_ticker", "get_trading_rules", "subscribe", "unsubscribe"})


class ApiTransport:
    """A hummingbot-api at `base_url` with its user name and password; `account` is the account whose keys trade.

    Plain http is for this machine only: the password goes along with every request.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        username: str = "admin",
        password: str = "",
        *,
        account: str = "master_account",
        poll_s: float = 1.0,
        fills_poll_s: float = 3.0,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
        if not (poll_s > 0 and fills_poll_s > 0):
            raise ValueError("polling intervals must be above 0 seconds")
        self._base_url = base_url.rstrip("/")
        self._credentials = basic_auth(username, password)
        self._account = account
        self._poll_s = poll_s
        self._fills_poll_s = fills_poll_s
        self._memory: Memory | None = None
        self._session: aiohttp.ClientSession | None = None
        self._poller: asyncio.Task[None] | None = None
        self._methods: Mapping[str, Method] = {}

    def __repr__(self) -> str:
        return f"<ApiTransport {self._base_url} {'open' if self._session else 'closed'}, account {self._account}>"

    @property
    def name(self) -> str:
        """See `GatewayTransport.name`."""
        return self._base_url

    async def open(self, listener: TransportListener, *, timeout_s: float, resume_from: str | None) -> Welcome:
        """See `GatewayTransport.open`; `resume_from` means nothing here. Pairs are not told: any may be used."""
        await self.close()
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        rest = ApiRest(self._base_url, session, self._credentials)
        try:
            self._connectors = await self._list_connectors(rest, timeout_s)
        except BaseException:
            await session.close()
            raise
        self._session, self._rest = session, rest
        self._memory = self._memory or Memory(rest.now_s(), rest.now_s())
        memory, tell = self._memory, listener.on_event
        orders = ApiOrders(rest, self._account, tell, timeout_s, memory, self._poll_s, self._fills_poll_s)
        lookups = ApiLookups(rest, self._account)
        self._lookups = lookups
        self._methods = self._table(ApiDesk(rest, self._account, lookups, orders, memory))
        self._feed = ApiFeed(self._base_url, session, self._credentials, tell)
        self._poller = asyncio.create_task(orders.run(listener.on_lost), name="hummingbot-api polling")
        exchanges = dict.fromkeys(sorted(self._connectors), ())
        return Welcome(server="hummingbot-api", capabilities=CAPABILITIES, exchanges=exchanges)

    async def request(self, method: str, params: Mapping[str, Any], *, timeout_s: float) -> Reply:
        """See `GatewayTransport.request`."""
        if self._session is None:
            raise ConnectionLostError("not connected; call connect() first", sent=False)
        call = self._methods.get(method)
        if call is None:
            raise NotSupportedError(f"hummingbot-api offers nothing for {method}")
        if method not in PUBLIC:
            await self._check_exchange(params.get("exchange"), timeout_s)
        try:
            return Reply(None, "success", await call(params, timeout_s))
        except TransportError as error:
            raise ConnectionLostError(f"{method}: {error}") from error

    async def close(self) -> None:
        """See `GatewayTransport.close`."""
        session, self._session = self._session, None
        poller, self._poller = self._poller, None
        if poller is not None and poller is not asyncio.current_task():
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)
        if session is not None:
            await self._feed.close()
            await session.close()

    def _table(self, desk: ApiDesk) -> Mapping[str, Method]:
        lookups = self._lookups
        return {
            "ping": self._ping,
            "create_order": desk.create_order,
            "cancel_order": desk.cancel_order,
            "cancel_all": desk.cancel_all,
            "get_order": desk.get_order,
            "get_open_orders": desk.get_open_orders,
            "get_order_history": desk.get_order_history,
            "get_fills": desk.get_fills,
            "get_order_book": lookups.order_book,
            "get_ticker": lookups.ticker,
            "get_trading_rules": lookups.trading_rules,
            "get_balances": lookups.balances,
            "get_positions": desk.get_positions,
            "set_leverage": lookups.set_leverage,
            "set_position_mode": lookups.set_position_mode,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }

    async def _list_connectors(self, rest: ApiRest, timeout_s: float) -> frozenset[str]:
        """Return the connectors whose keys the account holds."""
        try:
            names = await rest.get(f"/accounts/{self._account}/credentials", timeout_s)
        except OrderNotFoundError as error:
            message = f"{self._base_url} has no account {self._account!r}, or is no hummingbot-api ({error.message})"
            raise ConnectionLostError(message, sent=False) from error
        except HummingbotClientException as error:
            if error.retryable or isinstance(error, AuthenticationError):
                raise
            message = f"{self._base_url} is no hummingbot-api, or not ready: {error.message}"
            raise ConnectionLostError(message, sent=False) from error
        if not isinstance(names, list):
            raise ConnectionLostError(f"{self._base_url} is no hummingbot-api", sent=False)
        return frozenset(map(str, names))

    async def _check_exchange(self, exchange: Any, timeout_s: float) -> None:
        """Raise UnknownMarketError for a connector without keys: that server would fail on it without a word."""
        if exchange is None or exchange in self._connectors:
            return
        self._connectors = await self._list_connectors(self._rest, timeout_s)  # its keys may have been added just now
        if exchange not in self._connectors:
            known = ", ".join(sorted(self._connectors)) or "none"
            raise UnknownMarketError(
                f"hummingbot-api holds no keys of {self._account} for {exchange!r} (it has {known}); add them there",
                code=ErrorCode.UNKNOWN_EXCHANGE,
            )

    async def _subscribe(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        channel, exchange, market = (str(params[name]) for name in ("channel", "exchange", "market"))
        if channel not in CHANNELS:
            raise NotSupportedError(f"hummingbot-api has no {channel} feed; it has {', '.join(CHANNELS)}")
        if unknown := await self._lookups.unknown_market(exchange, market, timeout_s):
            raise unknown  # the server would accept it, and never send anything
        await self._feed.subscribe(channel, exchange, market, timeout_s)
        return dict(params)

    async def _unsubscribe(self, params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        await self._feed.unsubscribe(*(str(params[name]) for name in ("channel", "exchange", "market")))
        return dict(params)

    async def _ping(self, _params: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        await self._list_connectors(self._rest, timeout_s)
        return {}
