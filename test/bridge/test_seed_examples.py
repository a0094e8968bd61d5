"""The examples of the founding document against a bridge in a real connector, on a practice venue that is alive."""

import pytest

from hummingbot_extended.gateway import EventType, HummingbotClientException, OrderSide, OrderType
from test.bridge.running import EXCHANGE, KEY, PAIR, bridged
from test.gateway.seed_examples import (
    ErrorListener,
    OrderUpdateListener,
    RiskManager,
    SimpleMarketMaker,
    simple_market_making,
)
from test.until import until

WAIT_S = 1.0


@pytest.fixture
async def alive():
    """A bridge on a venue with makers."""
    async with bridged(venue={"makers": True}) as running:
        await until(lambda: running.connector.order_book_tracker.order_books[PAIR].snapshot[0].shape[0])
        yield running


async def test_basic_market_making(alive):
    event_engine, buy_order, sell_order = await simple_market_making(
        EXCHANGE, PAIR, WAIT_S, api_host="localhost", api_port=alive.port, api_key=KEY
    )
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
