"""`HummingbotClient`: orders, market data and events of a running Hummingbot, from another process."""

import asyncio
import logging
import ssl
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from hummingbot_extended.errors import Outcome
from hummingbot_extended.gateway.enums import ConnectionStatus, MarketType, OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.errors import (
    ConnectionLostError,
    HummingbotClientException,
    NotSupportedError,
    OrderClosedError,
    OrderStateUnknownError,
    RateLimitedError,
)
from hummingbot_extended.gateway.events import EventEngine, EventType
from hummingbot_extended.gateway.link import Link
from hummingbot_extended.gateway.protocol import (
    CLIENT_REF,
    DEFAULT_PORT,
    STOP_ORDERS,
    OrderRequest,
    Reply,
    text_of,
)
from hummingbot_extended.gateway.publisher import Publisher
from hummingbot_extended.gateway.requester import Requester, checked
from hummingbot_extended.gateway.transports.base import GatewayTransport
from hummingbot_extended.gateway.transports.bridge import BridgeTransport

__all__ = [
    "ConnectionStatus",
    "HummingbotClient",
    "HummingbotClientException",
    "MarketType",
    "OrderSide",
    "OrderStatus",
    "OrderType",
]

logger = logging.getLogger(__name__)

type Number = Decimal | int | float | str

REQUEST_TIMEOUT_S = 5.0
RETRY_ATTEMPTS = 3
REQUESTS_PER_SECOND = 20.0
ORDERS_PER_SECOND = 10.0
GRACE_S = 30.0
ON_DISCONNECT = ("keep", "cancel_mine", "cancel_all")


