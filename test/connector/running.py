"""A connector that lives as in Hummingbot, on a real practice venue, and what the tests need around it."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import aiohttp
from hummingbot.connector.utils import TradeFillOrderDetails
from hummingbot.core.clock import Clock, ClockMode
from hummingbot.core.data_type.common import OrderType, PositionAction
from hummingbot.core.event.event_forwarder import EventForwarder
from hummingbot.core.event.events import MarketEvent
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
from hummingbot_extended.exchange.aiohttp_send import AiohttpSend
from hummingbot_extended.exchange.endpoints import LOCAL_NAME, LOCAL_URL_ENV
from hummingbot_extended.exchange.enums import OrderType as Type
from hummingbot_extended.exchange.enums import Side, TimeInForce
from hummingbot_extended.exchange.models import Market, Order
from hummingbot_extended.exchange.orders import NewOrder, OrderSigner, signed_body
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.exchange.signing import NonceSource, StarknetDomain, StarkSigner
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.until import until

PAIR = "BTC-USD"
TICK_S = 0.1


class Recorder:
    """Hummingbot's MarketsRecorder in small: keeps the events, and tells the connector what is recorded."""

    TAGS = (
        MarketEvent.BuyOrderCreated,
        MarketEvent.SellOrderCreated,
        MarketEvent.OrderFilled,
        MarketEvent.OrderCancelled,
        MarketEvent.OrderFailure,
        MarketEvent.OrderExpired,
        MarketEvent.BuyOrderCompleted,
        MarketEvent.SellOrderCompleted,
        MarketEvent.FundingPaymentCompleted,
    )

    def __init__(self, connector: ExtendedPerpetualDerivative) -> None:
        self.connector = connector
        self.events: dict[MarketEvent, list[Any]] = defaultdict(list)
        self._forwarders = []
        for tag in self.TAGS:
            forwarder = EventForwarder(lambda event, tag=tag: self._record(tag, event))
            self._forwarders.append(forwarder)
            connector.add_listener(tag, forwarder)

    def _record(self, tag: MarketEvent, event: Any) -> None:
        self.events[tag].append(event)
        if tag in (MarketEvent.BuyOrderCreated, MarketEvent.SellOrderCreated):
            self.connector.add_exchange_order_ids_from_market_recorder({event.exchange_order_id: event.order_id})
        if tag is MarketEvent.OrderFilled:
            fill = TradeFillOrderDetails(self.connector.name, event.exchange_trade_id, event.trading_pair)
            self.connector.add_trade_fills_from_market_recorder({fill})

    def of(self, tag: MarketEvent, order_id: str | None = None) -> list[Any]:
        return [e for e in self.events[tag] if order_id is None or e.order_id == order_id]

    @property
    def created(self) -> list[Any]:
        return self.events[MarketEvent.BuyOrderCreated] + self.events[MarketEvent.SellOrderCreated]


class Bot:
    """A connector on Hummingbot's clock, with its recorder and short words for what tests do."""

    def __init__(self, connector: ExtendedPerpetualDerivative) -> None:
        self.connector = connector
        self.recorder = Recorder(connector)

    def buy(self, amount: str, price: Any = None, order_type: OrderType = OrderType.LIMIT, **kwargs: Any) -> str:
        return self._place(self.connector.buy, amount, price, order_type, kwargs)

    def sell(self, amount: str, price: Any = None, order_type: OrderType = OrderType.LIMIT, **kwargs: Any) -> str:
        return self._place(self.connector.sell, amount, price, order_type, kwargs)

    @staticmethod
    def _place(place: Callable[..., str], amount: str, price: Any, order_type: OrderType, kwargs: Any) -> str:
        pair = kwargs.pop("pair", PAIR)
        kwargs.setdefault("position_action", PositionAction.OPEN)
        asked = Decimal("NaN") if price is None else Decimal(str(price))
        return place(pair, Decimal(amount), order_type, asked, **kwargs)

    def cancel(self, order_id: str, pair: str = PAIR) -> None:
        self.connector.cancel(pair, order_id)

    def fills(self, order_id: str | None = None) -> list[Any]:
        return self.recorder.of(MarketEvent.OrderFilled, order_id)

    def filled(self, order_id: str) -> Decimal:
        return sum((fill.amount for fill in self.fills(order_id)), Decimal(0))

    def failures(self, order_id: str) -> list[Any]:
        return self.recorder.of(MarketEvent.OrderFailure, order_id)

    def cancelled(self, order_id: str) -> list[Any]:
        return self.recorder.of(MarketEvent.OrderCancelled, order_id)

    async def until_open(self, order_id: str) -> None:
        await until(lambda: self.connector.acknowledged(order_id), what=f"{order_id} acknowledged")

    async def until_done(self, order_id: str) -> None:
        ends = (
            MarketEvent.OrderCancelled,
            MarketEvent.OrderFailure,
            MarketEvent.BuyOrderCompleted,
            MarketEvent.SellOrderCompleted,
        )
        await until(lambda: any(self.recorder.of(tag, order_id) for tag in ends), f"{order_id} done")

    def position(self, pair: str = PAIR) -> Decimal:
        position = self.connector.account_positions.get(pair)
        return position.amount if position else Decimal(0)


