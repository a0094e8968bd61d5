"""Mark price, index price and funding of one market, as the streams tell them."""

from decimal import Decimal

from hummingbot.core.data_type.funding_info import FundingInfo, FundingInfoUpdate

from hummingbot_extended.exchange.channels import FundingFrame, PriceFrame
from hummingbot_extended.exchange.enums import PriceType
from hummingbot_extended.exchange.models import MarketStats

type PriceNews = FundingFrame | PriceFrame

HOUR_S = 3_600


def next_full_hour_s(now_s: float) -> int:
    """The next hour's epoch second: funding is paid on the hour (API reference §8)."""
    return (int(now_s) // HOUR_S + 1) * HOUR_S


class MarketPrices:
    """What is known of one market's prices; None until it is. Sans-I/O."""

    __slots__ = ("index_price", "mark_price", "next_funding_s", "rate", "trading_pair")

    def __init__(self, trading_pair: str) -> None:
        self.trading_pair = trading_pair
        self.mark_price: Decimal | None = None
        self.index_price: Decimal | None = None
        self.rate: Decimal | None = None
        self.next_funding_s: int | None = None

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.trading_pair}: mark {self.mark_price}, index {self.index_price}, "
            f"funding {self.rate} at {self.next_funding_s}>"
        )

    def apply_stats(self, stats: MarketStats) -> FundingInfo:
        """Take over the exchange's statistics, and return them as Hummingbot's FundingInfo."""
        self.mark_price, self.index_price, self.rate = stats.mark_price, stats.index_price, stats.funding_rate
        self.next_funding_s = stats.next_funding_time_ms // 1000
        return FundingInfo(
            trading_pair=self.trading_pair,
            index_price=stats.index_price,
            mark_price=stats.mark_price,
            next_funding_utc_timestamp=self.next_funding_s,
            rate=stats.funding_rate,
        )

    def apply(self, frame: PriceNews) -> FundingInfoUpdate:
        """Take over a stream's message, and return what changed as Hummingbot's update."""
        if isinstance(frame, FundingFrame):
            self.rate = frame.funding.rate
            self._advance_funding(frame.ts_ms / 1000)
            return FundingInfoUpdate(self.trading_pair, rate=self.rate, next_funding_utc_timestamp=self.next_funding_s)
        price = frame.price.price
        if frame.price_type is PriceType.INDEX:
            self.index_price = price
            return FundingInfoUpdate(self.trading_pair, index_price=price)
        self.mark_price = price
        return FundingInfoUpdate(self.trading_pair, mark_price=price)

    def funding_is_past(self, now_s: float) -> bool:
        """Whether the known time of the next funding has gone by, so that it should be asked for again."""
        return self.next_funding_s is not None and now_s >= self.next_funding_s

    def _advance_funding(self, now_s: float) -> None:
        if self.next_funding_s is None or now_s >= self.next_funding_s:
            self.next_funding_s = next_full_hour_s(now_s)
