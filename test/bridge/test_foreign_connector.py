"""The bridge over a connector that is not ours and knows nothing of us: Hummingbot's own paper-trade exchange.

It has no trading rules, no order tracker and no network; it announces, fills and cancels by Hummingbot's events alone.
"""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hummingbot.connector.test_support.mock_paper_exchange import MockPaperExchange
from hummingbot.core.clock import Clock, ClockMode

from hummingbot_extended.bridge.server import BridgeServer
from hummingbot_extended.bridge.settings import AccessKey, BridgeSettings
from hummingbot_extended.gateway import EventType, OrderSide, OrderType
from hummingbot_extended.gateway.errors import (
    InsufficientFundsError,
    InvalidOrderError,
    NotSupportedError,
    UnknownMarketError,
)
from test.bridge.running import EXCHANGE, KEY, Bridged, bridged
from test.bridge.running import PAIR as OUR_PAIR
from test.until import until

ONE_KEY = (AccessKey(name="test", secret=KEY),)
PAPER, PAIR = "binance_paper_trade", "ETH-USDT"
BUY = (PAPER, PAIR, OrderSide.BUY, OrderType.LIMIT)


class Moody(MockPaperExchange):
    """One that raises where its interface says nothing of it."""

    takes_orders = has_books = is_up = True

    @property
    def ready(self):
        return self.is_up

    def buy(self, *arguments, **more):
        if not self.takes_orders:
            raise RuntimeError("insufficient balance")
        return super().buy(*arguments, **more)

    def get_order_book(self, trading_pair):
        if not self.has_books:
            raise RuntimeError("no book today")
        return super().get_order_book(trading_pair)


def paper_exchange():
    """An exchange whose best prices are 99.75 and 100.25."""
    exchange = Moody()
    exchange.set_balanced_order_book(PAIR, 100, 90, 110, 0.5, 10)
    exchange.set_balance("ETH", 10)
    exchange.set_balance("USDT", 10_000)
    return exchange


@asynccontextmanager
async def ticking(exchange):
    """Run Hummingbot's clock for an exchange."""
    clock = Clock(ClockMode.REALTIME, 0.1)
    with clock:
        clock.add_iterator(exchange)
        task = asyncio.create_task(clock.run())
        try:
            yield exchange
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def over(exchange, journal: Path | None = None, keys=ONE_KEY):
    """Run a bridge over it."""
    settings = BridgeSettings(keys=keys, port=0)
    server = BridgeServer({PAPER: exchange}, settings, journal=journal)
    await server.start()
    bridge = Bridged(None, None, {}, journal)
    bridge.server, bridge.port = server, server.port
    try:
        yield bridge
    finally:
        await server.stop(cancel=False)


@pytest.fixture
async def exchange():
    async with ticking(paper_exchange()) as running:
        yield running


@pytest.fixture
async def bridge(exchange):
    async with over(exchange) as running:
        yield running


@pytest.fixture
async def client(bridge):
    async with bridge.client() as connected:
        yield connected


async def test_market_and_account_are_told(client):
    assert client.exchanges == {PAPER: (PAIR,)}
    ticker = await client.get_ticker(PAPER, PAIR)
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == ("99.75", "100.25", None)
    book = await client.get_order_book(PAPER, PAIR, depth=2)
    assert book["bids"] == [["99.75", "10"], ["99.25", "20"]]
    assert await client.get_balances(PAPER) == {
        PAPER: {"ETH": {"total": "10", "available": "10"}, "USDT": {"total": "10000", "available": "10000"}}
    }
    rules = await client.get_trading_rules(PAPER, PAIR)
    assert (rules["market_type"], rules["order_types"]) == ("spot", ["limit", "market"])
    assert rules["native_stop_orders"] is False
    await client.subscribe_to_order_book(PAPER, PAIR)
    await until(lambda: client.ears.of(EventType.MARKET_DATA, symbol=PAIR))
    with pytest.raises(NotSupportedError, match="spot exchange"):
        await client.get_positions(PAPER)
    with pytest.raises(UnknownMarketError, match="no market BTC-USDT"):
        await client.get_ticker(PAPER, "BTC-USDT")


