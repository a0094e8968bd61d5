"""Arguments of buy and sell as orders of the exchange."""

from decimal import Decimal

import pytest
from hummingbot.core.data_type.common import OrderType as HummingbotOrderType
from hummingbot.core.data_type.common import PositionAction

from hummingbot_extended.connector.order_entry import DAY_MS, Entry, Extras, expiry_ms
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.enums import (
    ExecutionPriceType,
    OrderType,
    Side,
    TimeInForce,
    TpSlType,
    TriggerDirection,
    TriggerPriceType,
)
from hummingbot_extended.exchange.models import Fees
from hummingbot_extended.exchange.orders import ExitLeg, check
from test.connector import models

FEES = Fees(market="BTC-USD", maker_fee_rate=Decimal("0.0001"), taker_fee_rate=Decimal("0.0003"))


def entry(order_type=HummingbotOrderType.LIMIT, side=Side.BUY, mark="100", close=False, **arguments):
    return Entry(
        market=models.market_with({"minPriceChange": "0.5"}),
        side=side,
        order_type=order_type,
        amount=Decimal(1),
        price=Decimal(100),
        position_action=PositionAction.CLOSE if close else PositionAction.OPEN,
        extras=Extras.read(arguments),
        mark=None if mark is None else Decimal(mark),
    )


def new_order(*args, builder_id=None, **arguments):
    order = entry(*args, **arguments).new_order(
        "id", FEES, expiry_ms=5, nonce=7, builder_id=builder_id, builder_fee_rate=Decimal("0.0002")
    )
    check(order)
    return order


def test_three_order_types():
    limit = new_order()
    assert (limit.type, limit.time_in_force, limit.post_only) == (OrderType.LIMIT, TimeInForce.GTT, False)
    maker = new_order(HummingbotOrderType.LIMIT_MAKER)
    assert (maker.type, maker.time_in_force, maker.post_only) == (OrderType.LIMIT, TimeInForce.GTT, True)
    market = new_order(HummingbotOrderType.MARKET)
    assert (market.type, market.time_in_force, market.post_only) == (OrderType.MARKET, TimeInForce.IOC, False)


def test_signed_fee_is_the_accounts_rate_and_the_builders_only_with_an_id():
    assert new_order().fee_rate == new_order(HummingbotOrderType.MARKET).fee_rate == FEES.taker_fee_rate
    assert new_order(HummingbotOrderType.LIMIT_MAKER).fee_rate == FEES.maker_fee_rate
    assert new_order().builder_fee_rate is None
    assert new_order(builder_id=3).builder_fee_rate == Decimal("0.0002")


def test_close_is_reduce_only_and_open_is_not():
    assert new_order(close=True).reduce_only
    assert not new_order().reduce_only


def test_stop_and_stop_limit():
    stop = new_order(HummingbotOrderType.MARKET, trigger_price="110.3")
    assert (stop.type, stop.time_in_force) == (OrderType.CONDITIONAL, TimeInForce.GTT)
    assert stop.trigger.price == Decimal("110.5")
    assert stop.trigger.price_type is TriggerPriceType.MARK
    assert stop.trigger.direction is TriggerDirection.UP
    assert stop.trigger.execution is ExecutionPriceType.MARKET
    limit = new_order(trigger_price=90, trigger_price_type="last")
    assert limit.trigger.direction is TriggerDirection.DOWN
    assert limit.trigger.execution is ExecutionPriceType.LIMIT
    assert limit.trigger.price_type is TriggerPriceType.LAST
    assert new_order(trigger_price=90, execution="market").trigger.execution is ExecutionPriceType.MARKET
    assert new_order(trigger_price=90, mark=None, trigger_direction="UP").trigger.direction is TriggerDirection.UP


def test_exits_are_protected_by_their_trigger_or_have_their_price():
    order = new_order(take_profit=120, stop_loss={"trigger_price": 90, "price": "89.2", "trigger_price_type": "INDEX"})
    assert order.tp_sl_type is TpSlType.ORDER
    assert order.take_profit.price_type is ExecutionPriceType.MARKET
    assert order.take_profit.price == Decimal("114.5")  # 4.8 % below the trigger, inward to the tick
    assert order.stop_loss == ExitLeg(
        trigger_price=Decimal(90),
        trigger_price_type=TriggerPriceType.INDEX,
        price=Decimal("89.5"),
        price_type=ExecutionPriceType.LIMIT,
    )
    assert new_order(take_profit=order.stop_loss).take_profit is order.stop_loss


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"execution": "LIMIT"}, "orders with a trigger_price"),
        ({"trigger_price": 90, "mark": None}, "trigger_direction is needed"),
        ({"trigger_price": 0}, "must be above 0"),
        ({"trigger_price": "NaN"}, "must be above 0"),
        ({"trigger_price": 90, "trigger_price_type": "MIDDLE"}, "is none of"),
        ({"stop_loss": {"price": 1}}, "needs a trigger_price"),
        ({"stop_loss": {"trigger_price": 1, "trailing": 2}}, "has no trailing"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, words):
    with pytest.raises(SettingsError, match=words):
        new_order(**arguments)


def test_expiry_stays_inside_the_networks_maximum():
    assert expiry_ms(1000, 14, 90) == 1000 + 14 * DAY_MS
    assert expiry_ms(1000, 60, 28) == 1000 + 28 * DAY_MS - 3_600_000