class Counterparty:
    """A trader without Hummingbot: raw orders of a second account, or manual ones of the bot's own."""

    def __init__(self, rest: ExtendedRest, keys: dict[str, str], markets: dict[str, Market]) -> None:
        self.rest = rest
        self._signer = OrderSigner(
            StarkSigner(keys["stark_private_key"]), int(keys["vault"]), StarknetDomain(chain_id="SN_SEPOLIA")
        )
        self._markets = markets
        self._nonces = NonceSource()
        self._ids = 0

    async def place(self, side: Side, qty: str, price: Any, *, ioc: bool = False, external_id: str = "") -> int:
        self._ids += 1
        order = NewOrder(
            market=PAIR,
            side=side,
            qty=Decimal(qty),
            price=Decimal(str(price)),
            fee_rate=Decimal("0.0005"),
            expiry_ms=now_ms() + 86_400_000,
            nonce=self._nonces(),
            external_id=external_id or f"manual-{id(self)}-{self._ids}",
            type=Type.LIMIT,
            time_in_force=TimeInForce.IOC if ioc else TimeInForce.GTT,
        )
        return (await self.rest.place_order(signed_body(order, self._markets[PAIR], self._signer))).id


def now_ms() -> int:
    return int(time.time() * 1000)


class Stage:
    """A venue with its control, the bot's account and another one."""

    def __init__(self, venue: PracticeVenue, session: aiohttp.ClientSession) -> None:
        self.venue = venue
        self.session = session
        self._other: Counterparty | None = None

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, f"{self.venue.origin}/practice/{path}", json=body) as response:
            reply = await response.json()
            assert reply["status"] == "OK", reply
            return reply["data"]

    async def fault(self, kind: str, **fields: Any) -> dict[str, Any]:
        return await self.control("POST", "faults", {"kind": kind, **fields})

    async def fired(self, kind: str) -> int:
        return (await self.control("GET", "stats"))["faults"].get(kind, 0)

    async def ledger(self) -> dict[str, Any]:
        accounts = (await self.control("GET", "ledger"))["accounts"]
        return next(each for each in accounts if each["vault"] == str(self.venue.vault))

    def resting(self) -> set[str]:
        """The ids of the bot's open orders by the engine itself, which accepts an order a little after HTTP 200."""
        return {order.external_id for order in self.venue.engine.queries.open_orders(self.venue.trader.account.id)}

    async def open_orders(self) -> list[Order]:
        return list(await self.rest(self.venue.api_key).open_orders())

    def rest(self, api_key: str) -> ExtendedRest:
        return ExtendedRest(AiohttpSend(self.session, self.venue.rest_url, api_key=api_key))

    async def trader(self, api_key: str | None = None) -> Counterparty:
        """The counterparty; or, with the bot's own key, somebody who trades its account by hand."""
        keys = await self.control("GET", "accounts")
        if api_key is None and self._other is not None:
            return self._other
        chosen = next((each for each in keys if each["api_key"] == api_key), None)
        chosen = chosen or await self.control("POST", "accounts", {"balance": "1000000"})
        rest = self.rest(chosen["api_key"])
        trader = Counterparty(rest, chosen, {market.name: market for market in await rest.markets()})
        if api_key is None:
            self._other = trader
        return trader

    async def mark(self, market: str = PAIR) -> Decimal:
        return (await self.rest(self.venue.api_key).market_stats(market)).mark_price

    def connector(self, **arguments: Any) -> ExtendedPerpetualDerivative:
        keys = {
            "extended_perpetual_api_key": self.venue.api_key,
            "extended_perpetual_stark_private_key": self.venue.stark_private_key,
        }
        return ExtendedPerpetualDerivative(
            **{**keys, "trading_pairs": [PAIR], "domain": LOCAL_NAME, "bot_id": "bot1", **arguments}
        )

    @asynccontextmanager
    async def bot(self, connector: ExtendedPerpetualDerivative | None = None, **arguments: Any) -> AsyncIterator[Bot]:
        """Run a connector until it is ready, and stop it at the end as Hummingbot does."""
        bot = Bot(connector or self.connector(**arguments))
        with Clock(ClockMode.REALTIME, TICK_S) as clock:
            clock.add_iterator(bot.connector)
            ticking = asyncio.create_task(clock.run())
            try:
                await until(lambda: bot.connector.ready, f"ready: {bot.connector.status_dict}")
                yield bot
            finally:
                ticking.cancel()
                await asyncio.gather(ticking, return_exceptions=True)
                bot.connector.stop(clock)
                await bot.connector.stop_network()


@asynccontextmanager
async def stage(**settings: Any) -> AsyncIterator[Stage]:
    """Run a venue whose books are empty and whose prices stand still, unless told otherwise."""
    chosen = VenueSettings(**{"port": 0, "makers": False, "acceptance_delay_ms": 5, "rate_limit": 0, **settings})
    async with PracticeVenue(chosen) as venue, aiohttp.ClientSession() as session:
        with patch.dict(os.environ, {LOCAL_URL_ENV: venue.rest_url}):
            try:
                yield Stage(venue, session)
            finally:
                await ConnectionsFactory().close()