class HummingbotClient:
    """A client of one Hummingbot, through the bridge by default.

    `retry_attempts` is how often a failed first connect, and a request that may be repeated, is tried again; orders
    are repeated only where the server recognises their `client_ref`. `tls` is True, or a context, for `wss://`;
    `ca_file` names the certificate of a private authority. Certificates and host names are always verified.

    With `auto_reconnect` a lost connection comes back by itself, within `max_reconnect_attempts` (None: without end);
    subscriptions are renewed and what happened meanwhile is published with `"resync": True`. `on_disconnect` says
    what the bridge does `grace_s` after it has lost this client: "keep" the orders, "cancel_mine", "cancel_all".

    Requests are spread to `max_requests_per_second`, orders and cancels to `max_orders_per_second`; None is no limit.
    Own fills come as TRADE_UPDATE with `"own": True`; trades of others, if subscribed to, as `public_trades_as`. To
    receive fills that happened while this process was down, give `resume_from` the last `position` it has seen.

    Every request raises HummingbotClientException or one of its subclasses (`gateway.errors`); cancelling a call
    forgets its reply, not the request. One event loop uses a client.
    """

    def __init__(
        self,
        event_engine: EventEngine,
        api_host: str = "localhost",
        api_port: int = DEFAULT_PORT,
        api_key: str | None = None,
        request_timeout: float = REQUEST_TIMEOUT_S,
        retry_attempts: int = RETRY_ATTEMPTS,
        *,
        tls: bool | ssl.SSLContext = False,
        ca_file: str | Path | None = None,
        auto_reconnect: bool = True,
        max_reconnect_attempts: int | None = None,
        on_disconnect: str = "keep",
        grace_s: float = GRACE_S,
        max_requests_per_second: float | None = REQUESTS_PER_SECOND,
        max_orders_per_second: float | None = ORDERS_PER_SECOND,
        public_trades_as: EventType = EventType.TRADE_UPDATE,
        resume_from: str | None = None,
        transport: GatewayTransport | None = None,
    ) -> None:
        _check_arguments(api_host, api_port, request_timeout, retry_attempts)
        if transport is None and (not isinstance(api_key, str) or not api_key):
            raise ValueError("api_key must be a text that is not empty")
        if on_disconnect not in ON_DISCONNECT:
            raise ValueError(f"on_disconnect must be one of {', '.join(ON_DISCONNECT)}, not {on_disconnect!r}")
        self.event_engine = event_engine
        self.api_host = api_host
        self.api_port = api_port
        self.api_key = api_key
        self.request_timeout = request_timeout
        self.retry_attempts = retry_attempts
        if ca_file is not None:
            tls = ssl.create_default_context(cafile=str(ca_file))
        self._publisher = Publisher(event_engine, public_trades_as, resume_from)
        self._link = Link(
            transport
            or BridgeTransport(
                api_host,
                api_port,
                api_key or "",
                tls=tls,
                session={"session_id": uuid.uuid4().hex, "on_disconnect": on_disconnect, "grace": grace_s},
            ),
            self._publisher,
            timeout_s=request_timeout,
            attempts=1 + retry_attempts,
            auto_reconnect=auto_reconnect,
            max_reconnects=max_reconnect_attempts,
        )
        self._requester = Requester(
            self._link,
            retries=retry_attempts,
            per_second=max_requests_per_second,
            orders_per_second=max_orders_per_second,
        )

    def __repr__(self) -> str:
        return f"<HummingbotClient {self._link!r}>"

    # Connection

    @property
    def connection_status(self) -> ConnectionStatus:
        """The state of the connection; CONNECTING while it is coming back."""
        return self._link.status

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server offers beyond the first protocol; empty before `connect`."""
        return self._link.welcome.capabilities

    @property
    def exchanges(self) -> Mapping[str, Sequence[str]]:
        """The connectors of that Hummingbot and their trading pairs; empty before `connect`."""
        return self._link.welcome.exchanges

    @property
    def position(self) -> str | None:
        """Where the journal of own fills stands for this client: what `resume_from` of a later client takes."""
        return self._publisher.position

    async def connect(self) -> None:
        """Connect and authenticate. Does nothing when connected.

        Raises AuthenticationError at once where the key is refused, ConnectionLostError after `retry_attempts`.
        """
        await self._link.connect()

    async def disconnect(self) -> None:
        """Close the connection; requests in flight fail at once. Orders stay, unless `on_disconnect` says otherwise."""
        await self._link.disconnect()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()

    # Orders

    async def create_order(
        self,
        exchange: str,
        market: str,
        side: OrderSide,
        order_type: OrderType,
        amount: Number,
        price: Number | None = None,
        *,
        stop_price: Number | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        client_ref: str | None = None,
    ) -> dict[str, Any]:
        """Create an order and return it: `order_id`, `status`, `acknowledged` (whether the exchange has confirmed it).

        `amount` is in the base asset, prices in the quote asset; `price` is for LIMIT and STOP_LIMIT, `stop_price` for
        STOP and STOP_LIMIT. `reduce_only` closes a position and never opens one. `client_ref` names the order for
        repetitions; one is made up where none is given. Publishes ORDER_UPDATE, or ERROR before it raises.

        Raises:
            InvalidOrderError, InsufficientFundsError, MarketClosedError, …: The order was refused.
            OrderStateUnknownError: It is not known whether the order exists; `get_order_status(client_ref=…)` asks.
        """
        fields: dict[str, Any] = {
            "exchange": exchange,
            "market": market,
            "side": side,
            "order_type": order_type,
            "amount": amount,
            "price": price if order_type is not OrderType.MARKET else None,
            "stop_price": stop_price,
            "post_only": post_only,
            "reduce_only": reduce_only,
            "client_ref": client_ref or uuid.uuid4().hex,
        }
        try:
            order = await self._create(OrderRequest.read(fields))
        except HummingbotClientException as error:
            self._publisher.failure(error, exchange, market)
            raise
        self._publisher.order(order)
        return order

    async def cancel_order(self, exchange: str, market: str, order_id: str) -> dict[str, Any]:
        """Cancel an order and return `{order_id, cancelled, …}` once the exchange has confirmed it.

        `cancelled` is False, and `status` says why, where a fill was faster. Publishes ORDER_UPDATE, or ERROR before it
        raises. Raises OrderNotFoundError, OrderClosedError (its `data` is the order).
        """
        params = {"exchange": exchange, "market": market, "order_id": order_id}
        try:
            result = await self._cancel(params)
        except HummingbotClientException as error:
            self._publisher.failure(error, exchange, market, order_id)
            raise
        status = OrderStatus.CANCELLED.value if result.get("cancelled", True) else result.get("status")
        if status is not None:
            self._publisher.order(
                {"exchange": exchange, "market": market, "symbol": market, **result, "status": status}
            )
        return result

    async def cancel_all(self, exchange: str | None = None, market: str | None = None) -> dict[str, Any]:
        """Cancel every open order of an exchange, of a market, or all; return `{cancelled: [ids], failed: [ids]}`."""
        return await self._requester.data("cancel_all", _given(exchange=exchange, market=market), dict)

    async def get_order_status(
        self, exchange: str, market: str, order_id: str | None = None, *, client_ref: str | None = None
    ) -> dict[str, Any]:
        """Return an order by its id, or by its `client_ref`. Raises OrderNotFoundError."""
        if (order_id is None) is (client_ref is None):
            raise ValueError("give either order_id or client_ref")
        params = {"exchange": exchange, "market": market, **_given(order_id=order_id, client_ref=client_ref)}
        return await self._requester.data("get_order", params, dict)

    async def get_open_orders(self, exchange: str, market: str) -> list[dict[str, Any]]:
        """Return the open orders of a market."""
        return await self._requester.data("get_open_orders", {"exchange": exchange, "market": market}, list)

    async def get_order_history(
        self,
        exchange: str,
        market: str,
        limit: int = 50,
        *,
        start_time: float | None = None,
        end_time: float | None = None,
        status: OrderStatus | None = None,
    ) -> list[dict[str, Any]]:
        """Return up to `limit` orders, the newest first, created between two times (epoch seconds), of one status."""
        if not 1 <= limit <= 1000:
            raise ValueError("limit must be 1 to 1000")
        word = None if status is None else status.value
        filters = _given(start_time=start_time, end_time=end_time, status=word)
        params = {"exchange": exchange, "market": market, "limit": limit, **filters}
        return await self._requester.data("get_order_history", params, list)

    async def get_fills(self, exchange: str, market: str, limit: int = 50) -> list[dict[str, Any]]:
        """Return the last own fills of a market, the newest first."""
        return await self._requester.data("get_fills", {"exchange": exchange, "market": market, "limit": limit}, list)

    # Market data

    async def get_order_book(self, exchange: str, market: str, depth: int = 10) -> dict[str, Any]:
        """Return `{timestamp, bids, asks}`, levels as [price, amount] texts, the best first."""
        if not 1 <= depth <= 200:
            raise ValueError("depth must be 1 to 200")
        return await self._requester.data(
            "get_order_book", {"exchange": exchange, "market": market, "depth": depth}, dict
        )

    async def get_ticker(self, exchange: str, market: str) -> dict[str, Any]:
        """Return `{bid, ask, last, volume, …}` as texts; None for a side that is empty or a figure nobody knows."""
        return await self._requester.data("get_ticker", {"exchange": exchange, "market": market}, dict)

    async def get_trading_rules(self, exchange: str, market: str) -> dict[str, Any]:
        """Return the smallest amount, the steps of price and amount, and the order types of a market."""
        return await self._requester.data("get_trading_rules", {"exchange": exchange, "market": market}, dict)

    async def subscribe_to_order_book(self, exchange: str, market: str) -> dict[str, Any]:
        """Receive MARKET_DATA events with the book; return `{status, message}`. Renewed after a reconnect."""
        return await self._subscribe("order_book", exchange, market)

    async def subscribe_to_trades(self, exchange: str, market: str) -> dict[str, Any]:
        """Receive the market's public trades (`"own": False`); return `{status, message}`."""
        return await self._subscribe("trades", exchange, market)

    async def subscribe_to_ticker(self, exchange: str, market: str) -> dict[str, Any]:
        """Receive MARKET_DATA events with best bid, best ask and last price; return `{status, message}`."""
        return await self._subscribe("ticker", exchange, market)

    async def unsubscribe(self, channel: str, exchange: str, market: str) -> dict[str, Any]:
        """End a subscription to "order_book", "trades" or "ticker"; return `{status, message}`."""
        params = {"channel": channel, "exchange": exchange, "market": market}
        self._link.subscriptions.pop((channel, exchange, market), None)
        return _whole(await self._requester.request("unsubscribe", params))

    # Account

    async def get_balances(self, exchange: str) -> dict[str, dict[str, dict[str, str]]]:
        """Return `{exchange: {asset: {total, available}}}`, amounts as texts."""
        return await self._requester.data("get_balances", {"exchange": exchange}, dict)

    async def get_positions(self, exchange: str, market: str | None = None) -> list[dict[str, Any]]:
        """Return the open positions; `amount` is negative for a short one."""
        return await self._requester.data("get_positions", {"exchange": exchange, **_given(market=market)}, list)

    async def set_leverage(self, exchange: str, market: str, leverage: int) -> dict[str, Any]:
        """Set the leverage of a market."""
        return await self._requester.data(
            "set_leverage", {"exchange": exchange, "market": market, "leverage": leverage}, dict
        )

    async def set_position_mode(self, exchange: str, mode: str) -> dict[str, Any]:
        """Set the position mode: "ONEWAY" or "HEDGE", where the exchange offers it."""
        return await self._requester.data("set_position_mode", {"exchange": exchange, "mode": mode}, dict)

    async def ping(self) -> float:
        """Return the seconds of a round trip to the server."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        await self._requester.request("ping", {})
        return loop.time() - began

    # How requests are made

    async def _create(self, order: OrderRequest) -> dict[str, Any]:
        if order.order_type.has_stop_price and self._link.is_connected and STOP_ORDERS not in self.capabilities:
            raise NotSupportedError(f"{self._link.name} does not offer stop orders; watch the price and send the order")
        repeatable = CLIENT_REF in self.capabilities
        try:
            reply = await self._requester.request("create_order", order.params(), repeatable=repeatable, is_order=True)
        except ConnectionLostError as error:
            if not error.sent:
                raise
            raise _unknown(order, error) from error
        except HummingbotClientException as error:
            # A server that takes no more requests says nothing of the one that was sent before.
            is_unknown = error.outcome is Outcome.UNKNOWN or (
                error.was_repeated and isinstance(error, RateLimitedError)
            )
            if not is_unknown or isinstance(error, OrderStateUnknownError):
                raise
            raise _unknown(order, error) from error
        return {"client_ref": order.client_ref, **checked("create_order", reply.data, dict)}

    async def _cancel(self, params: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in params.items():
            text_of(name, value)
        try:
            data = (await self._requester.request("cancel_order", params, is_order=True)).data
        except OrderClosedError as error:
            order = error.data if isinstance(error.data, Mapping) else {}
            # The cancel before this one may have come through, only its reply did not.
            if not (error.was_repeated and order.get("status") == OrderStatus.CANCELLED.value):
                raise
            data = {"order_id": params["order_id"], "cancelled": True, **order}
        return dict(checked("cancel_order", data, dict))

    async def _subscribe(self, channel: str, exchange: str, market: str) -> dict[str, Any]:
        params = {"channel": channel, "exchange": text_of("exchange", exchange), "market": text_of("market", market)}
        reply = _whole(await self._requester.request("subscribe", params))
        self._link.subscriptions[channel, exchange, market] = params
        return reply


def _check_arguments(api_host: str, api_port: int, request_timeout: float, retry_attempts: int) -> None:
    if not isinstance(api_host, str) or not api_host.strip():
        raise ValueError("api_host must be a text that is not empty")
    if not isinstance(api_port, int) or isinstance(api_port, bool) or not 1 <= api_port <= 65535:
        raise ValueError(f"api_port must be a whole number from 1 to 65535, not {api_port!r}")
    if not request_timeout > 0:
        raise ValueError(f"request_timeout must be above 0 seconds, not {request_timeout!r}")
    if retry_attempts < 0:
        raise ValueError(f"retry_attempts must be 0 or more, not {retry_attempts!r}")


def _unknown(order: OrderRequest, error: HummingbotClientException) -> OrderStateUnknownError:
    return OrderStateUnknownError(
        f"It is not known whether the order {order.client_ref} was placed ({error.message}); "
        f"ask with get_order_status(client_ref=…) before sending another",
        client_ref=order.client_ref,
    )


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _whole(reply: Reply) -> dict[str, Any]:
    return {"status": reply.status, "message": reply.message, **_given(data=reply.data)}
