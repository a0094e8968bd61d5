"""Run by tests in a Hummingbot with the connector: import the modules named first, then use everything registered.

Prints one JSON object. `python registered.py MODULE...`
"""

import asyncio
import importlib
import json
import sys
from decimal import Decimal

for module in sys.argv[1:]:
    importlib.import_module(module)

from hummingbot.client.config.client_config_map import ClientConfigMap  # noqa: E402
from hummingbot.client.config.config_helpers import read_system_configs_from_yml  # noqa: E402
from hummingbot.client.config.fee_overrides_config_map import init_fee_overrides_config  # noqa: E402
from hummingbot.client.config.trade_fee_schema_loader import TradeFeeSchemaLoader  # noqa: E402
from hummingbot.client.settings import TRADE_FEES_CONFIG_PATH, AllConnectorSettings  # noqa: E402
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory  # noqa: E402
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig  # noqa: E402

NAMES = [name for name in AllConnectorSettings.get_connector_settings() if name.startswith("extended")]


async def main() -> dict[str, object]:
    await read_system_configs_from_yml()
    config = CandlesConfig(connector="extended_perpetual_local", trading_pair="BTC-USD", interval="1m")
    schema = TradeFeeSchemaLoader.configured_schema_for_exchange("extended_perpetual")
    other = TradeFeeSchemaLoader.configured_schema_for_exchange("extended_perpetual_local")
    init_fee_overrides_config()
    again = TradeFeeSchemaLoader.configured_schema_for_exchange("extended_perpetual")
    source = ClientConfigMap(rate_oracle_source={"name": "extended_perpetual_local"}).rate_oracle_source
    return {
        "names": NAMES,
        "candles": type(CandlesFactory.get_candle(config)).__name__,
        "rate_source": type(source.build_rate_source()).__name__,
        "fees": [str((fee.taker_percent_fee_decimal * Decimal(100)).normalize()) for fee in (schema, other, again)],
        "saved": [
            line
            for line in TRADE_FEES_CONFIG_PATH.read_text().splitlines()
            if "extended_perpetual_taker_percent" in line
        ],
    }


print(json.dumps(asyncio.run(main())))
