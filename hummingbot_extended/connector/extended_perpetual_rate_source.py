"""Rate sources of the three networks for Hummingbot's rate oracle: the last prices of all markets in one request."""

import logging
import time
from decimal import Decimal

from hummingbot.connector.utils import combine_to_hb_trading_pair, split_hb_trading_pair
from hummingbot.core.rate_oracle.sources.rate_source_base import RateSourceBase

from hummingbot_extended.connector import extended_perpetual_constants as CONSTANTS
from hummingbot_extended.connector.extended_perpetual_web_utils import build_api_factory, create_throttler
from hummingbot_extended.connector.rest import AssistantSend
from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.endpoints import find_domain
from hummingbot_extended.exchange.enums import MarketType
from hummingbot_extended.exchange.models import Market
from hummingbot_extended.exchange.rest import ExtendedRest

logger = logging.getLogger(__name__)

CACHE_S = 30
# What one dollar of collateral is called elsewhere; for another quote token the exchange has no price.
DOLLARS = frozenset({"USD", "USDC", "USDT"})


class ExtendedPerpetualRateSource(RateSourceBase):
    """Prices of every perpetual in USD and, at par, in the dollar that the oracle asks for (USDT by default).

    The exchange caches its list of markets for a minute (API reference §2.1), so a rate may be that old. Mark prices
    are taken, last prices where there is none. A quote token that is no dollar gets the USD prices only.
    """

    domain = CONSTANTS.DEFAULT_DOMAIN

    def __init__(self) -> None:
        super().__init__()
        self._rest: ExtendedRest | None = None
        self._prices: dict[str, Decimal] = {}
        self._expires_s = 0.0

    @property
    def name(self) -> str:
        """Name of the source in `rate_oracle_source`."""
        return self.domain

    async def get_prices(self, quote_token: str | None = None) -> dict[str, Decimal]:
        """The price of each pair; empty, with a log line, where the exchange does not answer (the oracle goes on)."""
        try:
            prices = await self._usd_prices()
        except ExtendedError as error:
            logger.warning("No rates from %s: %s", self.name, error)
            return {}
        if quote_token not in DOLLARS:
            return dict(prices)
        bases = {pair: split_hb_trading_pair(pair)[0] for pair in prices}
        return prices | {combine_to_hb_trading_pair(bases[pair], quote_token): prices[pair] for pair in prices}

    async def _usd_prices(self) -> dict[str, Decimal]:
        # Not Hummingbot's async_ttl_cache: it tells sources apart by their addresses, which are used again.
        if time.monotonic() >= self._expires_s:
            markets = await self._client().markets()
            self._prices = {pair: price for market in markets if (pair := _pair(market)) and (price := _price(market))}
            self._expires_s = time.monotonic() + CACHE_S
        return self._prices

    def _client(self) -> ExtendedRest:
        if self._rest is None:
            throttler = create_throttler()
            self._rest = ExtendedRest(
                AssistantSend(build_api_factory(throttler), throttler, find_domain(self.domain).rest_url)
            )
        return self._rest


class ExtendedPerpetualTestnetRateSource(ExtendedPerpetualRateSource):
    """Prices of the testnet."""

    domain = CONSTANTS.TESTNET_DOMAIN


class ExtendedPerpetualLocalRateSource(ExtendedPerpetualRateSource):
    """Prices of the practice venue."""

    domain = CONSTANTS.LOCAL_DOMAIN


def _pair(market: Market) -> str:
    return market.name if market.type is MarketType.PERPETUAL and market.active else ""


def _price(market: Market) -> Decimal | None:
    stats = market.market_stats
    return (stats.mark_price or stats.last_price) if stats else None
