"""Mark, index and funding of one market, from statistics and from streams."""

import json
from decimal import Decimal

import pytest
from hummingbot.core.data_type.funding_info import FundingInfoUpdate

from hummingbot_extended.connector.prices import MarketPrices, next_full_hour_s
from hummingbot_extended.exchange.channels import decode_funding, decode_price
from hummingbot_extended.exchange.models import MarketStats
from test.connector.market_data import PAIR, funding_frame, price_frame

HOUR_S = 3600
FRAME_S = 1_795_219_250  # the time of funding_frame

STATS = MarketStats(
    **dict.fromkeys(
        [
            "daily_volume",
            "daily_volume_base",
            "daily_price_change",
            "daily_low",
            "daily_high",
            "last_price",
            "ask_price",
            "bid_price",
            "open_interest",
            "open_interest_base",
        ],
        Decimal(1),
    ),
    mark_price=Decimal("100.5"),
    index_price=Decimal("100.25"),
    funding_rate=Decimal("0.000013"),
    next_funding_time_ms=(FRAME_S - 10) * 1000,
)


@pytest.fixture
def prices() -> MarketPrices:
    return MarketPrices(PAIR)


def test_statistics_become_funding_info(prices: MarketPrices) -> None:
    info = prices.apply_stats(STATS)
    assert (info.trading_pair, info.mark_price, info.index_price) == (PAIR, Decimal("100.5"), Decimal("100.25"))
    assert (info.rate, info.next_funding_utc_timestamp) == (Decimal("0.000013"), FRAME_S - 10)
    assert prices.mark_price == Decimal("100.5")


def test_a_price_updates_its_own_field_only(prices: MarketPrices) -> None:
    mark = prices.apply(decode_price(json.dumps(price_frame("MP", "84075.123456789"))))
    assert mark == FundingInfoUpdate(PAIR, mark_price=Decimal("84075.123456789"))
    index = prices.apply(decode_price(json.dumps(price_frame("IP", "84080.98"))))
    assert index == FundingInfoUpdate(PAIR, index_price=Decimal("84080.98"))
    assert (prices.mark_price, prices.index_price) == (Decimal("84075.123456789"), Decimal("84080.98"))


def test_a_rate_brings_the_next_full_hour_where_the_known_time_has_passed(prices: MarketPrices) -> None:
    prices.apply_stats(STATS)
    update = prices.apply(decode_funding(json.dumps(funding_frame("-0.00002"))))
    assert update.rate == Decimal("-0.00002")
    assert update.next_funding_utc_timestamp == (FRAME_S // HOUR_S + 1) * HOUR_S


def test_a_rate_keeps_the_next_funding_time_that_is_still_to_come(prices: MarketPrices) -> None:
    prices.next_funding_s = FRAME_S + 20
    update = prices.apply(decode_funding(json.dumps(funding_frame("0.00002"))))
    assert update.next_funding_utc_timestamp == FRAME_S + 20


def test_funding_is_past_from_its_second_on(prices: MarketPrices) -> None:
    assert not prices.funding_is_past(1.0)
    prices.next_funding_s = 100
    assert not prices.funding_is_past(99.9)
    assert prices.funding_is_past(100.0)


@pytest.mark.parametrize(("now_s", "expected"), [(0.0, 3600), (3599.9, 3600), (3600.0, 7200)])
def test_next_full_hour(now_s: float, expected: int) -> None:
    assert next_full_hour_s(now_s) == expected


def test_repr_tells_what_is_known(prices: MarketPrices) -> None:
    assert repr(prices) == "<MarketPrices BTC-USD: mark None, index None, funding None at None>"
