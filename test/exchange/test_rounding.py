import decimal
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.exchange.enums import Side
from hummingbot_extended.exchange.rounding import (
    band_limit,
    is_in_band,
    market_price,
    price_with_slippage,
    round_price,
    round_size,
    round_to_multiple,
    whole_position_size,
)

D = Decimal
TICKS = st.sampled_from([D(text) for text in ("0.00001", "0.1", "0.25", "0.5", "1", "5", "10", "1000", "2.50", "1E+2")])
PRICES = st.decimals(min_value=D("0.00001"), max_value=10**8, places=7)


@pytest.mark.parametrize(
    ("value", "step", "down", "up"),
    [
        ("84077.3", "0.5", "84077.0", "84077.5"),
        ("84077", "5", "84075", "84080"),
        ("0.37", "0.25", "0.25", "0.50"),
        ("84077", "1000", "84000", "85000"),
        ("84000", "1000", "84000", "84000"),
        ("1.23456", "0.10", "1.2", "1.3"),
        ("0.3", "0.1", "0.3", "0.3"),
        ("0.04", "0.1", "0", "0.1"),
    ],
)
def test_multiples_of_any_step(value: str, step: str, down: str, up: str) -> None:
    assert str(round_to_multiple(D(value), D(step), ROUND_FLOOR)) == down
    assert str(round_to_multiple(D(value), D(step), ROUND_CEILING)) == up


@pytest.mark.parametrize("step", ["0", "-1"])
def test_a_step_must_be_positive(step: str) -> None:
    with pytest.raises(ValueError, match="positive"):
        round_to_multiple(D(1), D(step), ROUND_FLOOR)


@given(value=PRICES, step=TICKS, precision=st.integers(1, 30))
def test_multiples_are_exact_whatever_the_decimal_context(value: Decimal, step: Decimal, precision: int) -> None:
    with decimal.localcontext(decimal.Context(prec=precision)):
        low, high = round_to_multiple(value, step, ROUND_FLOOR), round_to_multiple(value, step, ROUND_CEILING)
    assert Fraction(low) == floor(Fraction(value) / Fraction(step)) * Fraction(step)
    assert Fraction(high) == ceil(Fraction(value) / Fraction(step)) * Fraction(step)
    assert "E" not in format(low, "f") + str(low) + str(high)


@given(price=PRICES, tick=TICKS)
def test_a_limit_price_is_never_worse_than_asked(price: Decimal, tick: Decimal) -> None:
    buy, sell = round_price(price, tick, Side.BUY), round_price(price, tick, Side.SELL)
    assert buy <= price <= sell
    assert sell - buy in (0, tick)


@given(qty=PRICES, step=TICKS)
def test_a_size_is_never_more_than_asked(qty: Decimal, step: Decimal) -> None:
    assert 0 <= qty - round_size(qty, step) < step


@pytest.mark.parametrize(
    ("price", "side", "expected"),
    [("66841.6", Side.BUY, "67343.0"), ("66774.7", Side.SELL, "66273.8"), ("0.1", Side.SELL, "0.1")],
)
def test_slippage_helper_vectors(price: str, side: Side, expected: str) -> None:
    assert str(price_with_slippage(D(price), side, D("0.0075"), D("0.1"))) == expected


@pytest.mark.parametrize(
    ("side", "tick", "expected"),
    [(Side.BUY, "1", "1050"), (Side.BUY, "7", "1050"), (Side.BUY, "1000", "1000"), (Side.SELL, "1000", "1000")],
)
def test_band_limit_is_inside_the_band(side: Side, tick: str, expected: str) -> None:
    limit = band_limit(side, D(1000), D("0.05"), D(tick))
    assert limit == D(expected)
    assert is_in_band(side, limit, D(1000), D("0.05"))


@given(side=st.sampled_from(Side), best=PRICES, mark=PRICES, tick=TICKS, slippage=st.decimals("0", "0.2", places=4))
def test_a_market_price_is_on_the_grid_and_in_the_band(
    side: Side, best: Decimal, mark: Decimal, tick: Decimal, slippage: Decimal
) -> None:
    price = market_price(side, best, mark, slippage=slippage, band=D("0.05"), tick=tick)
    assert price % tick == 0
    if price > tick:
        assert is_in_band(side, price, mark, D("0.05"))


def test_a_market_price_crosses_the_book_by_its_slippage() -> None:
    common = {"slippage": D("0.01"), "band": D("0.05"), "tick": D("0.5")}
    assert market_price(Side.BUY, D(100), D(100), **common) == 101
    assert market_price(Side.SELL, D(100), D(100), **common) == 99
    assert market_price(Side.BUY, D(110), D(100), **common) == 105
    assert market_price(Side.SELL, D(90), D(100), **common) == 95


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (Side.BUY, "105", True),
        (Side.BUY, "105.1", False),
        (Side.BUY, "1", True),
        (Side.SELL, "95", True),
        (Side.SELL, "94.9", False),
        (Side.SELL, "1000", True),
    ],
)
def test_the_band_bounds_one_side_only(side: Side, price: str, expected: bool) -> None:
    assert is_in_band(side, D(price), D(100), D("0.05")) is expected


@pytest.mark.parametrize(
    ("price", "step", "expected"),
    [
        ("24580.3412", "0.0001", "20341.4588"),
        ("50000", "0.00001", "10000.00000"),
        ("39000", "0.00001", "12820.51282"),
        ("30000", "0.00100", "16666.666"),
        ("30000", "10", "16666"),
    ],
)
def test_whole_position_size(price: str, step: str, expected: str) -> None:
    assert str(whole_position_size(D(10_000_000), D(price), D(step))) == expected
