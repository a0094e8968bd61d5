"""A simple market maker: one post-only quote on each side of the mid price, leaning against the position.

The quotes are moved when their price is off by more than a tolerance, or when a side is missing; the further the
position is from zero, the further both quotes lean to the side that reduces it, and the side that would take the
position beyond its maximum is left out. `status` shows the quotes, the position and how fresh the stream is.

    hbot start conf_extended_market_maker.yml
"""

import os
from decimal import Decimal

from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import MarketDict, OrderType, PositionMode, PriceType, TradeType
from hummingbot.core.data_type.limit_order import LimitOrder
from hummingbot.core.event.events import FundingPaymentCompletedEvent, OrderFilledEvent
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase
from pydantic import Field

ZERO = Decimal(0)


class ExtendedMarketMakerConfig(StrategyV2ConfigBase):
    """Settings of the market maker. Spreads and tolerance are fractions of the mid price (0.001 is 0.1 %)."""

    script_file_name: str = os.path.basename(__file__)
    controllers_config: list[str] = Field(default=[])
    connector_name: str = Field(
        default="extended_perpetual",
        json_schema_extra={"prompt": "Connector (e.g. extended_perpetual): ", "prompt_on_new": True},
    )
    trading_pair: str = Field(
        default="BTC-USD", json_schema_extra={"prompt": "Trading pair (e.g. BTC-USD): ", "prompt_on_new": True}
    )
    order_amount: Decimal = Field(
        default=Decimal("0.001"),
        gt=0,
        json_schema_extra={"prompt": "Amount of each quote (base asset): ", "prompt_on_new": True},
    )
    bid_spread: Decimal = Field(
        default=Decimal("0.001"),
        gt=0,
        lt=1,
        json_schema_extra={"prompt": "Bid spread (fraction of mid): ", "prompt_on_new": True},
    )
    ask_spread: Decimal = Field(
        default=Decimal("0.001"),
        gt=0,
        lt=1,
        json_schema_extra={"prompt": "Ask spread (fraction of mid): ", "prompt_on_new": True},
    )
    max_position: Decimal = Field(
        default=Decimal("0.01"),
        gt=0,
        json_schema_extra={"prompt": "Largest position, long or short (base asset): ", "prompt_on_new": True},
    )
    inventory_skew: Decimal = Field(
        default=Decimal("0.5"),
        ge=0,
        le=1,
        json_schema_extra={
            "prompt": "How far a full position moves the quotes (0 to 1 spreads): ",
            "prompt_on_new": True,
        },
    )
    order_refresh_time_s: float = Field(
        default=5.0, gt=0, json_schema_extra={"prompt": "Seconds between refreshes: ", "prompt_on_new": True}
    )
    price_tolerance: Decimal = Field(
        default=Decimal("0.0001"), ge=0, json_schema_extra={"prompt": "Leave a quote that is off by less (fraction): "}
    )
    leverage: int = Field(default=10, ge=1, json_schema_extra={"prompt": "Leverage: ", "prompt_on_new": True})

    def update_markets(self, markets: MarketDict) -> MarketDict:
        """Ask Hummingbot for the one market this script trades."""
        return markets.add_or_update(self.connector_name, self.trading_pair)


