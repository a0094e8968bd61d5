"""The account's leverage in each market, which counts for its whole position there (API reference §3.10)."""

from collections.abc import Collection
from decimal import Decimal

from hummingbot.connector.perpetual_trading import PerpetualTrading

from hummingbot_extended.connector.markets import Markets
from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.rest import ExtendedRest


class AccountLeverage:
    """Reads and sets it. The markets must be known."""

    def __init__(self, rest: ExtendedRest, markets: Markets, perpetual: PerpetualTrading) -> None:
        self._rest = rest
        self._markets = markets
        self._perpetual = perpetual

    async def read(self, pairs: Collection[str]) -> None:
        """Tell Hummingbot what the account has in `pairs`. Raises what REST raises."""
        for leverage in await self._rest.leverage(*map(self._markets.name_of, pairs)):
            if (pair := self._markets.pair_of(leverage.market)) is not None:
                self._perpetual.set_leverage(pair, int(leverage.leverage))

    async def set(self, pair: str, leverage: int) -> tuple[bool, str]:
        """Set it and read it back, as the answer alone proves nothing; return whether it is so, and why it is not."""
        market = self._markets.name_of(pair)
        try:
            await self._rest.set_leverage(market, Decimal(leverage))
            found = {each.market: each.leverage for each in await self._rest.leverage(market)}.get(market)
        except ExtendedError as error:
            return False, str(error)
        if found != leverage:
            return False, f"the exchange keeps a leverage of {found}"
        return True, ""
