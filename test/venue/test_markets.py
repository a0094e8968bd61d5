"""The markets' fixed parts, compared with the live BTC-USD."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from hummingbot_extended.venue.markets import DEFAULT_MARKETS, synthetic_id

SPECS = {spec.name: spec for spec in DEFAULT_MARKETS}


def test_bitcoin_has_the_live_limits() -> None:
    btc = SPECS["BTC-USD"]
    assert (btc.tick, btc.step, btc.min_size) == (1, D("0.00001"), D("0.0001"))
    assert (btc.max_market_value, btc.max_limit_value, btc.max_position_value) == (3_000_000, 15_000_000, 60_000_000)
    assert [(b.upper_bound, b.risk_factor) for b in btc.bands[:2]] == [(4_000_000, D("0.02")), (8_000_000, D("0.04"))]
    assert [b.is_available for b in btc.bands].count(True) == 15
    assert (btc.bands[-1].upper_bound, btc.bands[-1].risk_factor) == (1_000_000_000, 1)
    assert hex(btc.synthetic_id) == "0x4254432d3600000000000000000000"
    assert (btc.max_orders, btc.max_leverage, btc.asset_precision) == (200, 50, 5)


def test_two_markets_have_awkward_ticks() -> None:
    assert {SPECS["XAU-USD"].tick, SPECS["SPX500m-USD"].tick} == {D("0.5"), D(5)}


@pytest.mark.parametrize("spec", DEFAULT_MARKETS, ids=lambda spec: spec.name)
def test_every_market_is_consistent(spec) -> None:
    assert spec.name == f"{spec.asset}-USD"
    assert spec.start_price % spec.tick == 0
    assert spec.min_size % spec.step == 0
    assert spec.max_leverage * spec.bands[0].risk_factor == 1
    assert spec.bands[14].upper_bound == spec.max_position_value
    assert (spec.step * spec.synthetic_resolution) % 1 == 0
    bounds = [band.upper_bound for band in spec.bands]
    assert bounds == sorted(bounds)


def test_asset_ids_differ() -> None:
    assert len({spec.synthetic_id for spec in DEFAULT_MARKETS}) == len(DEFAULT_MARKETS)
    assert synthetic_id("ETH", 10**5).to_bytes(15, "big") == b"ETH-5" + bytes(10)


@pytest.mark.parametrize(
    ("step", "decimals"), [("0.00001", 5), ("0.5", 0), ("0.0005", 3), ("1", 0), ("10", 1), ("0.25", 0)]
)
def test_quantity_decimals_are_the_sdks(step: str, decimals: int) -> None:
    assert replace(DEFAULT_MARKETS[0], step=D(step)).qty_decimals == decimals