async def test_limit_order_rests_and_is_cancelled(client, exchange):
    order = await client.create_order(*BUY, "0.5", "95")
    assert (order["status"], order["acknowledged"]) == ("open", True)
    assert [each.client_order_id for each in exchange.limit_orders] == [order["order_id"]]
    assert [each["order_id"] for each in await client.get_open_orders(PAPER, PAIR)] == [order["order_id"]]
    assert (await client.cancel_order(PAPER, PAIR, order["order_id"]))["cancelled"] is True
    assert exchange.limit_orders == []
    assert (await client.get_order_status(PAPER, PAIR, order["order_id"]))["status"] == "cancelled"
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["cancelled"])
    assert client.ears.orders(order["order_id"]) == ["open", "open", "cancelled"]  # with `cancel_requested` between


async def test_orders_that_cross_are_filled_and_told_once(client):
    limit = await client.create_order(*BUY, "0.5", "101")
    market = await client.create_order(PAPER, PAIR, OrderSide.SELL, OrderType.MARKET, "0.2")
    for order in (limit, market):
        await until(lambda order=order: client.ears.orders(order["order_id"])[-1:] == ["filled"])
        (fill,) = client.ears.fills(order_id=order["order_id"])
        assert float(fill["amount"]) == float(order["amount"])  # that exchange computes in doubles
    assert client.ears.fills(order_id=market["order_id"])[0]["price"] == "99.75"
    balances = (await client.get_balances(PAPER))[PAPER]
    assert float(balances["ETH"]["total"]) == pytest.approx(10.3)
    fills = await client.get_fills(PAPER, PAIR)
    assert [fill["order_id"] for fill in fills] == [market["order_id"], limit["order_id"]]


async def test_stop_order_is_held_by_the_bridge_and_says_so(client, exchange):
    rules = await client.get_trading_rules(PAPER, PAIR)
    assert rules["native_stop_orders"] is False
    order = await client.create_order(
        PAPER, PAIR, OrderSide.BUY, OrderType.STOP_LIMIT, "0.5", price="103", stop_price="101"
    )
    assert (order["held_by"], order["trigger"], order["acknowledged"]) == ("bridge", "armed", True)
    assert exchange.limit_orders == []
    exchange.set_balanced_order_book(PAIR, 102, 92, 112, 0.5, 10)
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["filled"])
    assert client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], trigger="triggered", status="open")
    assert [fill["amount"] for fill in client.ears.fills()] == ["0.5"]


async def test_what_it_does_not_offer_is_refused_with_the_reason(client):
    with pytest.raises(NotSupportedError, match="LIMIT_MAKER"):
        await client.create_order(*BUY, "0.5", "95", post_only=True)
    with pytest.raises(InvalidOrderError, match="without reduce_only"):
        await client.create_order(*BUY, "0.5", "95", reduce_only=True)
    with pytest.raises(InvalidOrderError, match="below the minimum"):
        await client.create_order(*BUY, "0.0000000000000000001", "95")


async def test_order_that_the_connector_raises_on_was_not_sent(client, exchange):
    exchange.takes_orders = False
    with pytest.raises(InsufficientFundsError, match="Insufficient funds: insufficient balance"):
        await client.create_order(*BUY, "0.5", "95")
    assert await client.get_open_orders(PAPER, PAIR) == []


async def test_held_stop_that_the_connector_does_not_take_has_failed_and_is_tried_once(client, exchange):
    exchange.takes_orders = False
    order = await client.create_order(PAPER, PAIR, OrderSide.BUY, OrderType.STOP, "0.5", stop_price="100")
    await until(lambda: client.ears.of(EventType.ERROR, kind="order", order_id=order["order_id"]))
    failed = await client.get_order_status(PAPER, PAIR, order["order_id"])
    assert (failed["status"], failed["trigger"], failed["code"]) == ("failed", "triggered", "insufficient_funds")
    assert len(client.ears.of(EventType.ERROR)) == 1


