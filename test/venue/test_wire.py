"""How numbers are written, and orders of every kind."""

from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.venue.records import FeeRates
from hummingbot_extended.venue.variants import Variants
from hummingbot_extended.venue.wire import Wire, at_most, decimals_of, encode, fixed, money, plain, short
from test.venue.engine_kit import BUY, SELL, Desk, leg, limit, tpsl

decimals = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=12)


@given(decimals)
def test_writing_keeps_the_value_as_far_as_its_decimals_go(value: D) -> None:
    assert D(plain(value)) == value
    assert D(short(value)) == value
    assert abs(D(fixed(value, 6)) - value) <= D("0.0000005")
    assert len(money(value).partition(".")[2]) == 6
    assert D(at_most(value, 12)) == value
    assert "E" not in plain(value) + short(value) + money(value)


@pytest.mark.parametrize(
    ("value", "text"), [("0", "0"), ("1E+2", "100"), ("84077.0", "84077"), ("-0.50", "-0.5"), ("1E-7", "0.0000001")]
)
def test_short_has_no_trailing_zeros_and_no_exponent(value: str, text: str) -> None:
    assert short(D(value)) == text


@pytest.mark.parametrize(("rate", "text"), [("0", "0.00000"), ("0.00025", "0.00025"), ("0.000225", "0.000225")])
def test_fee_rate_is_written_exactly(rate: str, text: str) -> None:
    """A client signs the rate that it reads: one that is rounded down is refused for good (1128)."""
    rates = FeeRates(maker=D(rate), taker=D(rate))
    written = Wire(Variants(), {}).fees("BTC-USD", rates, D(0))
    assert written["makerFeeRate"] == written["takerFeeRate"] == text


def test_zero_has_no_sign_and_steps_their_decimals() -> None:
    assert fixed(D("-0"), 2) == "0.00"
    assert [decimals_of(D(step)) for step in ("5", "0.5", "0.00001", "1E+1")] == [0, 1, 5, 0]
    assert at_most(D("0.1234567"), 6) == "0.123457"


def test_ids_are_numbers_beyond_2_53_and_exact() -> None:
    desk = Desk()
    order = desk.place(desk.a, limit(BUY, "0.01", 83000))
    written = msgspec.json.decode(encode(Wire(Variants(), {"BTC-USD": 5}).order(order)))
    assert written["id"] == order.id > 2**53
    assert written["averagePrice"] is None


def test_an_average_price_that_does_not_end_is_cut_to_sixteen_decimals() -> None:
    desk = Desk()
    for qty, price in (("0.01", 84000), ("0.02", 84001)):
        desk.place(desk.b, limit(SELL, qty, price))
    order = desk.place(desk.a, limit(BUY, "0.03", 84001))
    assert Wire(Variants(), {"BTC-USD": 5}).order(order)["averagePrice"] == "84000.6666666666666667"


def test_a_position_shows_its_take_profit_and_stop_loss() -> None:
    desk = Desk()
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.place(desk.a, tpsl(SELL, "0.01", take_profit=leg(85000, 84900), stop_loss=leg(83000, 82900)))
    (position,) = desk.engine.queries.positions(desk.a.id)
    written = Wire(Variants(), {"BTC-USD": 5}).position(position)
    expected = {
        name: written.get(name) for name in ("tpTriggerPrice", "tpLimitPrice", "slTriggerPrice", "slLimitPrice")
    }
    shown = {
        "tpTriggerPrice": position.tp_trigger_price,
        "tpLimitPrice": position.tp_limit_price,
        "slTriggerPrice": position.sl_trigger_price,
        "slLimitPrice": position.sl_limit_price,
    }
    assert expected == {name: None if value is None else plain(value) for name, value in shown.items()}


def test_a_closed_position_has_an_exit() -> None:
    desk = Desk()
    desk.trade(desk.a, desk.b, "0.01", 84000)
    desk.trade(desk.b, desk.a, "0.01", 84100)
    (closed,) = desk.engine.queries.position_history(desk.a.id).items
    written = Wire(Variants(), {"BTC-USD": 5}).position_history(closed)
    assert (written["exitPrice"], written["exitType"]) == ("84100.0000000000000000", "TRADE")
    assert written["closedTime"] == desk.now_ms
