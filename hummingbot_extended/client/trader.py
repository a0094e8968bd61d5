"""Who trades: markets, fees and the signing account, fetched when they are first needed."""

import asyncio
import time
from decimal import Decimal

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.exchange.endpoints import Domain
from hummingbot_extended.exchange.models import Fees, Market
from hummingbot_extended.exchange.orders import OrderSigner
from hummingbot_extended.exchange.rest import ExtendedRest
from hummingbot_extended.exchange.signing import StarknetDomain, StarkSigner

RULES_MAX_AGE_S = 300.0


class Trader:
    """The account's keys with what the exchange says of it. Rules and fees are read again after 5 minutes."""

    def __init__(self, rest: ExtendedRest, domain: Domain, stark_private_key: str | None) -> None:
        self._rest = rest
        self._domain = domain
        self._key = None if stark_private_key is None else StarkSigner(stark_private_key)
        self._signer: OrderSigner | None = None
        self._markets: dict[str, Market] = {}
        self._fees: dict[str, tuple[float, Fees]] = {}
        self._markets_at_s = float("-inf")
        self._fetching = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Trader {self._key!r} on {self._domain.name}>"

    async def markets(self) -> dict[str, Market]:
        """Return all markets by name."""
        async with self._fetching:
            if time.monotonic() - self._markets_at_s > RULES_MAX_AGE_S:
                self._markets = {market.name: market for market in await self._rest.markets()}
                self._markets_at_s = time.monotonic()
        return self._markets

    async def market(self, name: str) -> Market:
        """Return one market. Raises SettingsError, with similar names, where there is none."""
        markets = await self.markets()
        if name not in markets:
            raise SettingsError(f"there is no market {name!r}{_similar(name, markets)}")
        return markets[name]

    async def fee_rate(self, market: str, *, maker: bool) -> Decimal:
        """Return the account's rate, which is the most that an order may be charged (API reference §4.6)."""
        known = self._fees.get(market)
        if known is None or time.monotonic() - known[0] > RULES_MAX_AGE_S:
            fees = next((fees for fees in await self._rest.fees(market) if fees.market == market), None)
            if fees is None:
                raise SettingsError(f"the exchange does not say what {market} costs")
            known = self._fees[market] = time.monotonic(), fees
        return known[1].maker_fee_rate if maker else known[1].taker_fee_rate

    async def signer(self) -> OrderSigner:
        """Return who signs, proven to belong to the API key's account.

        Raises SettingsError when there is no Stark private key or it is of another account.
        """
        if self._signer is None:
            if self._key is None:
                raise SettingsError("placing orders needs stark_private_key beside api_key")
            account = await self._rest.account()
            if int(account.l2_key, 16) != self._key.public_key:
                raise SettingsError(
                    f"the Stark private key is not that of the API key's account {account.account_id}: its public key "
                    f"is {self._key.public_key:#x}, the account's is {account.l2_key}"
                )
            self._signer = OrderSigner(self._key, account.l2_vault, StarknetDomain(chain_id=self._domain.chain_id))
        return self._signer


def _similar(name: str, markets: dict[str, Market]) -> str:
    asset = name.partition("-")[0].upper()
    similar = [market for market in markets if asset and market.upper().startswith(asset)]
    return f"; did you mean {', '.join(sorted(similar)[:3])}?" if similar else ""
