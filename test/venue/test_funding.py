"""Funding: formula, payments, their timing, and nothing lost to rounding."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from hummingbot_extended.venue.config import EngineConfig
from hummingbot_extended.venue.enums import Mode, PositionSide
from hummingbot_extended.venue.events import FundingPaymentEvent, FundingRateEvent
from hummingbot_extended.venue.funding import formula
from hummingbot_extended.venue.markets import DEFAULT_MARKETS
from test.venue.engine_kit import HOUR_MS, MARKET, NOW_MS, Desk

BTC, GOLD = DEFAULT_MARKETS[0], DEFAULT_MARKETS[2]


@pytest.fixture
def desk() -> Desk:
    """`a` is long 0.05, `b` short; the hour has just begun."""
    desk = Desk()
    desk.trade(desk.a, desk.b, "0.05", 84000)
    desk.engine.drain()
    return desk


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        ("0", "0.000013"),  # (0 + 0.0001) / 8 = 0.0000125: the live rate of an even market
        ("0.0001", "0.000013"),  # interest and premium cancel
        ("0.001", "0.000063"),  # 0.001 - 0.0005
        ("-0.001", "-0.000063"),
        ("0.5", "0.0025"),  # the cap, 0.25 %
        ("-0.5", "-0.0025"),
    ],
)
def test_the_rate_follows_the_documented_formula(premium: str, rate: str) -> None:
    assert formula(D(premium), BTC, EngineConfig()) == D(rate)


def test_tradfi_markets_have_no_interest_part() -> None:
    assert formula(D(0), GOLD, EngineConfig()) == 0
    assert formula(D("0.0008"), GOLD, EngineConfig()) == D("0.0001")


def test_premium_samples_are_averaged_over_the_hour(desk: Desk) -> None:
    desk.engine.add_premium_sample(MARKET, D("0.002"), NOW_MS)
    desk.engine.add_premium_sample(MARKET, D("0"), NOW_MS + 1)
    assert [(e.rate, e.ts_ms, e.applied) for e in desk.told(FundingRateEvent)] == [
        (D("0.000188"), NOW_MS, False),
        (D("0.000063"), NOW_MS + 1, False),
    ]
    desk.engine.add_premium_sample(MARKET, D("0.001"), NOW_MS + 2)
    assert desk.told(FundingRateEvent) == []
    desk.engine.apply_funding(NOW_MS + 3, MARKET)
    desk.engine.add_premium_sample(MARKET, D("0.002"), NOW_MS + 4)
    assert desk.engine.queries.market(MARKET).funding_rate == D("0.000188")


def test_a_fixed_rate_stays_until_it_is_released(desk: Desk) -> None:
    desk.engine.set_funding_rate(MARKET, D("0.0004"), NOW_MS)
    desk.engine.add_premium_sample(MARKET, D("0.002"), NOW_MS)
    assert desk.engine.queries.market(MARKET).funding_rate == D("0.0004")
    desk.engine.set_funding_rate(MARKET, None, NOW_MS)
    assert desk.engine.queries.market(MARKET).funding_rate == D("0.000188")


@pytest.mark.parametrize(("rate", "paid"), [("0.0001", "-0.42"), ("-0.0001", "0.42")])
def test_longs_pay_shorts_when_the_rate_is_positive(desk: Desk, rate: str, paid: str) -> None:
    desk.engine.set_funding_rate(MARKET, D(rate), NOW_MS)
    before = {a.id: desk.engine.queries.balance(a.id, 0).balance for a in (desk.a, desk.b)}
    desk.engine.drain()
    desk.engine.apply_funding(NOW_MS + 5)
    payments = {e.account_id: e.payment for e in desk.told(FundingPaymentEvent)}
    assert (payments[desk.a.id].fee, payments[desk.b.id].fee) == (D(paid), -D(paid))
    assert payments[desk.a.id].side is PositionSide.LONG
    assert (payments[desk.b.id].size, payments[desk.b.id].value) == (D("0.05"), 4200)
    for account in (desk.a, desk.b):
        after = desk.engine.queries.balance(account.id, 0).balance
        assert after - before[account.id] == payments[account.id].fee
        (position,) = desk.engine.queries.positions(account.id)
        assert position.realised_pnl == payments[account.id].fee - (D("1.05") if account is desk.a else 0)
    history = desk.engine.queries.position_history(desk.b.id).items
    assert history[0].funding_fees == -D(paid)


def test_payments_are_rounded_and_the_insurance_takes_the_rest(desk: Desk) -> None:
    desk.trade(desk.open("c"), desk.b, "0.00123", 84000)
    desk.mark(D("84058.473541750005"))
    desk.engine.set_funding_rate(MARKET, D("0.000013"), NOW_MS)
    desk.engine.drain()
    desk.engine.apply_funding(NOW_MS)
    fees = [e.payment.fee for e in desk.told(FundingPaymentEvent)]
    assert fees == [D("-0.054638"), D("0.055982"), D("-0.001344")]
    assert all(fee.as_tuple().exponent == -6 for fee in fees)
    assert desk.money() == 300_000


def test_funding_is_paid_on_the_hour_once(desk: Desk) -> None:
    desk.engine.set_funding_rate(MARKET, D("0.0001"), NOW_MS)
    assert desk.engine.queries.market(MARKET).next_funding_ms == NOW_MS + HOUR_MS
    assert desk.engine.next_due_ms() <= NOW_MS + HOUR_MS
    for now_ms in (NOW_MS + HOUR_MS - 1, NOW_MS + HOUR_MS + 345, NOW_MS + HOUR_MS + 346):
        desk.engine.advance(now_ms)
    (payment,) = desk.engine.queries.funding_payments(desk.a.id, 0).items
    assert payment.paid_ms == NOW_MS + HOUR_MS + 345
    assert desk.engine.queries.market(MARKET).next_funding_ms == NOW_MS + 2 * HOUR_MS
    desk.engine.advance(NOW_MS + 9 * HOUR_MS + 5)
    assert len(desk.engine.queries.funding_payments(desk.a.id, 0).items) == 2
    assert desk.engine.queries.market(MARKET).next_funding_ms == NOW_MS + 10 * HOUR_MS
    (applied,) = desk.engine.queries.funding_rates(MARKET, NOW_MS, NOW_MS + HOUR_MS).items
    assert (applied.rate, applied.ts_ms) == (D("0.0001"), NOW_MS + HOUR_MS)


def test_the_interval_can_be_shortened_while_running(desk: Desk) -> None:
    desk.engine.config = replace(desk.engine.config, funding_interval_ms=10_000)
    desk.engine.advance(NOW_MS + 1)
    assert desk.engine.queries.market(MARKET).next_funding_ms == NOW_MS + 10_000
    desk.engine.advance(NOW_MS + 10_000)
    assert len(desk.engine.queries.funding_payments(desk.a.id, 0).items) == 1


@pytest.mark.parametrize("mode", [Mode.POST_ONLY, Mode.MAINTENANCE])
def test_no_funding_while_the_exchange_restarts(desk: Desk, mode: Mode) -> None:
    desk.engine.set_mode(mode, NOW_MS)
    desk.engine.advance(NOW_MS + HOUR_MS)
    assert desk.engine.queries.funding_payments(desk.a.id, 0).items == []
    assert desk.engine.queries.market(MARKET).next_funding_ms == NOW_MS + 2 * HOUR_MS
