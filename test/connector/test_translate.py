"""Our models as Hummingbot's types: by meaning, not by spelling."""

from decimal import Decimal

import pytest
from hummingbot.core.data_type.common import OrderType, PositionAction, PositionSide, TradeType
from hummingbot.core.data_type.in_flight_order import OrderState
from hummingbot.core.data_type.trade_fee import AddedToCostTradeFee, DeductedFromReturnsTradeFee

from hummingbot_extended.connector import translate
from hummingbot_extended.exchange.enums import OrderStatus, Side
from test.connector import models


@pytest.mark.parametrize(
    ("status", "reason", "filled", "rested", "state"),
    [
        ("NEW", None, "0", True, OrderState.OPEN),
        ("UNTRIGGERED", None, "0", True, OrderState.OPEN),
        ("TRIGGERED", None, "0", True, OrderState.OPEN),
        ("NEW", None, "0.4", True, OrderState.PARTIALLY_FILLED),
        ("PARTIALLY_FILLED", None, "0.4", True, OrderState.PARTIALLY_FILLED),
        ("FILLED", None, "1", True, OrderState.FILLED),
        ("REJECTED", "NOT_ENOUGH_FUNDS", "0", False, OrderState.FAILED),
        ("REJECTED", "SOMETHING_NEW", "0", False, OrderState.FAILED),
        ("EXPIRED", None, "0", True, OrderState.CANCELED),
        ("CANCELLED", "NONE", "0", True, OrderState.CANCELED),
        ("CANCELLED", None, "0", False, OrderState.CANCELED),
        ("CANCELLED", "NO_LIQUIDITY", "0", False, OrderState.CANCELED),
        ("CANCELLED", "SELF_TRADE_PROTECTION", "0", False, OrderState.CANCELED),
        ("CANCELLED", "POST_ONLY_FAILED", "0", False, OrderState.FAILED),
        ("CANCELLED", "NOT_ENOUGH_FUNDS", "0", True, OrderState.CANCELED),
        ("CANCELLED", "REDUCE_ONLY_FAILED", "0.4", False, OrderState.CANCELED),
    ],
)
def test_status_is_translated_by_meaning(status, reason, filled, rested, state):
    order = models.order(status=status, statusReason=reason, filledQty=filled)
    assert translate.order_state(order, rested=rested) is state


def test_every_status_has_a_state():
    for status in OrderStatus:
        assert translate.order_state(models.order(status=status), rested=True)


def test_failed_order_carries_the_reason_and_the_others_their_status():
    failed = translate.order_update(
        models.order(status="REJECTED", statusReason="INVALID_FEE"), "a", "P-USD", rested=False
    )
    assert failed.misc_updates == {"error_message": "REJECTED: INVALID_FEE", "error_type": "INVALID_FEE"}
    assert failed.update_timestamp == 1640780001.0
    assert failed.exchange_order_id == "1"
    expired = translate.order_update(models.order(status="EXPIRED"), "a", "P-USD", rested=True)
    assert expired.misc_updates == {"status": "EXPIRED"}


def test_fill_has_the_true_fee_and_side():
    update = translate.trade_update(models.trade(fee="-0.5", qty="0.1"), "a", "BTC-USD", PositionAction.OPEN)
    assert update.fee.flat_fees[0].amount == Decimal("-0.5")
    assert update.fill_quote_amount == Decimal(1000)
    assert update.is_taker
    assert isinstance(update.fee, AddedToCostTradeFee)
    assert isinstance(translate.trade_fee(Decimal(1), PositionAction.NIL), AddedToCostTradeFee)
    assert isinstance(translate.trade_fee(Decimal(1), PositionAction.CLOSE), DeductedFromReturnsTradeFee)


def test_short_position_is_negative_and_a_closed_one_is_flat():
    short = translate.position(models.position("SHORT", "2"), "BTC-USD")
    assert (short.amount, short.position_side) == (Decimal(-2), PositionSide.SHORT)
    assert translate.position(models.position("LONG", "2"), "BTC-USD").position_side is PositionSide.LONG
    assert translate.position(models.position("LONG", "2", status="CLOSED"), "BTC-USD").amount == 0


def test_rule_has_the_markets_steps_and_its_largest_order_at_the_mark():
    rule = translate.trading_rule(models.market())
    assert rule.max_order_size == Decimal(5_000_000)
    assert rule.min_base_amount_increment == Decimal("0.000001")
    assert rule.buy_order_collateral_token == rule.sell_order_collateral_token == "USD"
    unknown = translate.trading_rule(models.market(marketStats=None))
    assert unknown.max_order_size > Decimal("1e50")


def test_names_and_sides():
    assert translate.trading_pair(models.market("ETH-USD", collateralAssetName="USDC")) == "ETH-USD"
    assert translate.trade_type(Side.BUY) is TradeType.BUY
    assert translate.trade_type(Side.SELL) is TradeType.SELL
    assert translate.side(TradeType.BUY) is Side.BUY
    assert translate.side(TradeType.SELL) is Side.SELL
    assert translate.order_type(models.order(postOnly=True)) is OrderType.LIMIT_MAKER
    assert translate.order_type(models.order(type="MARKET")) is OrderType.MARKET
    assert translate.order_type(models.order()) is OrderType.LIMIT


def test_funding_info_has_whole_seconds():
    info = translate.funding_info(models.market().market_stats, "BTC-USD")
    assert (info.mark_price, info.index_price, info.rate) == (2, 1, 3)
    assert info.next_funding_utc_timestamp == 1657099053
