"""A funding-rate watcher: trades nothing, shows and reports the funding of several markets.

Each market's hourly rate is shown with its yearly equivalent, the premium of the mark over the index price and the
time to the next payment; a rate beyond the threshold is reported once, and once more when it is back.

    hbot start conf_extended_funding_watcher.yml
"""

import os
from decimal import Decimal

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import MarketDict
from hummingbot.core.data_type.funding_info import FundingInfo
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase
from pydantic import Field, field_validator

HOURS_A_YEAR = 24 * 365


class ExtendedFundingWatcherConfig(StrategyV2ConfigBase):
    """Settings of the watcher. Rates are fractions an hour, as the exchange states them (0.0001 is 0.01 %)."""

    script_file_name: str = os.path.basename(__file__)
    controllers_config: list[str] = Field(default=[])
    connector_name: str = Field(
        default="extended_perpetual",
        json_schema_extra={"prompt": "Connector (e.g. extended_perpetual): ", "prompt_on_new": True},
    )
    trading_pairs: list[str] = Field(
        default=["BTC-USD", "ETH-USD"],
        json_schema_extra={"prompt": "Trading pairs, comma-separated: ", "prompt_on_new": True},
    )
    report_above: Decimal = Field(
        default=Decimal("0.0001"),
        gt=0,
        json_schema_extra={"prompt": "Report hourly rates beyond (fraction): ", "prompt_on_new": True},
    )

    @field_validator("trading_pairs", mode="before")
    @classmethod
    def split_trading_pairs(cls, value: str | list[str]) -> list[str]:
        """Accept the comma-separated text that Hummingbot's prompt gives."""
        return [pair.strip() for pair in value.split(",") if pair.strip()] if isinstance(value, str) else value

    def update_markets(self, markets: MarketDict) -> MarketDict:
        """Ask Hummingbot for every watched market."""
        for trading_pair in self.trading_pairs:
            markets = markets.add_or_update(self.connector_name, trading_pair)
        return markets


class ExtendedFundingWatcher(StrategyV2Base):
    """Watch the funding of several markets."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: ExtendedFundingWatcherConfig) -> None:
        super().__init__(connectors, config)
        self.config = config
        self._reported: set[str] = set()

    def funding(self, trading_pair: str) -> FundingInfo:
        """Return a market's funding: rate an hour, mark and index price, time of the next payment (epoch s)."""
        return self.connectors[self.config.connector_name].get_funding_info(trading_pair)

    def on_tick(self) -> None:
        """Report a rate that goes beyond the threshold, and one that comes back."""
        for pair in self.config.trading_pairs:
            rate = self.funding(pair).rate
            beyond = abs(rate) > self.config.report_above
            if beyond and pair not in self._reported:
                self._reported.add(pair)
                payer = "longs pay shorts" if rate > 0 else "shorts pay longs"
                self.notify_hb_app_with_timestamp(f"{pair}: funding {rate:+.4%} an hour, {payer}")
            elif not beyond and pair in self._reported:
                self._reported.discard(pair)
                self.notify_hb_app_with_timestamp(f"{pair}: funding is back at {rate:+.4%} an hour")

    def format_status(self) -> str:
        """Return one line a market."""
        if not self.ready_to_trade:
            return "  The connector is not ready yet."
        lines = [f"  {'market':<14}{'hourly':>10}{'yearly':>10}{'premium':>10}{'mark':>16}{'next in':>9}"]
        for pair in self.config.trading_pairs:
            info = self.funding(pair)
            premium = info.mark_price / info.index_price - 1 if info.index_price else Decimal(0)
            minutes, seconds = divmod(max(int(info.next_funding_utc_timestamp - self.current_timestamp), 0), 60)
            lines.append(
                f"  {pair:<14}{info.rate:>+10.4%}{info.rate * HOURS_A_YEAR:>+10.1%}{premium:>+10.4%}"
                f"{info.mark_price:>16.6f}{minutes:>6}:{seconds:02}"
            )
        return "\n".join(lines)
