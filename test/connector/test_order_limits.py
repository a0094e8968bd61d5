"""Prices and refusals of orders before they are sent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.connector.order_limits import (
    MARKET_BAND,
    market_price,
    market_refusal,
    order_refusal,
)
from hummingbot_extended.exchange.enums import Side
from test.connector import models

prices = st.decimals("0.5", "100000", places=4)
ticks = st.sampled_from([Decimal(text) for text in ("0.0001", "0.01", "0.5", "1", "5")])


@given(side=st.sampled_from(Side), tick=ticks, book=prices, mark=prices)
def test_market_price_is_on_the_tick_and_inside_the_band(side, tick, book, mark):
    price = market_price(side, tick, book=book, mark=mark)
    assert price % tick == 0
    if side is Side.BUY:
        assert price <= mark * (1 + MARKET_BAND)
    else:
        assert price >= min(mark * (1 - MARKET_BAND), price)
        assert price >= mark * (1 - MARKET_BAND) or price == tick


def test_market_price_needs_a_book_or_a_mark():
    tick = Decimal("0.5")
    assert market_price(Side.BUY, tick, book=Decimal(100), mark=None) == Decimal("101")
    assert market_price(Side.SELL, tick, book=None, mark=Decimal(100)) == Decimal("99")
    assert market_price(Side.BUY, tick, book=Decimal(120), mark=Decimal(100)) == Decimal("104.5")
    with pytest.raises(ValueError, match="neither a book nor a mark"):
        market_price(Side.BUY, tick, book=None, mark=None)


@pytest.mark.parametrize(
    ("changes", "reduce_only", "words"),
    [
        ({}, False, None),
        ({"type": "SPOT"}, False, "not a perpetual"),
        ({"isRfq": True}, False, "request for quote"),
        ({"status": "REDUCE_ONLY"}, False, "can only be closed"),
        ({"status": "REDUCE_ONLY"}, True, None),
        ({"status": "PRELISTED"}, False, "is prelisted"),
        ({"status": "DELISTED"}, True, "is delisted"),
        ({"status": "DISABLED"}, True, "is disabled"),
        ({"status": "SOMETHING_NEW"}, True, "is unknown"),
        ({"active": False}, False, "no orders are accepted"),
    ],
)
def test_life_cycle_of_a_market_refuses_with_its_reason(changes, reduce_only, words):
    refusal = market_refusal(models.market(**changes), reduce_only=reduce_only)
    assert refusal is None if words is None else words in refusal


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"price": Decimal(105)}, None),
        ({"price": Decimal("105.01")}, "above 100"),
        ({"price": Decimal("105.01"), "reference": None}, None),
        ({"price": Decimal("105.01"), "is_market": True}, None),
        ({"price": Decimal(10)}, None),  # a bid far below is the exchange's to judge
        ({"side": Side.SELL, "price": Decimal(95)}, None),
        ({"side": Side.SELL, "price": Decimal("94.99")}, "below 100"),
        ({"amount": Decimal(100_000)}, None),
        ({"amount": Decimal(100_001)}, "above the maximum of 10000000 USD"),
        ({"amount": Decimal(50_001), "is_market": True}, "above the maximum of 5000000 USD"),
        ({"open_orders": 200}, "200 open orders"),
    ],
)
def test_order_is_refused_as_the_exchange_would(changes, words):
    order = {
        "side": Side.BUY,
        "price": Decimal(100),
        "amount": Decimal(1),
        "is_market": False,
        "reference": Decimal(100),
        "open_orders": 0,
    }
    refusal = order_refusal(models.market(), **{**order, **changes})
    assert refusal is None if words is None else words in refusal
