"""Rate sources: every market in USD and, at par, in the dollar asked for."""

import logging
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from hummingbot.core.rate_oracle.rate_oracle import RateOracle

from hummingbot_extended.connector.extended_perpetual_rate_source import (
    ExtendedPerpetualLocalRateSource,
    ExtendedPerpetualRateSource,
    ExtendedPerpetualTestnetRateSource,
)
from hummingbot_extended.venue.faults import FaultKind
from hummingbot_extended.venue.server import PracticeVenue
from test.connector.market_data import running_venue, set_fault

MARKETS = {"BTC-USD", "ETH-USD", "XAU-USD", "SPX500m-USD"}


@pytest.fixture
async def venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PracticeVenue]:
    async with running_venue(monkeypatch) as venue:
        yield venue


@pytest.fixture
def source() -> ExtendedPerpetualLocalRateSource:
    return ExtendedPerpetualLocalRateSource()


async def test_get_prices_in_usd_and_in_the_oracles_dollar(venue: PracticeVenue, source) -> None:
    prices = await source.get_prices(quote_token="USDT")
    assert set(prices) == MARKETS | {pair + "T" for pair in MARKETS}
    for pair in MARKETS:
        assert prices[pair] == prices[pair + "T"]
        assert isinstance(prices[pair], Decimal)
        assert prices[pair] > 0


@pytest.mark.parametrize("quote", [None, "EUR", "BTC"])
async def test_get_prices_of_what_is_no_dollar_are_in_usd_only(venue: PracticeVenue, source, quote) -> None:
    assert set(await source.get_prices(quote_token=quote)) == MARKETS


async def test_get_prices_asks_once_in_thirty_seconds(venue: PracticeVenue, source) -> None:
    first = await source.get_prices("USDT")
    refused = set_fault(venue, FaultKind.SERVER_ERROR, "*/info/markets*")
    assert await source.get_prices("USDT") == first
    assert set(await source.get_prices("USDC")) == MARKETS | {pair + "C" for pair in MARKETS}
    assert refused.seen == 0


async def test_get_prices_without_an_answer_is_empty_told_and_not_remembered(
    venue: PracticeVenue, source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    set_fault(venue, FaultKind.SERVER_ERROR, "*/info/markets*", count=1)
    assert await source.get_prices("USDT") == {}
    assert "No rates from extended_perpetual_local" in caplog.text
    assert await source.get_prices("USDT")


async def test_the_oracle_finds_rates(venue: PracticeVenue, source) -> None:
    oracle = RateOracle(source=source, quote_token="USDT")
    prices = await source.get_prices("USDT")
    assert await oracle.rate_async("BTC-USDT") == prices["BTC-USD"]
    cross = await oracle.rate_async("ETH-BTC")
    assert cross == prices["ETH-USD"] / prices["BTC-USD"]


def test_names_are_the_domains() -> None:
    names = [
        source().name
        for source in (
            ExtendedPerpetualRateSource,
            ExtendedPerpetualTestnetRateSource,
            ExtendedPerpetualLocalRateSource,
        )
    ]
    assert names == ["extended_perpetual", "extended_perpetual_testnet", "extended_perpetual_local"]
