"""A Hummingbot script for the fault trials: many orders of every kind, repeatable for one seed."""

import os
import random
from decimal import Decimal

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import MarketDict, OrderType, PositionAction, PositionMode, PriceType
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase
from pydantic import Field


class OrderStormConfig(StrategyV2ConfigBase):
    script_file_name: str = os.path.basename(__file__)
    connector_name: str = "extended_perpetual_local"
    trading_pair: str = "BTC-USD"
    seed: int = 1
    orders_a_tick: int = 5
    max_position: Decimal = Decimal("0.5")
    # Prices as fractions of the mid: negative rests behind it, positive goes through it.
    offsets: list[Decimal] = Field(default=[Decimal(text) for text in ("-0.0003", "-0.0001", "0.0001", "0.0003")])
    stop_file: str = ""

    def update_markets(self, markets: MarketDict) -> MarketDict:
        return markets.add_or_update(self.connector_name, self.trading_pair)


class OrderStorm(StrategyV2Base):
    """Each tick: cancel some orders, place some more, at the touch, through it and behind it."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: OrderStormConfig) -> None:
        super().__init__(connectors, config)
        self.config = config
        self.random = random.Random(config.seed)

    @property
    def connector(self) -> ConnectorBase:
        return self.connectors[self.config.connector_name]

    def apply_initial_setting(self) -> None:
        self.connector.set_position_mode(PositionMode.ONEWAY)
        self.connector.set_leverage(self.config.trading_pair, 10)

    def on_tick(self) -> None:
        if self.config.stop_file and os.path.exists(self.config.stop_file):
            return
        name, pair = self.config.connector_name, self.config.trading_pair
        for order in self.get_active_orders(name):
            if self.random.random() < 0.4:
                self.cancel(name, pair, order.client_order_id)
        mid = self.connector.get_price_by_type(pair, PriceType.MidPrice)
        if mid is None or mid.is_nan():
            return
        for _ in range(self.config.orders_a_tick):
            self._place(mid)

    def _place(self, mid: Decimal) -> None:
        pair = self.config.trading_pair
        position = sum((p.amount for p in self.connector.account_positions.values()), Decimal(0))
        is_buy = self.random.random() < 0.5 - float(position / self.config.max_position) / 2
        kind = self.random.choices((OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET), (6, 3, 1))[0]
        offset = self.random.choice(self.config.offsets)
        price = mid * (1 + offset if is_buy else 1 - offset)
        amount = Decimal(self.random.randint(100, 30_000)) / 100_000
        closes = bool(position) and is_buy == (position < 0) and self.random.random() < 0.2
        (self.buy if is_buy else self.sell)(
            self.config.connector_name,
            pair,
            self.connector.quantize_order_amount(pair, min(amount, abs(position)) if closes else amount),
            kind,
            Decimal("NaN") if kind is OrderType.MARKET else self.connector.quantize_order_price(pair, price),
            PositionAction.CLOSE if closes else PositionAction.OPEN,
        )
