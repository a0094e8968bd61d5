"""The exchange's perpetual markets, by Hummingbot's pair and by the exchange's name."""

import logging
from collections.abc import Callable, Collection

from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.data_type.common import PositionAction
from hummingbot.core.data_type.trade_fee import TradeFeeBase, TradeFeeSchema

from hummingbot_extended.connector import translate
from hummingbot_extended.connector.extended_perpetual_constants import COLLATERAL
from hummingbot_extended.exchange.enums import MarketStatus, MarketType
from hummingbot_extended.exchange.models import Fees, Market
from hummingbot_extended.exchange.reading import Records
from hummingbot_extended.exchange.rest import ExtendedRest

SHOWN = 8  # markets named to somebody who named one that does not exist
LISTED = (MarketStatus.ACTIVE, MarketStatus.REDUCE_ONLY)


class Markets:
    """What `GET /info/markets` said last. A market that cannot be read is left out, with one error in the log.

    `in_use` gives the pairs that the connector trades: those stay listed whatever becomes of their market, so that a
    position in one can still be seen and closed. A market that a reply has no more keeps its name: its last fills, and
    what is held in it, still belong to its pair.
    """

    def __init__(self, in_use: Callable[[], Collection[str]], logger: logging.Logger) -> None:
        self._in_use = in_use
        self._logger = logger
        self._markets: dict[str, Market] = {}
        self._pairs: dict[str, str] = {}  # of all markets that were ever listed, by the exchange's name
        self._names: dict[str, str] = {}  # the same the other way round
        self._reported: set[str] = set()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self._markets)}>"

    def __bool__(self) -> bool:
        return bool(self._markets)

    def remember(self, markets: Records[Market]) -> None:
        """Take a reply. Markets that are no perpetuals are passed over."""
        for bad in markets.bad:
            if bad.name not in self._reported:
                self._reported.add(bad.name)
                self._logger.error(f"The market {bad.name} cannot be read and is left out: {bad.reason}")  # noqa: G004
        perpetual = [market for market in markets if market.type is MarketType.PERPETUAL]
        self._markets = {translate.trading_pair(market): market for market in perpetual}
        self._pairs |= {market.name: pair for pair, market in self._markets.items()}
        self._names |= {pair: market.name for pair, market in self._markets.items()}
        self._report_unknown()

    def _report_unknown(self) -> None:
        for pair in self._in_use():
            if self._markets and pair not in self._markets and pair not in self._reported:
                self._reported.add(pair)
                self._logger.error(
                    f"{pair} is not a market of the exchange, so nothing is traded: correct the strategy's trading "  # noqa: G004
                    f"pair. There are {', '.join(sorted(self._markets)[:SHOWN])} and others."
                )

    def of(self, pair: str) -> Market | None:
        """Return the market of a pair, None when there is none."""
        return self._markets.get(pair)

    def name_of(self, pair: str) -> str:
        """Return the exchange's name of a pair; before the markets are known, what it most likely is."""
        return self._names.get(pair, pair)

    def pair_of(self, name: str) -> str | None:
        """Return Hummingbot's pair of a market, None when it is not known."""
        return self._pairs.get(name)

    def rules(self) -> list[TradingRule]:
        """Return the trading rules of what can be traded or closed."""
        return [
            translate.trading_rule(market)
            for pair, market in self._markets.items()
            if (market.active and market.status in LISTED) or pair in self._in_use()
        ]

    def symbols(self) -> dict[str, str]:
        """Return the pairs that are listed for trading, by the exchange's name."""
        in_use = self._in_use()
        return {market.name: pair for pair, market in self._markets.items() if market.is_tradable or pair in in_use}

    def last_prices(self) -> list[dict[str, str]]:
        """Return {"symbol": pair, "price": last price} of every tradable market."""
        return [
            {"symbol": pair, "price": str(market.market_stats.last_price)}
            for pair, market in self._markets.items()
            if market.is_tradable and market.market_stats is not None
        ]


class AccountFees:
    """The account's own fee rates by pair: what is signed as the most to pay, never a constant (API reference §4.6)."""

    def __init__(self, rest: ExtendedRest, markets: Markets, builder_id: int | None) -> None:
        self._rest = rest
        self._markets = markets
        self._builder_id = builder_id
        self.by_pair: dict[str, Fees] = {}

    def estimate(self, pair: str, position_action: PositionAction, *, is_maker: bool) -> TradeFeeBase | None:
        """Return the fee of a trade at the account's rate; None while that is not known."""
        fees = self.by_pair.get(pair)
        return fees and TradeFeeBase.new_perpetual_fee(
            fee_schema=TradeFeeSchema(),
            position_action=position_action,
            percent=fees.maker_fee_rate if is_maker else fees.taker_fee_rate,
            percent_token=COLLATERAL,
        )

    async def update(self) -> None:
        """Read the rates of all markets; those must be known. Raises what REST raises."""
        for fees in await self._rest.fees(builder_id=self._builder_id):
            if (pair := self._markets.pair_of(fees.market)) is not None:
                self.by_pair[pair] = fees
