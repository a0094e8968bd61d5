"""The examples of the founding document through hummingbot-api: the fixtures `venue` and `api` say which."""

from contextlib import asynccontextmanager

import pytest

from hummingbot_extended.gateway import ApiTransport, EventEngine, EventType, HummingbotClient, OrderSide, OrderType
from hummingbot_extended.gateway.errors import InsufficientFundsError, InvalidOrderError, UnknownMarketError
from test.bridge.running import EXCHANGE, PAIR, Ears
from test.gateway.api_exchange import ACCOUNT
from test.gateway.seed_examples import (
    ErrorListener,
    OrderUpdateListener,
    RiskManager,
    SimpleMarketMaker,
    simple_market_making,
)
from test.until import until

WAIT_S = 0.5


def transport(api):
    return ApiTransport(api.url, api.user, api.password, account=ACCOUNT, poll_s=0.05, fills_poll_s=0.1)


@asynccontextmanager
async def connected(api):
    engine, ears = EventEngine(), Ears()
    engine.register_listener(ears)
    engine.start()
    client = HummingbotClient(engine, transport=transport(api), max_requests_per_second=None)
    client.ears = ears
    try:
        async with client:
            yield client
    finally:
        engine.stop()


async def test_basic_market_making(venue, api):
    event_engine, buy_order, sell_order = await simple_market_making(EXCHANGE, PAIR, WAIT_S, transport=transport(api))
    assert buy_order["status"] == sell_order["status"] == "open"
    assert await venue.open_orders() == []
    listener = OrderUpdateListener("my_order_listener")
    event_engine.register_listener(listener)
    event_engine.start()
    event_engine.stop()
    assert f"Order {buy_order['order_id']} status: open" in listener.printed
    assert listener.printed[-1] == f"Order {sell_order['order_id']} status: cancelled"


async def test_simple_market_maker_and_every_other_call(venue, api):
    async with connected(api) as client:
        await SimpleMarketMaker(client, client.event_engine).create_market(EXCHANGE, PAIR, amount=0.01)
        orders = await client.get_open_orders(EXCHANGE, PAIR)
        assert sorted(order["side"] for order in orders) == ["buy", "sell"]
        await until(lambda: venue.resting() == {each["order_id"] for each in orders}, "open at the exchange")
        assert (await client.get_order_status(EXCHANGE, PAIR, orders[0]["order_id"]))["status"] == "open"
        book = await client.get_order_book(exchange=EXCHANGE, market=PAIR, depth=10)
        assert len(book["bids"]) == len(book["asks"]) == 10
        assert (await client.subscribe_to_order_book(EXCHANGE, PAIR))["status"] == "success"
        await until(lambda: client.ears.of(EventType.MARKET_DATA, symbol=PAIR), "a book")
        assert (await client.unsubscribe("order_book", EXCHANGE, PAIR))["status"] == "success"
        assert (await client.set_leverage(EXCHANGE, PAIR, 5))["leverage"] == 5
        assert (await client.set_position_mode(EXCHANGE, "oneway"))["mode"] == "ONEWAY"
        assert float((await client.get_balances(EXCHANGE))[EXCHANGE]["USD"]["total"]) > 0
        assert (await client.get_trading_rules(EXCHANGE, PAIR))["min_order_size"] == "0.0001"
        history = await client.get_order_history(exchange=EXCHANGE, market=PAIR, limit=50)
        assert {order["order_id"] for order in history} == {order["order_id"] for order in orders}
        cancelled = await client.cancel_all(EXCHANGE, PAIR)
        assert (sorted(cancelled["cancelled"]), cancelled["failed"]) == (sorted(o["order_id"] for o in orders), [])
        await until(lambda: not venue.resting(), "gone from the exchange")
        assert client.ears.of(EventType.ERROR) == []


async def test_risk_manager_counts_own_fills_only(venue, api):
    async with connected(api) as client:
        risk = RiskManager("risk", client, max_position=0.015)
        client.event_engine.register_listener(risk)
        await client.subscribe_to_trades(exchange=EXCHANGE, market=PAIR)
        for _ in range(2):
            await client.create_order(
                exchange=EXCHANGE, market=PAIR, side=OrderSide.BUY, order_type=OrderType.MARKET, amount=0.01
            )
        await until(lambda: abs(risk.current_position - 0.02) < 1e-9 or client.ears.of(EventType.ERROR))
        assert client.ears.of(EventType.ERROR) == []  # as a fill that the server's database has lost is told
        assert risk.exceeded
        (position,) = await client.get_positions(EXCHANGE, PAIR)
        assert (position["amount"], position["side"]) == ("0.02", "long")
        trades = (await venue.ledger())["trades"]
        assert [fill["trade_id"] for fill in client.ears.fills()] == [str(trade["id"]) for trade in trades]
        assert [fill["trade_id"] for fill in await client.get_fills(EXCHANGE, PAIR)] == [
            str(trade["id"]) for trade in reversed(trades)
        ]


async def test_refusals_have_their_phrases_and_the_listener_hears_of_them(venue, api):
    async with connected(api) as client:
        error_listener = ErrorListener("error_handler")
        client.event_engine.register_listener(error_listener)
        price = float((await client.get_ticker(EXCHANGE, PAIR))["bid"]) * 0.99
        where = {"exchange": EXCHANGE, "market": PAIR, "side": OrderSide.BUY, "order_type": OrderType.LIMIT}
        with pytest.raises(InvalidOrderError, match=r"Invalid order: Order amount .* below minimum"):
            await client.create_order(**where, price=price, amount=0.0000001)
        with pytest.raises(InsufficientFundsError, match="Insufficient funds"):
            await client.create_order(**where, price=price, amount=5.0)
        await until(lambda: len(error_listener.printed) == 4)
        for ask in (client.get_order_book, client.subscribe_to_trades, client.get_trading_rules):
            with pytest.raises(UnknownMarketError, match="has no market NO-USD"):
                await ask(EXCHANGE, "NO-USD")
        with pytest.raises(UnknownMarketError, match="has no market NO-USD"):
            await client.create_order(**{**where, "market": "NO-USD"}, price=price, amount=0.01)
        assert error_listener.printed[1] == "Source: hummingbot_client"
        assert [order["symbol"] for order in client.ears.of(EventType.ORDER_UPDATE, status="failed")] == [PAIR]
