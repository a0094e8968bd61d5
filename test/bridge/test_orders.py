"""Orders from a client through the bridge to a real venue and back."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.gateway import EventType, OrderSide, OrderStatus, OrderType
from hummingbot_extended.gateway.errors import (
    ExchangeUnavailableError,
    InsufficientFundsError,
    InvalidOrderError,
    MarketClosedError,
    OrderClosedError,
    OrderNotFoundError,
    UnknownMarketError,
)
from hummingbot_extended.gateway.order_state import OrderState
from test.bridge.running import EXCHANGE, PAIR, bridged
from test.until import until

BUY = (EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01")


async def test_create_answers_when_the_exchange_has_confirmed_the_order(bridge, client):
    price = await bridge.price()
    order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, 0.01, price * 0.99)
    assert (order["status"], order["acknowledged"], order["side"], order["type"]) == ("open", True, "buy", "limit")
    assert [each.external_id for each in await bridge.venue.open_orders()] == [order["order_id"]]
    assert order["exchange_order_id"] == str((await bridge.venue.open_orders())[0].id)
    await until(lambda: client.ears.orders(order["order_id"]) == ["open"])


async def test_cancel_answers_when_the_order_has_ended(bridge, client):
    order = await client.create_order(
        EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", await bridge.price() - 900
    )
    result = await client.cancel_order(EXCHANGE, PAIR, order["order_id"])
    assert result["cancelled"] is True
    assert await bridge.venue.open_orders() == []
    with pytest.raises(OrderClosedError) as caught:
        await client.cancel_order(EXCHANGE, PAIR, order["order_id"])
    assert caught.value.data["status"] == "cancelled"


async def test_fills_reach_every_client_once_with_fee_and_own_flag(bridge, client):
    price, other = await bridge.price(), await bridge.venue.trader()
    order = await client.create_order(EXCHANGE, PAIR, OrderSide.SELL, OrderType.LIMIT, "0.03", price)
    async with bridge.client() as second:
        await other.place(Side.BUY, "0.01", price, ioc=True)
        await other.place(Side.BUY, "0.02", price, ioc=True)
        for each in (client, second):
            await until(lambda each=each: len(each.ears.fills(order_id=order["order_id"])) == 2)
        trades = (await bridge.venue.ledger())["trades"]
        fills = second.ears.fills()
        assert [fill["trade_id"] for fill in fills] == [str(trade["id"]) for trade in trades]
        assert [fill["fees"] for fill in fills] == [
            [{"asset": "USD", "amount": format(Decimal(trade["fee"]).normalize(), "f")}] for trade in trades
        ]
        await until(lambda: second.ears.orders(order["order_id"])[-1:] == ["filled"])
    assert client.ears.orders(order["order_id"]) == ["open", "partially_filled", "filled"]
    status = await client.get_order_status(EXCHANGE, PAIR, order["order_id"])
    assert (status["status"], status["filled"], status["average_price"]) == ("filled", "0.03", str(price))
    assert [fill["trade_id"] for fill in await client.get_fills(EXCHANGE, PAIR)] == [
        str(trade["id"]) for trade in reversed(trades)
    ]


async def test_market_order_is_filled_in_the_reply(bridge, client):
    other, price = await bridge.venue.trader(), await bridge.price()
    await other.place(Side.SELL, "0.05", price)
    await until(lambda: bridge.connector.order_book_tracker.order_books[PAIR].snapshot[1].shape[0])
    order = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.MARKET, "0.02")
    assert order["acknowledged"] is True
    await until(lambda: client.ears.orders(order["order_id"])[-1:] == ["filled"])
    await until(lambda: bridge.bot.position() == Decimal("0.02"))
    (position,) = await client.get_positions(EXCHANGE)
    assert (position["side"], position["amount"]) == ("long", "0.02")
    close = await client.create_order(
        EXCHANGE, PAIR, OrderSide.SELL, OrderType.LIMIT, "0.02", price + 50, reduce_only=True
    )
    assert close["reduce_only"] is True
    assert (await bridge.venue.open_orders())[0].reduce_only is True


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        (
            {"amount": "0.00001"},
            InvalidOrderError,
            "Invalid order: the amount 0.00001 is below the minimum of 0.0001 BTC",
        ),
        ({"amount": "9999"}, InvalidOrderError, "Invalid order: the amount 9999 is above the maximum of"),
        ({"price": "0.01"}, InvalidOrderError, "Invalid order: the price 0.01 is below the step"),
        ({"amount": "-1"}, InvalidOrderError, "Invalid order: amount must be a number above 0"),
        ({"amount": float("nan")}, InvalidOrderError, "Invalid order: amount must be a number above 0"),
        ({"price": None}, InvalidOrderError, "Invalid order: a limit order needs a price"),
        ({"stop_price": 1}, InvalidOrderError, "Invalid order: a limit order takes no stop_price"),
        ({"order_type": OrderType.STOP, "price": None}, InvalidOrderError, "a stop order needs a stop_price"),
        ({"market": "NOPE-USD"}, UnknownMarketError, "has no market NOPE-USD"),
        ({"exchange": "nope"}, UnknownMarketError, "no exchange 'nope'"),
        ({"side": "long"}, InvalidOrderError, "Invalid order: side must be one of buy, sell"),
        ({"price_factor": "1.5"}, InvalidOrderError, "Invalid order: the price"),
        ({"amount": "5", "price_factor": "1"}, InsufficientFundsError, "Insufficient funds"),
    ],
)
async def test_refused_order_raises_its_class_and_says_why(bridge, client, fields, error, says):
    price = Decimal(await bridge.price())
    asked = {"exchange": EXCHANGE, "market": PAIR, "side": OrderSide.BUY, "order_type": OrderType.LIMIT}
    asked |= {"amount": "0.01", "price": price, **fields}
    if factor := asked.pop("price_factor", None):
        asked["price"] = int(price * Decimal(factor))
    with pytest.raises(error) as caught:
        await client.create_order(**asked)
    assert says in str(caught.value)
    assert await bridge.venue.open_orders() == []
    await until(lambda: client.ears.of(EventType.ERROR))
    (event,) = client.ears.of(EventType.ERROR)
    assert event["message"] == str(caught.value)


@pytest.mark.parametrize(
    ("path", "body"),
    [("mode", {"mode": "reduce_only"}), ("market", {"market": PAIR, "status": "DISABLED"})],
    ids=["exchange in reduce-only mode", "market disabled"],
)
async def test_market_that_is_closed_says_so(bridge, client, path, body):
    await bridge.venue.control("POST", path, body)
    await bridge.connector._update_trading_rules()
    with pytest.raises(MarketClosedError, match="Market closed"):
        await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", await bridge.price() - 100)


async def test_same_client_ref_creates_one_order(bridge, client):
    price = await bridge.price() - 500
    asked = (EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", price)
    first, second = await asyncio.gather(
        client.create_order(*asked, client_ref="mine"), client.create_order(*asked, client_ref="mine")
    )
    third = await client.create_order(*asked, client_ref="mine")
    assert first["order_id"] == second["order_id"] == third["order_id"]
    assert third["duplicate"] is True
    assert len(await bridge.venue.open_orders()) == 1
    assert (await client.get_order_status(EXCHANGE, PAIR, client_ref="mine"))["order_id"] == first["order_id"]
    with pytest.raises(InvalidOrderError, match="names another order"):
        await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.02", price, client_ref="mine")


async def test_order_that_the_exchange_does_not_confirm_is_answered_as_unacknowledged():
    async with bridged(acknowledge_within_s=0.3) as bridge, bridge.client() as client:
        await bridge.venue.control("PATCH", "settings", {"acceptance_delay_ms": 1200})
        order = await client.create_order(
            EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", await bridge.price() - 500
        )
        assert (order["status"], order["acknowledged"]) == ("open", False)
        await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order["order_id"], acknowledged=True))
        result = await client.cancel_order(EXCHANGE, PAIR, order["order_id"])
        assert result["cancelled"] is True


async def test_rejection_after_http_200_raises_in_the_call(bridge, client):
    await bridge.venue.fault("late_rejection", count=1)
    with pytest.raises(InsufficientFundsError, match="Insufficient funds: REJECTED: NOT_ENOUGH_FUNDS"):
        await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", await bridge.price() - 500)


async def test_post_only_order_rests_and_history_lists_the_newest_first(bridge, client):
    price = await bridge.price()
    first = await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", price - 9, post_only=True)
    second = await client.create_order(EXCHANGE, PAIR, OrderSide.SELL, OrderType.LIMIT, "0.02", price + 9)
    assert first["post_only"] is True
    assert [o["order_id"] for o in await client.get_open_orders(EXCHANGE, PAIR)] == [
        first["order_id"],
        second["order_id"],
    ]
    await client.cancel_order(EXCHANGE, PAIR, first["order_id"])
    history = await client.get_order_history(EXCHANGE, PAIR, limit=10)
    assert [order["order_id"] for order in history] == [second["order_id"], first["order_id"]]
    cancelled = await client.get_order_history(EXCHANGE, PAIR, status=OrderStatus.CANCELLED)
    assert [order["order_id"] for order in cancelled] == [first["order_id"]]
    assert await client.get_order_history(EXCHANGE, PAIR, end_time=1.0) == []


async def test_cancel_all_ends_every_order_of_the_market(bridge, client):
    price = await bridge.price()
    orders = [
        await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", price - 10 * n)
        for n in range(1, 4)
    ]
    result = await client.cancel_all(EXCHANGE, PAIR)
    assert sorted(result["cancelled"]) == sorted(order["order_id"] for order in orders)
    assert result["failed"] == []
    assert await bridge.venue.open_orders() == []


async def test_orders_of_the_strategy_are_seen_and_can_be_cancelled(bridge, client):
    order_id = bridge.bot.buy("0.01", await bridge.price() - 300)
    await until(lambda: client.ears.of(EventType.ORDER_UPDATE, order_id=order_id, acknowledged=True))
    assert (await client.cancel_order(EXCHANGE, PAIR, order_id))["cancelled"] is True


async def test_unknown_order_is_not_found(client):
    with pytest.raises(OrderNotFoundError):
        await client.get_order_status(EXCHANGE, PAIR, "nope")
    with pytest.raises(OrderNotFoundError):
        await client.cancel_order(EXCHANGE, PAIR, "nope")


async def test_connector_that_is_not_ready_refuses_with_the_reason(bridge, client):
    await bridge.venue.fault("server_error", path="*account*", value=503)
    await bridge.venue.fault("cut", path="*account*", count=1)
    await bridge.venue.control("POST", "deposit", {"account": bridge.venue.venue.trader.account.id, "amount": "1"})
    await until(lambda: not bridge.connector.ready)
    with pytest.raises(ExchangeUnavailableError, match="try again in a moment"):
        await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, OrderType.LIMIT, "0.01", await bridge.price() - 500)


@pytest.mark.parametrize(
    ("amount", "price"), [("1e30", None), ("1e39", "1e39"), ("1", "1e39")], ids=["market", "both", "price"]
)
async def test_number_beyond_all_reason_is_an_invalid_order_and_not_an_unknown_one(client, amount, price):
    order_type = OrderType.MARKET if price is None else OrderType.LIMIT
    with pytest.raises(InvalidOrderError, match="Invalid order"):
        await client.create_order(EXCHANGE, PAIR, OrderSide.BUY, order_type, amount, price)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("get_order_history", {"start_time": 10**400}),
        ("get_order_history", {"end_time": True}),
        ("get_fills", {"limit": True}),
        ("get_fills", {"limit": 10**30}),
    ],
)
async def test_number_that_makes_no_sense_in_a_query_is_refused_by_its_name(bridge, client, method, fields):
    (session,) = bridge.server._sessions
    with pytest.raises(InvalidOrderError, match=next(iter(fields))):
        bridge.server.requests.answer(session._caller, method, {"exchange": EXCHANGE, "market": PAIR, **fields})


async def test_client_ref_finds_its_order_though_the_connector_is_gone(bridge, client):
    order = await client.create_order(*BUY, await bridge.price() - 500, client_ref="mine")
    connector = bridge.server.exchanges._connectors.pop(EXCHANGE)
    try:
        again = await client.create_order(*BUY, await bridge.price() - 500, client_ref="mine")
    finally:
        bridge.server.exchanges._connectors[EXCHANGE] = connector
    assert (again["order_id"], again["duplicate"]) == (order["order_id"], True)


async def test_order_whose_connector_is_gone_keeps_no_other_from_being_cancelled():
    async with bridged() as bridge, bridge.client() as client:
        price = await bridge.price()
        orders = [await client.create_order(*BUY, price - away) for away in (500, 600)]
        (lost, _) = bridge.server.registry.open_orders()
        record = replace(lost, exchange="gone", order_id="lost", state=OrderState())
        bridge.server.registry._open = {("gone", "lost"): record, **bridge.server.registry._open}
        result = await client.cancel_all()
        assert result == {"cancelled": [order["order_id"] for order in orders], "failed": ["lost"]}
        await bridge.stop(cancel=True)  # as well: it ends, and says so
        await until(lambda: client.ears.of(EventType.INFO, kind="stopping"))
