"""The examples of the founding document, as they stand there but for imports, exchange, market, key and waiting time.

They run against a bridge in a real Hummingbot connector on a practice venue whose makers and takers are alive.
"""

import asyncio

import pytest

from hummingbot_extended.gateway import (
    Event,
    EventEngine,
    EventListener,
    EventType,
    HummingbotClient,
    HummingbotClientException,
    OrderSide,
    OrderType,
)
from test.bridge.running import EXCHANGE, KEY, PAIR, bridged, until

WAIT_S = 1.0


@pytest.fixture
async def alive():
    """A bridge on a venue with makers."""
    async with bridged(venue={"makers": True}) as running:
        await until(lambda: running.connector.order_book_tracker.order_books[PAIR].snapshot[0].shape[0])
        yield running


class OrderUpdateListener(EventListener):
    def __init__(self, name):
        super().__init__(name, [EventType.ORDER_UPDATE])
        self.printed = []

    def handle_event(self, event: Event):
        order_id = event.data.get("order_id")
        status = event.data.get("status")
        self.printed.append(f"Order {order_id} status: {status}")


class ErrorListener(EventListener):
    def __init__(self, name):
        super().__init__(name, [EventType.ERROR])
        self.printed = []

    def handle_event(self, event: Event):
        self.printed.append(f"Error occurred: {event.data.get('message')}")
        self.printed.append(f"Source: {event.source}")


class SimpleMarketMaker:
    def __init__(self, client: HummingbotClient, event_engine: EventEngine):
        self.client = client
        self.event_engine = event_engine

    async def create_market(self, exchange, symbol, spread=0.01, amount=1.0):
        ticker = await self.client.get_ticker(exchange, symbol)
        mid_price = (float(ticker["bid"]) + float(ticker["ask"])) / 2

        bid_price = mid_price * (1 - spread)
        ask_price = mid_price * (1 + spread)

        await self.client.create_order(
            exchange=exchange,
            market=symbol,
            side=OrderSide.BUY,
            order_type=OrderType.LIMIT,
            price=bid_price,
            amount=amount,
        )

        await self.client.create_order(
            exchange=exchange,
            market=symbol,
            side=OrderSide.SELL,
            order_type=OrderType.LIMIT,
            price=ask_price,
            amount=amount,
        )


class RiskManager(EventListener):
    def __init__(self, name, client, max_position=10.0):
        super().__init__(name, [EventType.ORDER_UPDATE, EventType.TRADE_UPDATE])
        self.client = client
        self.max_position = max_position
        self.current_position = 0.0
        self.exceeded = False

    async def update_position(self, exchange):
        return await self.client.get_balances(exchange)

    def handle_event(self, event: Event):
        if event.type == EventType.TRADE_UPDATE and event.data["own"]:  # own fills only
            amount = float(event.data.get("amount", 0))
            side = event.data.get("side")

            if side == "buy":
                self.current_position += amount
            else:
                self.current_position -= amount

            if abs(self.current_position) > self.max_position:
                self.exceeded = True


async def simple_market_making(port):
    event_engine = EventEngine()
    client = HummingbotClient(event_engine=event_engine, api_host="localhost", api_port=port, api_key=KEY)

    await client.connect()

    try:
        await client.subscribe_to_order_book(exchange=EXCHANGE, market=PAIR)

        ticker = await client.get_ticker(exchange=EXCHANGE, market=PAIR)

        mid_price = (float(ticker["bid"]) + float(ticker["ask"])) / 2

        bid_price = mid_price * 0.99
        ask_price = mid_price * 1.01

        buy_order = await client.create_order(
            exchange=EXCHANGE,
            market=PAIR,
            side=OrderSide.BUY,
            order_type=OrderType.LIMIT,
            price=bid_price,
            amount=0.1,
        )

        sell_order = await client.create_order(
            exchange=EXCHANGE,
            market=PAIR,
            side=OrderSide.SELL,
            order_type=OrderType.LIMIT,
            price=ask_price,
            amount=0.1,
        )

        await asyncio.sleep(WAIT_S)

        await client.cancel_order(exchange=EXCHANGE, market=PAIR, order_id=buy_order["order_id"])

        await client.cancel_order(exchange=EXCHANGE, market=PAIR, order_id=sell_order["order_id"])

    finally:
        await client.disconnect()
    return event_engine, buy_order, sell_order