class ExtendedMarketMaker(StrategyV2Base):
    """Quote both sides of one market and keep the position small."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: ExtendedMarketMakerConfig) -> None:
        super().__init__(connectors, config)
        self.config = config
        self.fills = 0
        self.volume_quote = ZERO
        self.fees_quote = ZERO
        self.funding_quote = ZERO
        self._next_refresh_s = 0.0

    @property
    def connector(self) -> ConnectorBase:
        """The connector that this script trades on."""
        return self.connectors[self.config.connector_name]

    def apply_initial_setting(self) -> None:
        """Set one-way mode and the leverage once, when the strategy starts."""
        self.connector.set_position_mode(PositionMode.ONEWAY)
        self.connector.set_leverage(self.config.trading_pair, self.config.leverage)

    def on_tick(self) -> None:
        """Move the quotes that need it, at most once a refresh time."""
        if self.current_timestamp < self._next_refresh_s:
            return
        self._next_refresh_s = self.current_timestamp + self.config.order_refresh_time_s
        mid = self.connector.get_price_by_type(self.config.trading_pair, PriceType.MidPrice)
        if mid is None or mid.is_nan():
            return
        wanted = self.quotes(mid)
        for order in self.get_active_orders(self.config.connector_name):
            side = TradeType.BUY if order.is_buy else TradeType.SELL
            if side in wanted and self._is_close(order, wanted[side], mid):
                del wanted[side]
            else:
                self.cancel(self.config.connector_name, self.config.trading_pair, order.client_order_id)
        for side, price in wanted.items():
            self._place(side, price)

    def quotes(self, mid: Decimal) -> dict[TradeType, Decimal]:
        """Return the price of each side to quote (quote asset), leaning against the position."""
        settings = self.config
        filled_share = max(min(self.position / settings.max_position, Decimal(1)), Decimal(-1))
        lean = filled_share * settings.inventory_skew
        wanted = {}
        if filled_share < 1:
            wanted[TradeType.BUY] = mid * (1 - settings.bid_spread * (1 + lean))
        if filled_share > -1:
            wanted[TradeType.SELL] = mid * (1 + settings.ask_spread * (1 - lean))
        return wanted

    @property
    def position(self) -> Decimal:
        """The position in base asset: positive long, negative short."""
        positions = self.connector.account_positions.values()
        return sum((p.amount for p in positions if p.trading_pair == self.config.trading_pair), ZERO)

    def _is_close(self, order: LimitOrder, price: Decimal, mid: Decimal) -> bool:
        return abs(order.price - price) <= self.config.price_tolerance * mid

    def _place(self, side: TradeType, price: Decimal) -> None:
        pair = self.config.trading_pair
        price = self.connector.quantize_order_price(pair, price)
        amount = self.connector.quantize_order_amount(pair, self.config.order_amount)
        rule = self.connector.trading_rules[pair]
        if amount < rule.min_order_size:
            self.logger().warning(f"order_amount {self.config.order_amount} is below the minimum {rule.min_order_size}")
            return
        place = self.buy if side == TradeType.BUY else self.sell
        place(self.config.connector_name, pair, amount, OrderType.LIMIT_MAKER, price)

    def did_fill_order(self, event: OrderFilledEvent) -> None:
        """Count a fill and refresh the quotes at the next tick."""
        self.fills += 1
        self.volume_quote += event.amount * event.price
        self.fees_quote += sum((fee.amount for fee in event.trade_fee.flat_fees), ZERO)
        self._next_refresh_s = 0.0

    def did_complete_funding_payment(self, event: FundingPaymentCompletedEvent) -> None:
        """Add up the funding: positive received, negative paid."""
        self.funding_quote += event.amount

    def _described_position(self, mid: Decimal) -> str:
        text = f"{self.position} of at most {self.config.max_position}"
        for held in self.connector.account_positions.values():
            if held.trading_pair == self.config.trading_pair and held.amount:
                text += f", entry {held.entry_price:.6g}, open PnL {held.amount * (mid - held.entry_price):+.4f}"
        return text

    def format_status(self) -> str:
        """Describe the quotes, the position and the streams."""
        if not self.ready_to_trade:
            return "  The connector is not ready yet."
        pair = self.config.trading_pair
        bid, ask, mid = (
            self.connector.get_price_by_type(pair, kind)
            for kind in (PriceType.BestBid, PriceType.BestAsk, PriceType.MidPrice)
        )
        orders = self.get_active_orders(self.config.connector_name)
        shown = ", ".join(f"{'bid' if o.is_buy else 'ask'} {o.quantity} @ {o.price}" for o in orders) or "none"
        lines = [
            f"  {self.config.connector_name} {pair}",
            f"  Market:   {bid} / {ask}, mid {mid}",
            f"  Quotes:   {shown}",
            f"  Position: {self._described_position(mid)}",
            f"  Session:  {self.fills} fills, volume {self.volume_quote:.2f}, fees {self.fees_quote:.6f}, "
            f"funding {self.funding_quote:+.6f}",
        ]
        # Other connectors have no such description; this script runs on any perpetual one.
        describe = getattr(self.connector, "stream_status", list)
        return "\n".join(lines + [f"  Stream:   {line}" for line in describe()])
