"""Hummingbot's events as clients see them, in whatever order they come; triggered on a real connector."""

import math
from decimal import Decimal

import pytest
from hummingbot.core.data_type.common import OrderType as Type
from hummingbot.core.data_type.common import PositionMode, PositionSide, TradeType
from hummingbot.core.data_type.trade_fee import AddedToCostTradeFee, TokenAmount
from hummingbot.core.event.events import (
    AccountEvent,
    BalanceUpdateEvent,
    BuyOrderCompletedEvent,
    BuyOrderCreatedEvent,
    MarketEvent,
    MarketOrderFailureEvent,
    OrderCancelledEvent,
    OrderExpiredEvent,
    OrderFilledEvent,
    PositionModeChangeEvent,
    PositionUpdateEvent,
)

from hummingbot_extended.gateway import EventType
from test.bridge.running import PAIR
from test.until import until

ONE = Decimal(1)


def created(order_id, amount=Decimal(2)):
    return MarketEvent.BuyOrderCreated, BuyOrderCreatedEvent(
        math.nan, Type.LIMIT, PAIR, amount, ONE, order_id, 1.0, "x1"
    )


def filled(order_id, trade_id, amount=ONE):
    fee = AddedToCostTradeFee(
        percent=Decimal("0.001"), percent_token="USD", flat_fees=[TokenAmount("EXT", Decimal("0.5"))]
    )
    event = OrderFilledEvent(math.nan, order_id, PAIR, TradeType.BUY, Type.LIMIT, ONE, amount, fee, trade_id, "x1")
    return MarketEvent.OrderFilled, event


def completed(order_id, amount=Decimal(2)):
    event = BuyOrderCompletedEvent(math.nan, order_id, "BTC", "USD", amount, amount, Type.LIMIT, "x1")
    return MarketEvent.BuyOrderCompleted, event


def cancelled(order_id):
    return MarketEvent.OrderCancelled, OrderCancelledEvent(math.nan, order_id, "x1")


def failed(order_id, message="no", kind="OrderRefused"):
    return MarketEvent.OrderFailure, MarketOrderFailureEvent(math.nan, order_id, Type.LIMIT, message, kind)


async def play(bridge, *events):
    for tag, event in events:
        bridge.connector.trigger_event(tag, event)


@pytest.mark.parametrize(
    ("events", "statuses", "fills"),
    [
        (
            [created("o"), filled("o", "t1"), filled("o", "t2"), completed("o")],
            ["open", "partially_filled", "filled"],
            2,
        ),
        ([filled("o", "t1"), filled("o", "t2"), created("o"), completed("o")], ["filled"], 2),
        ([created("o"), cancelled("o"), filled("o", "t1")], ["open", "cancelled", "cancelled"], 1),
        ([created("o"), failed("o", None, None), filled("o", "t1")], ["open", "failed", "failed"], 1),
        ([created("o"), filled("o", "t1"), filled("o", "t1")], ["open", "partially_filled"], 1),
        ([created("o"), completed("o")], ["open", "filled"], 0),
    ],
    ids=["usual", "fills first", "fill after cancel", "fill of a lost order", "fill twice", "completed without fills"],
)
async def test_events_in_any_order_end_in_the_right_state_and_each_fill_is_told_once(
    bridge, client, events, statuses, fills
):
    await play(bridge, *events)
    await until(lambda: client.ears.orders("o")[-1:] == statuses[-1:])
    await client.ping()
    await until(lambda: len(client.ears.fills(order_id="o")) == fills)
    told = [status for at, status in enumerate(client.ears.orders("o")) if status not in client.ears.orders("o")[:at]]
    assert told[-1] == statuses[-1]
    if fills:
        assert client.ears.fills()[0]["fees"] == [
            {"asset": "EXT", "amount": "0.5"},
            {"asset": "USD", "amount": "0.001"},
        ]


async def test_first_fill_of_an_order_nobody_saw_created_makes_it_known(bridge, client):
    """A liquidation has an order that no one created."""
    await play(bridge, filled("liquidation-7", "t1"))
    await until(lambda: client.ears.fills(order_id="liquidation-7"))
    assert (await client.get_order_status("extended_perpetual_local", PAIR, "liquidation-7"))["status"] == "filled"


