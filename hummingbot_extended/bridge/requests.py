"""What clients may ask: one function a method, with the permission it needs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from hummingbot_extended.bridge import account_desk, feeds
from hummingbot_extended.bridge.exchanges import Exchanges
from hummingbot_extended.bridge.feeds import Feed, Feeds, Subscriber
from hummingbot_extended.bridge.journal import Journal
from hummingbot_extended.bridge.order_desk import OrderDesk, limit_of
from hummingbot_extended.bridge.settings import AccessKey
from hummingbot_extended.gateway.errors import AuthenticationError, ErrorCode, InvalidOrderError, NotSupportedError
from hummingbot_extended.gateway.protocol import text_of

MAX_DEPTH = 200

type Answer = Any | Awaitable[Any]
type Handler = Callable[["Caller", Mapping[str, Any]], Answer]


class Caller:
    """Who asks: the key and the session of one client."""

    def __init__(self, key: AccessKey, session_id: str | None, subscriber: Subscriber) -> None:
        self.key = key
        self.session_id = session_id
        self.subscriber = subscriber


class Requests:
    """Answers requests of clients that are let in. `answer` gives the data of the reply, or what to await for it.

    It raises HummingbotClientException, whose code goes into the reply.
    """

    def __init__(self, exchanges: Exchanges, desk: OrderDesk, feeds_: Feeds, journal: Journal, wait_s: float) -> None:
        self._exchanges = exchanges
        self._feeds = feeds_
        self._journal = journal
        self._handlers: Mapping[str, Handler] = {
            "ping": lambda _caller, _params: {},
            "create_order": lambda caller, params: desk.create(
                caller.key, caller.session_id, params, caller.subscriber
            ),
            "cancel_order": lambda caller, params: desk.cancel(caller.key, params),
            "cancel_all": lambda caller, params: desk.cancel_all(desk.orders_to_cancel(caller.key, params)),
            "get_order": lambda caller, params: desk.get(caller.key, params),
            "get_open_orders": lambda _caller, params: desk.open_orders(params),
            "get_order_history": lambda _caller, params: desk.history(params),
            "get_fills": self._fills,
            "get_order_book": self._order_book,
            "get_ticker": self._ticker,
            "get_trading_rules": lambda _caller, params: account_desk.trading_rules(exchanges, params),
            "get_balances": lambda _caller, params: account_desk.balances(exchanges, params),
            "get_positions": lambda caller, params: account_desk.positions(exchanges, caller.key, params),
            "set_leverage": lambda _caller, params: account_desk.set_leverage(exchanges, params, wait_s),
            "set_position_mode": lambda _caller, params: account_desk.set_position_mode(exchanges, params, wait_s),
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
        }

    def answer(self, caller: Caller, method: str, params: Mapping[str, Any]) -> Answer:
        """Return the answer to a request, or a coroutine that ends with it."""
        handler = self._handlers.get(method)
        if handler is None:
            raise NotSupportedError(f"this bridge knows no request {method[:40]!r}")
        _check_permission(caller.key, method, params)
        return handler(caller, params)

    def _fills(self, _caller: Caller, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        market = text_of("market", params.get("market"))
        exchange = self._exchanges.find_market(text_of("exchange", params.get("exchange")), market)
        fills = self._journal.last_fills(exchange.name, market, limit_of(params))
        return [msgspec.json.decode(data) for _, data in fills]

    def _order_book(self, _caller: Caller, params: Mapping[str, Any]) -> dict[str, Any]:
        exchange = self._exchanges.find(text_of("exchange", params.get("exchange")))
        depth = params.get("depth", 10)
        if not isinstance(depth, int) or isinstance(depth, bool) or not 1 <= depth <= MAX_DEPTH:
            raise InvalidOrderError(f"depth must be 1 to {MAX_DEPTH}", code=ErrorCode.INVALID_REQUEST)
        return exchange.levels(text_of("market", params.get("market")), depth)

    def _ticker(self, _caller: Caller, params: Mapping[str, Any]) -> dict[str, Any]:
        exchange = self._exchanges.find(text_of("exchange", params.get("exchange")))
        return feeds.ticker(exchange, text_of("market", params.get("market")))

    def _subscribe(self, caller: Caller, params: Mapping[str, Any]) -> dict[str, Any]:
        feed = _feed(params)
        self._feeds.subscribe(feed, caller.subscriber)
        return {"channel": feed.channel, "exchange": feed.exchange, "market": feed.market}

    def _unsubscribe(self, caller: Caller, params: Mapping[str, Any]) -> dict[str, Any]:
        feed = _feed(params)
        self._feeds.unsubscribe(feed, caller.subscriber)
        return {"channel": feed.channel, "exchange": feed.exchange, "market": feed.market}


_WRITES = frozenset({"create_order", "cancel_order", "cancel_all", "set_leverage", "set_position_mode"})


def is_waiting(answer: Answer) -> bool:
    """Return whether an answer has to be awaited."""
    return asyncio.iscoroutine(answer)


def _check_permission(key: AccessKey, method: str, params: Mapping[str, Any]) -> None:
    if key.read_only and method in _WRITES:
        raise _denied(f"the key {key.name} is read-only")
    exchange, market = params.get("exchange"), params.get("market")
    if isinstance(exchange, str) and not key.may_use(exchange, market if isinstance(market, str) else None):
        raise _denied(f"the key {key.name} may not use {exchange}{f' {market}' if market else ''}")
    if key.pairs is not None and method == "set_position_mode":
        raise _denied(f"the key {key.name} is for {', '.join(sorted(key.pairs))} only; this concerns the whole account")


def _denied(message: str) -> AuthenticationError:
    return AuthenticationError(
        f"{message}; ask whoever runs the bridge for another key", code=ErrorCode.PERMISSION_DENIED
    )


def _feed(params: Mapping[str, Any]) -> Feed:
    return Feed(*(text_of(name, params.get(name)) for name in ("channel", "exchange", "market")))
