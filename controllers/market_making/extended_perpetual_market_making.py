"""Perpetual market making with position executors, for extended_perpetual.

Each level is a post-only entry with its own take profit, stop loss and time limit (a position executor). The reference
price leans against the position held and against the funding that the position will pay next; no level is opened while
the book is not to be trusted (the connector is then not ready).
"""

from decimal import Decimal

from hummingbot.core.data_type.common import OrderType, PositionMode, PriceType, TradeType
from hummingbot.strategy_v2.controllers.market_making_controller_base import (
    MarketMakingControllerBase,
    MarketMakingControllerConfigBase,
)
from hummingbot.strategy_v2.executors.position_executor.data_types import PositionExecutorConfig, TripleBarrierConfig
from pydantic import Field

ZERO, ONE = Decimal(0), Decimal(1)


class ExtendedPerpetualMarketMakingConfig(MarketMakingControllerConfigBase):
    """Settings of the controller. Spreads, barriers, skew and weight are fractions; times in s; amounts in quote."""

    controller_name: str = "extended_perpetual_market_making"
    connector_name: str = Field(
        default="extended_perpetual",
        json_schema_extra={"prompt": "Connector (e.g. extended_perpetual): ", "prompt_on_new": True},
    )
    trading_pair: str = Field(
        default="BTC-USD", json_schema_extra={"prompt": "Trading pair (e.g. BTC-USD): ", "prompt_on_new": True}
    )
    position_mode: PositionMode = Field(default=PositionMode.ONEWAY, validate_default=True)
    leverage: int = Field(default=10, ge=1, json_schema_extra={"prompt": "Leverage: ", "prompt_on_new": True})
    # Shares of the budget by level; none: equal shares. Hummingbot's base only makes them when its check runs.
    buy_amounts_pct: list[Decimal] | None = Field(
        default=None,
        validate_default=True,
        json_schema_extra={"prompt": "Shares of the buy levels (e.g. 60,40; empty: equal): ", "is_updatable": True},
    )
    sell_amounts_pct: list[Decimal] | None = Field(
        default=None,
        validate_default=True,
        json_schema_extra={"prompt": "Shares of the sell levels (e.g. 60,40; empty: equal): ", "is_updatable": True},
    )
    inventory_skew: Decimal = Field(
        default=Decimal("0.5"),
        ge=0,
        json_schema_extra={
            "prompt": "How far a full position moves the reference price (in first spreads): ",
            "prompt_on_new": True,
            "is_updatable": True,
        },
    )
    funding_weight: Decimal = Field(
        default=ONE,
        ge=0,
        json_schema_extra={"prompt": "Weight of the next funding payment in the price: ", "is_updatable": True},
    )

    @property
    def triple_barrier_config(self) -> TripleBarrierConfig:
        """Barriers of each level; entries are post-only, since a maker pays no fee."""
        return super().triple_barrier_config.model_copy(update={"open_order_type": OrderType.LIMIT_MAKER})


class ExtendedPerpetualMarketMaking(MarketMakingControllerBase):
    """Quote levels around a reference price that leans against position and funding."""

    def __init__(self, config: ExtendedPerpetualMarketMakingConfig, *args: object, **kwargs: object) -> None:
        super().__init__(config, *args, **kwargs)
        self.config = config

    async def update_processed_data(self) -> None:
        """Compute the reference price (quote asset); without a book there is none and nothing is opened."""
        mid = self.market_data_provider.get_price_by_type(
            self.config.connector_name, self.config.trading_pair, PriceType.MidPrice
        )
        if mid is None or mid.is_nan():
            self.processed_data = {}
            return
        share = self._position_share(mid)
        spread = Decimal(str(self.config.buy_spreads[0]))
        rate = self.market_data_provider.get_funding_info(self.config.connector_name, self.config.trading_pair).rate
        lean = share * self.config.inventory_skew * spread + rate * self.config.funding_weight
        self.processed_data = {"reference_price": mid * (ONE - lean), "spread_multiplier": ONE, "mid_price": mid}

    def get_levels_to_execute(self) -> list[str]:
        """Return the levels without an executor; none while there is no reference price."""
        return super().get_levels_to_execute() if self.processed_data else []

    def get_executor_config(self, level_id: str, price: Decimal, amount: Decimal) -> PositionExecutorConfig:
        """Describe the position executor of one level (price in quote, amount in base)."""
        return PositionExecutorConfig(
            timestamp=self.market_data_provider.time(),
            level_id=level_id,
            connector_name=self.config.connector_name,
            trading_pair=self.config.trading_pair,
            side=self.get_trade_type_from_level_id(level_id),
            entry_price=price,
            amount=amount,
            triple_barrier_config=self.config.triple_barrier_config,
            leverage=self.config.leverage,
        )

    def to_format_status(self) -> list[str]:
        """Describe the reference price and the position."""
        if not self.processed_data:
            return ["  No book: nothing is opened."]
        mid, reference = self.processed_data["mid_price"], self.processed_data["reference_price"]
        return [f"  Mid {mid:.4f}, reference {reference:.4f}, position {self._position_share(mid):+.1%} of the budget"]

    def _position_share(self, price: Decimal) -> Decimal:
        """Position value over the budget, positive long, limited to -1…1."""
        trading = [e for e in self.executors_info if e.is_active and e.is_trading]
        net = sum((e.filled_amount_quote if e.side == TradeType.BUY else -e.filled_amount_quote for e in trading), ZERO)
        return max(min(net / self.config.total_amount_quote, ONE), -ONE)