async def test_expiry_says_so(bridge, client):
    await play(bridge, created("o"), cancelled("o"), (MarketEvent.OrderExpired, OrderExpiredEvent(math.nan, "o")))
    await until(lambda: client.ears.orders("o")[-1:] == ["cancelled"])
    status = await client.get_order_status("extended_perpetual_local", PAIR, "o")
    assert (status["status"], status["reason"]) == ("cancelled", "expired")


async def test_failure_is_an_order_update_and_an_error(bridge, client):
    await play(bridge, created("o"), failed("o", "POST x: no (HTTP 400, code 1140)", "ApiError"))
    await until(lambda: client.ears.of(EventType.ERROR, order_id="o"))
    (error,) = client.ears.of(EventType.ERROR)
    assert (error["code"], error["kind"]) == ("insufficient_funds", "order")
    assert error["message"].startswith("Insufficient funds")


async def test_events_of_unknown_orders_without_details_are_left_alone(bridge, client):
    await play(
        bridge, cancelled("u1"), failed("u2"), completed("u3"), (MarketEvent.OrderExpired, OrderExpiredEvent(1.0, "u4"))
    )
    await client.ping()
    assert client.ears.of(EventType.ORDER_UPDATE) == []


async def test_account_events_are_told(bridge, client):
    mode = {"timestamp": 1.0, "trading_pair": PAIR, "position_mode": PositionMode.HEDGE}
    await play(
        bridge,
        (AccountEvent.PositionModeChangeSucceeded, PositionModeChangeEvent(**mode)),
        (AccountEvent.PositionModeChangeFailed, PositionModeChangeEvent(**mode, message="not now")),
        (AccountEvent.BalanceEvent, BalanceUpdateEvent(1.0, "USD", Decimal("10.50"), Decimal(9))),
        (
            AccountEvent.PositionUpdate,
            PositionUpdateEvent(
                1.0, PAIR, PositionSide.SHORT, Decimal("NaN"), Decimal(80000), Decimal("-0.1"), Decimal(5)
            ),
        ),
        (AccountEvent.MarginCall, object()),
        (AccountEvent.LiquidationEvent, object()),
    )
    await until(lambda: client.ears.of(EventType.ERROR, kind="liquidation"))
    assert client.ears.of(EventType.INFO, kind="position_mode")[0]["mode"] == "HEDGE"
    assert client.ears.of(EventType.ERROR, kind="position_mode")[0]["message"] == "not now"
    assert client.ears.of(EventType.INFO, kind="margin_call")
    (balance,) = client.ears.of(EventType.INFO, kind="balance", asset="USD")
    assert (balance["total"], balance["available"]) == ("10.5", "9")
    (position,) = client.ears.of(EventType.INFO, kind="position", symbol=PAIR)
    assert (position["amount"], position["entry_price"], position["unrealized_pnl"]) == ("-0.1", "80000", None)


async def test_defect_on_one_event_is_logged_and_told_and_harms_nothing(bridge, client, caplog):
    await play(bridge, (MarketEvent.OrderFilled, "not an event"), created("o"))
    await until(lambda: client.ears.orders("o"))
    assert "The bridge failed on Hummingbot's event" in caplog.text
    (error,) = client.ears.of(EventType.ERROR, kind="bridge")
    assert "missed an event" in error["message"]


async def test_no_json_that_a_client_gets_holds_nan(bridge, client):
    tag, event = created("o")
    event.price = Decimal("NaN")
    await play(bridge, (tag, event))
    await until(lambda: client.ears.orders("o"))
    assert client.ears.of(EventType.ORDER_UPDATE)[0]["price"] is None


async def test_failure_after_the_end_changes_nothing_and_is_not_told(bridge, client):
    await play(bridge, created("o"), filled("o", "t1"), filled("o", "t2"), failed("o"), created("p"), failed("p"))
    await until(lambda: client.ears.of(EventType.ERROR, order_id="p"))
    assert client.ears.of(EventType.ERROR, order_id="o") == []
    status = await client.get_order_status("extended_perpetual_local", PAIR, "o")
    assert (status["status"], "reason" in status) == ("filled", False)