async def test_basic_market_making(alive):
    event_engine, buy_order, sell_order = await simple_market_making(alive.port)
    assert buy_order["status"] == sell_order["status"] == "open"
    assert await alive.venue.open_orders() == []
    listener = OrderUpdateListener("my_order_listener")
    event_engine.register_listener(listener)
    event_engine.start()  # what was put before the start is delivered
    event_engine.stop()
    assert f"Order {buy_order['order_id']} status: open" in listener.printed
    assert listener.printed[-1] == f"Order {sell_order['order_id']} status: cancelled"


async def test_simple_market_maker(alive):
    async with alive.client() as client:
        await SimpleMarketMaker(client, client.event_engine).create_market(EXCHANGE, PAIR, amount=0.01)
        orders = await client.get_open_orders(exchange=EXCHANGE, market=PAIR)
        assert [order["side"] for order in orders] == ["buy", "sell"]


async def test_risk_manager_counts_own_fills_only(alive):
    async with alive.client() as client:
        risk = RiskManager("risk", client, max_position=0.015)
        client.event_engine.register_listener(risk)
        await client.subscribe_to_trades(exchange=EXCHANGE, market=PAIR)
        for _ in range(2):
            await client.create_order(
                exchange=EXCHANGE, market=PAIR, side=OrderSide.BUY, order_type=OrderType.MARKET, amount=0.01
            )
        await until(lambda: client.ears.of(EventType.TRADE_UPDATE, own=False))
        await until(lambda: alive.bot.position())
        await until(lambda: abs(risk.current_position - 0.02) < 1e-9)
        assert risk.exceeded
        assert EXCHANGE in await risk.update_position(EXCHANGE)


async def test_error_handling_finds_its_phrases_and_the_listener_hears_of_it(alive):
    async with alive.client() as client:
        error_listener = ErrorListener("error_handler")
        client.event_engine.register_listener(error_listener)
        printed = []
        for price, amount in ((80000.0, 0.0000001), (80000.0, 5.0)):
            try:
                await client.create_order(
                    exchange=EXCHANGE,
                    market=PAIR,
                    side=OrderSide.BUY,
                    order_type=OrderType.LIMIT,
                    price=price,
                    amount=amount,
                )
            except HummingbotClientException as e:
                if "Insufficient funds" in str(e):
                    printed.append("Not enough balance to place order")
                elif "Invalid order" in str(e):
                    printed.append("Order parameters are invalid")
                else:
                    printed.append(f"Order failed: {e}")
        assert printed == ["Order parameters are invalid", "Not enough balance to place order"]
        await until(lambda: len(error_listener.printed) == 4)
        assert error_listener.printed[1] == "Source: hummingbot_client"


async def test_every_other_call_of_the_document(alive):
    async with alive.client() as client:
        book = await client.get_order_book(exchange=EXCHANGE, market=PAIR, depth=10)
        assert len(book["bids"]) == len(book["asks"]) == 10
        assert float(book["bids"][0][0]) < float(book["asks"][0][0])
        assert (await client.subscribe_to_order_book(exchange=EXCHANGE, market=PAIR))["status"] == "success"
        assert (await client.subscribe_to_trades(exchange=EXCHANGE, market=PAIR))["status"] == "success"
        balances = await client.get_balances(exchange=EXCHANGE)
        assert float(balances[EXCHANGE]["USD"]["total"]) > 0
        order = await client.create_order(
            exchange=EXCHANGE, market=PAIR, side=OrderSide.SELL, order_type=OrderType.MARKET, amount=0.01
        )
        status = await client.get_order_status(exchange=EXCHANGE, market=PAIR, order_id=order["order_id"])
        assert status["order_id"] == order["order_id"]
        history = await client.get_order_history(exchange=EXCHANGE, market=PAIR, limit=50)
        assert [each["order_id"] for each in history] == [order["order_id"]]
        await until(lambda: client.ears.of(EventType.MARKET_DATA))
