"""Candles, rate source and fee overrides are there whichever module of Hummingbot is imported first."""

import json
from pathlib import Path

import pytest

from test.install.hummingbots import Environment, make_environment

REGISTERED = Path(__file__).with_name("registered.py")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    environment = make_environment(tmp_path_factory.mktemp("orders") / "env", wheel)
    assert environment.extended("install").code == 0
    template = (environment.site / "hummingbot/templates/conf_fee_overrides_TEMPLATE.yml").read_text()
    fees = f"{template}\nextended_perpetual_taker_percent_fee: 0.07\n"
    (environment.site / "conf/conf_fee_overrides.yml").write_text(fees)
    return environment


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [
        ["hummingbot.client.hummingbot_application"],
        ["hummingbot.client.config.client_config_map"],
        ["hummingbot.core.rate_oracle.rate_oracle", "hummingbot.data_feed.candles_feed.candles_factory"],
        ["hummingbot.client.config.fee_overrides_config_map"],
        ["hummingbot.connector.derivative.extended_perpetual.extended_perpetual_derivative"],
        ["hummingbot.client.settings", "hummingbot.cli.main", "hummingbot.data_feed.candles_feed.candles_factory"],
    ],
    ids=lambda modules: modules[0].rsplit(".", 1)[-1],
)
def test_everything_is_registered_when_imported_first(environment: Environment, first: list[str]) -> None:
    result = environment.run(REGISTERED, *first)
    assert result.out, result.err
    found = json.loads(result.out.splitlines()[-1])
    assert found == {
        "names": ["extended_perpetual", "extended_perpetual_testnet", "extended_perpetual_local"],
        "candles": "ExtendedPerpetualLocalCandles",
        "rate_source": "ExtendedPerpetualLocalRateSource",
        "fees": ["0.07", "0.025", "0.07"],
        "saved": ["extended_perpetual_taker_percent_fee: 0.07"],
    }
