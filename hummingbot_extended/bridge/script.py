"""The bridge as a Hummingbot script: `hbot start conf_extended_bridge.yml`."""

import logging
from collections.abc import Mapping
from pathlib import Path

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.clock import Clock
from hummingbot.core.data_type.common import MarketDict
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase
from pydantic import Field, field_validator

from hummingbot_extended.bridge.server import BridgeServer, default_settings
from hummingbot_extended.bridge.settings import ON_STOP
from hummingbot_extended.bridge.tasks import start_in_background
from hummingbot_extended.errors import SettingsError
from hummingbot_extended.gateway.protocol import DEFAULT_PORT

logger = logging.getLogger(__name__)


class BridgeConfig(StrategyV2ConfigBase):
    """Settings of the script; `bridge init` writes them, and the keys into conf/extended_bridge_keys.yml."""

    script_file_name: str = "extended_bridge.py"
    controllers_config: list[str] = Field(default=[])
    markets: Mapping[str, list[str]] = Field(
        default={"extended_perpetual": ["BTC-USD"]},
        json_schema_extra={
            "prompt": "Markets (e.g. extended_perpetual.BTC-USD,ETH-USD:binance.ETH-USDT): ",
            "prompt_on_new": True,
        },
    )
    port: int = Field(default=DEFAULT_PORT, json_schema_extra={"prompt": "Port of the bridge: ", "prompt_on_new": True})
    host: str = Field(default="127.0.0.1")
    expose: bool = Field(default=False)
    tls_certificate: Path | None = Field(default=None)
    tls_key: Path | None = Field(default=None)
    client_ca: Path | None = Field(default=None)
    on_stop: str = Field(default="cancel_all")

    @field_validator("markets", mode="before")
    @classmethod
    def read_markets(cls, value: object) -> object:
        """Accept the text that Hummingbot's prompt gives, beside a mapping of pairs by exchange."""
        if not isinstance(value, str):
            return value
        return {exchange: sorted(pairs) for exchange, pairs in cls.parse_markets_str(value).items()}

    @field_validator("on_stop")
    @classmethod
    def check_on_stop(cls, value: str) -> str:
        """Refuse what is no policy."""
        if value not in ON_STOP:
            raise ValueError(f"on_stop must be one of {', '.join(ON_STOP)}")
        return value

    def update_markets(self, markets: MarketDict) -> MarketDict:
        """Ask Hummingbot for the markets that clients may use."""
        for exchange, pairs in self.markets.items():
            for pair in pairs:
                markets = markets.add_or_update(exchange, pair)
        return markets


class BridgeScript(StrategyV2Base):
    """Serves this Hummingbot to clients and trades nothing by itself."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: BridgeConfig) -> None:
        super().__init__(connectors, config)
        self.config = config
        self._bridge: BridgeServer | None = None
        self._trouble: str | None = None

    def start(self, clock: Clock, timestamp: float) -> None:
        """Start the server on Hummingbot's event loop."""
        super().start(clock, timestamp)
        self._starting = start_in_background(self._start_bridge(), "start of the bridge")

    async def on_stop(self) -> None:
        """Stop the server first, so that clients see their orders cancelled."""
        await self._starting
        if self._bridge is not None:
            await self._bridge.stop()
        await super().on_stop()

    def format_status(self) -> str:
        """Return where the bridge listens, who is there, and what is open; or why it does not run."""
        if self._trouble is not None:
            return f"  The bridge does not run: {self._trouble}"
        if self._bridge is None:
            return "  The bridge is starting."
        return self._bridge.format_status()

    async def _start_bridge(self) -> None:
        config = self.config
        try:
            settings = default_settings(
                host=config.host,
                port=config.port,
                expose=config.expose,
                tls_certificate=config.tls_certificate,
                tls_key=config.tls_key,
                client_ca=config.client_ca,
                on_stop=config.on_stop,
            )
            bridge = BridgeServer.for_strategy(self, settings)
            await bridge.start()
        except SettingsError as error:
            self._trouble = str(error)
            logger.error("The bridge does not run: %s", error)  # noqa: TRY400 - a sentence for the user, not a trace
            self.notify_hb_app(f"The bridge does not run: {error}")
        except Exception as error:  # whatever it is, the status says it, and Hummingbot's stop goes on
            self._trouble = f"{error!r}; the log says more"
            logger.exception("The bridge does not run.")
        else:
            self._bridge = bridge