async def test_held_stop_whose_price_comes_while_the_exchange_is_away_fires_when_it_is_back(client, exchange):
    order = await client.create_order(
        PAPER, PAIR, OrderSide.BUY, OrderType.STOP_LIMIT, "0.5", price="103", stop_price="101"
    )
    exchange.is_up = False
    await until(lambda: client.ears.of(EventType.ERROR, kind="connector"))
    exchange.set_balanced_order_book(PAIR, 102, 92, 112, 0.5, 10)
    await asyncio.sleep(0.2)  # several looks
    assert (await client.get_order_status(PAPER, PAIR, order["order_id"]))["trigger"] == "armed"
    exchange.is_up = True
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["filled"])


async def test_book_that_cannot_be_read_is_told_once_and_held_stops_are_watched_on(client, exchange):
    order = await client.create_order(
        PAPER, PAIR, OrderSide.BUY, OrderType.STOP_LIMIT, "0.5", price="103", stop_price="101"
    )
    await client.subscribe_to_order_book(PAPER, PAIR)
    exchange.has_books = False
    await until(lambda: client.ears.of(EventType.ERROR, kind="feed", channel="order_book"))
    await until(lambda: client.ears.of(EventType.ERROR, kind="order", order_id=order["order_id"]))
    assert (await client.get_order_status(PAPER, PAIR, order["order_id"]))["trigger"] == "armed"
    assert len(client.ears.of(EventType.ERROR)) == 2
    exchange.set_balanced_order_book(PAIR, 102, 92, 112, 0.5, 10)
    exchange.has_books = True
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["filled"])
    await client.subscribe_to_order_book(PAPER, PAIR)  # begins anew


async def test_orders_that_died_with_hummingbot_are_told_as_gone_and_others_go_on(tmp_path):
    journal = tmp_path / "journal.sqlite"
    async with ticking(paper_exchange()) as exchange:
        async with over(exchange, journal) as bridge, bridge.client() as client:
            order = await client.create_order(*BUY, "0.5", "95")
        async with over(exchange, journal) as bridge, bridge.client() as client:
            (still_open,) = await client.get_open_orders(PAPER, PAIR)
            assert still_open["order_id"] == order["order_id"]
    async with ticking(paper_exchange()) as exchange, over(exchange, journal) as bridge, bridge.client() as client:
        await until(lambda: not bridge.server.registry.open_orders())
        gone = await client.get_order_status(PAPER, PAIR, order["order_id"])
        assert (gone["status"], gone["reason"]) == (
            "failed",
            "Hummingbot was restarted and does not know this order any more",
        )


async def test_two_exchanges_of_one_hummingbot_are_served_side_by_side():
    async with ticking(paper_exchange()) as exchange, bridged() as ours:
        ours.server.exchanges._connectors[PAPER] = exchange  # Hummingbot's mapping, which may grow
        async with ours.client() as client:
            assert client.exchanges == {EXCHANGE: (OUR_PAIR,), PAPER: (PAIR,)}
            price = await ours.price()
            there = await client.create_order(EXCHANGE, OUR_PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", price - 100)
            here = await client.create_order(*BUY, "0.5", "95")
            assert await client.cancel_all(PAPER) == {"cancelled": [here["order_id"]], "failed": []}
            assert [each["order_id"] for each in await client.get_open_orders(EXCHANGE, OUR_PAIR)] == [
                there["order_id"]
            ]
            assert (await client.cancel_all())["cancelled"] == [there["order_id"]]


async def test_held_stops_of_two_keys_with_one_client_ref_are_two_orders(exchange):
    keys = (AccessKey(name="a", secret="a" * 40), AccessKey(name="b", secret="b" * 40))
    async with over(exchange, keys=keys) as bridge, bridge.client(api_key="a" * 40) as one:
        async with bridge.client(api_key="b" * 40) as other:
            stop = (PAPER, PAIR, OrderSide.SELL, OrderType.STOP, "0.5")
            first = await one.create_order(*stop, stop_price="90", client_ref="stop")
            second = await other.create_order(*stop, stop_price="80", client_ref="stop")
            assert first["order_id"] != second["order_id"]
            assert len(await one.get_open_orders(PAPER, PAIR)) == 2
            assert (await one.get_order_status(PAPER, PAIR, client_ref="stop"))["stop_price"] == "90"
