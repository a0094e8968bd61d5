"""Candles, rate sources and fee overrides in Hummingbot's own tables."""

from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from hummingbot_extended import _bootstrap
from test.install.hummingbots import NAMES


@pytest.fixture
def registration() -> ModuleType:
    _bootstrap.activate()
    from hummingbot.connector.derivative.extended_perpetual import registration

    registration.ERRORS.clear()
    return registration


async def test_candles_factory_creates_a_feed_of_each_domain(registration: ModuleType) -> None:
    from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
    from hummingbot.data_feed.candles_feed.data_types import CandlesConfig

    classes = [
        type(CandlesFactory.get_candle(CandlesConfig(connector=name, trading_pair="BTC-USD", interval="1m"))).__name__
        for name in NAMES
    ]
    assert classes == ["ExtendedPerpetualCandles", "ExtendedPerpetualTestnetCandles", "ExtendedPerpetualLocalCandles"]


def test_candles_without_the_package_raise_a_sentence(
    registration: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "CANDLES", "hummingbot_extended.gone")
    with pytest.raises(ImportError, match="pip install --upgrade hummingbot-extended"):
        registration._create_candles("ExtendedPerpetualCandles", "BTC-USD")


@pytest.mark.parametrize("name", NAMES)
async def test_client_config_accepts_each_domain_as_rate_source(registration: ModuleType, name: str) -> None:
    from hummingbot.client.config.client_config_map import ClientConfigMap

    by_name = ClientConfigMap(rate_oracle_source=name)
    from_file = ClientConfigMap(rate_oracle_source={"name": name})
    assert by_name.rate_oracle_source.name == from_file.rate_oracle_source.name == name
    assert by_name.rate_oracle_source.build_rate_source().name == name


async def test_rate_source_without_the_package_says_so_when_asked_for_prices(
    registration: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: Hummingbot builds it while it reads conf_client.yml, and could not start."""
    monkeypatch.setattr(registration, "RATE_SOURCES", "hummingbot_extended.gone")
    source = registration._create_rate_source("extended_perpetual", "ExtendedPerpetualRateSource")
    assert source.name == "extended_perpetual"
    with pytest.raises(ImportError, match="cannot be imported"):
        await source.get_prices("USD")


def test_table_that_cannot_be_extended_is_recorded_and_ends_nothing(registration: ModuleType) -> None:
    registration._guarded(registration._add_candles, ModuleType("candles_factory_of_another_release"))
    assert len(registration.ERRORS) == 1
    assert "candles_factory_of_another_release could not be extended" in registration.ERRORS[0]


def test_fee_overrides_are_read_from_the_users_file(
    registration: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hummingbot.client import settings

    path = tmp_path / "conf_fee_overrides.yml"
    path.write_text(
        "binance_maker_percent_fee: 9\nextended_perpetual_taker_percent_fee: 0.07\n"
        "extended_perpetual_local_percent_fee_token: USD\nextended_perpetual_maker_percent_fee: much\n"
        "extended_perpetual_testnet_maker_percent_fee:\nextended_perpetual_unknown: 1\n"
    )
    monkeypatch.setattr(settings, "TRADE_FEES_CONFIG_PATH", path)
    types = {
        "binance_maker_percent_fee": "decimal", "extended_perpetual_taker_percent_fee": "decimal",
        "extended_perpetual_local_percent_fee_token": "str", "extended_perpetual_maker_percent_fee": "decimal",
        "extended_perpetual_testnet_maker_percent_fee": "decimal",
    }  # fmt: skip
    table = {key: SimpleNamespace(type=kind, value=None) for key, kind in types.items()}
    now = {"extended_perpetual_taker_percent_fee": SimpleNamespace(type="decimal", value=None)}
    module = SimpleNamespace(fee_overrides_dict=lambda: table, fee_overrides_config_map=now)
    registration._keep_fee_overrides(module)
    assert now["extended_perpetual_taker_percent_fee"].value == Decimal("0.07")
    assert {key: variable.value for key, variable in module.fee_overrides_dict().items()} == {
        "binance_maker_percent_fee": None,
        "extended_perpetual_taker_percent_fee": Decimal("0.07"),
        "extended_perpetual_local_percent_fee_token": "USD",
        "extended_perpetual_maker_percent_fee": None,
        "extended_perpetual_testnet_maker_percent_fee": None,
    }
    assert "must be a number, not 'much'" in registration.ERRORS[0]
    path.unlink()
    assert registration._saved_fee_overrides() == {}
    path.write_text("- a list\n")
    assert registration._saved_fee_overrides() == {}
