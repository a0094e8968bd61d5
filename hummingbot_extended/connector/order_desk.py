"""From what Hummingbot asks for to an order that the exchange has received: priced, checked, signed, sent."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from hummingbot.core.data_type.common import OrderType, PositionAction, TradeType
from hummingbot.core.data_type.in_flight_order import InFlightOrder

from hummingbot_extended.connector import translate
from hummingbot_extended.connector.bot_identity import BotIdentity
from hummingbot_extended.connector.clock import ExchangeClock
from hummingbot_extended.connector.extended_perpetual_auth import ExtendedPerpetualAuth
from hummingbot_extended.connector.extended_perpetual_constants import ORDER_WAIT_S
from hummingbot_extended.connector.markets import AccountFees, Markets
from hummingbot_extended.connector.order_entry import Entry, Extras, expiry_ms
from hummingbot_extended.connector.order_limits import market_price, market_refusal, order_refusal, triggered_price
from hummingbot_extended.connector.order_outcomes import OrderOutcomes
from hummingbot_extended.connector.order_prices import OrderPrices
from hummingbot_extended.connector.settings import ConnectorSettings
from hummingbot_extended.connector.turns import OneATurn
from hummingbot_extended.errors import ApiError, SettingsError
from hummingbot_extended.exchange.endpoints import Domain
from hummingbot_extended.exchange.models import Account, Fees
from hummingbot_extended.exchange.orders import OrderSigner, signed_body
from hummingbot_extended.exchange.rounding import round_price
from hummingbot_extended.exchange.signing import NonceSource, StarknetDomain

INVALID_TRADING_FEES = 1128


class OrderRefused(SettingsError):
    """Raised when the connector does not send an order, and says why."""


class MarketClosed(OrderRefused):
    """Raised when a market takes no such order in its present status. Its name reaches clients as `error_type`."""


class OrderDesk:
    """Makes orders. Raises OrderRefused (or SettingsError) for what is wrong with one, before anything is sent.

    `prove_account` is awaited for the account where it is not known yet; `identity` is asked when an order is sent.
    """

    def __init__(
        self,
        *,
        domain: Domain,
        settings: ConnectorSettings,
        auth: ExtendedPerpetualAuth,
        clock: ExchangeClock,
        markets: Markets,
        fees: AccountFees,
        prices: OrderPrices,
        outcomes: OrderOutcomes,
        prove_account: Callable[[], Awaitable[Account]],
        identity: Callable[[], BotIdentity],
    ) -> None:
        self._domain = domain
        self._settings = settings
        self._auth = auth
        self._clock = clock
        self._markets = markets
        self._fees = fees
        self._prices = prices
        self._outcomes = outcomes
        self._prove_account = prove_account
        self._identity = identity
        self._nonces = NonceSource()
        self._signing = OneATurn()  # orders that waited for fees or the account go on together

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._domain.name}>"

    def entry(
        self,
        pair: str,
        trade_type: TradeType,
        amount: Decimal,
        order_type: OrderType,
        price: Decimal | None,
        position_action: PositionAction,
        arguments: dict[str, Any],
        mark: Decimal | None,
    ) -> Entry:
        """Return an order with the price that it will have: on the tick, never worse than asked.

        A market order is protected by book and `mark` (None: not known), or by its trigger price; the caller's price is
        ignored for it.
        """
        if position_action not in (PositionAction.OPEN, PositionAction.CLOSE):
            raise OrderRefused(f"position_action must be OPEN or CLOSE, not {position_action.name}")
        market = self._markets.of(pair)
        if market is None:
            raise OrderRefused(f"{pair} is not a market of {self._domain.name}")
        if not (amount.is_finite() and amount > 0):
            raise OrderRefused(f"the amount must be above 0, not {amount}")
        asked = price if price is not None and price.is_finite() and price > 0 else None
        extras, side = Extras.read(arguments), translate.side(trade_type)
        tick = market.trading_config.min_price_change
        if extras.is_market(order_type) and extras.trigger_price is not None:
            worst = triggered_price(side, market, extras.trigger_price)
        elif extras.is_market(order_type):
            worst = market_price(side, tick, book=self._prices.book(pair, trade_type, amount), mark=mark)
        elif asked is not None:
            worst = round_price(asked, tick, side)
        else:
            raise OrderRefused(f"a {order_type.name} order needs a price")
        return Entry(
            market=market,
            side=side,
            order_type=order_type,
            amount=amount,
            price=worst,
            position_action=position_action,
            extras=extras,
            mark=mark,
        )

    def check(self, entry: Entry, *, opening_refusal: str | None, open_orders: int) -> None:
        """Raise OrderRefused for what the exchange would refuse, or what must not be opened now (`opening_refusal`)."""
        reduce_only = entry.position_action is PositionAction.CLOSE
        if closed := market_refusal(entry.market, reduce_only=reduce_only):
            raise MarketClosed(closed)
        refusal = (None if reduce_only else opening_refusal) or order_refusal(
            entry.market,
            side=entry.side,
            price=entry.price,
            amount=entry.amount,
            is_market=entry.is_market,
            reference=entry.extras.trigger_price or entry.mark,
            open_orders=open_orders,
        )
        if refusal:
            raise OrderRefused(refusal)

    async def send(self, entry: Entry, tracked: InFlightOrder) -> str:
        """Sign and send an order; return its exchange id.

        Raises what `OrderOutcomes.place` raises, and OrderRefused where the account and its fee rates are not known
        within `ORDER_WAIT_S`.
        """
        try:
            return await self._send(entry, tracked)
        except ApiError as error:
            if error.code != INVALID_TRADING_FEES:
                raise
            self._fees.by_pair.pop(tracked.trading_pair, None)  # the account's rates have changed
            return await self._send(entry, tracked)

    async def _send(self, entry: Entry, tracked: InFlightOrder) -> str:
        body = await self._sign(entry, tracked)
        journal = self._identity().journal
        if journal is not None:
            journal.write(tracked.client_order_id)
        return await self._outcomes.place(tracked, body)

    async def _sign(self, entry: Entry, tracked: InFlightOrder) -> dict[str, Any]:
        account, fees = await self._account_and_fees(tracked.trading_pair)
        settings = self._settings
        order = entry.new_order(
            tracked.client_order_id,
            fees,
            expiry_ms=expiry_ms(self._clock.ms(), settings.order_expiry_days, self._domain.max_expiry_days),
            nonce=self._nonces(),
            builder_id=settings.builder_id,
            builder_fee_rate=settings.builder_fee_rate,
        )
        signer = OrderSigner(self._auth.signer, account.l2_vault, StarknetDomain(chain_id=self._domain.chain_id))
        await self._signing()
        body = signed_body(order, entry.market, signer)
        await asyncio.sleep(0)  # the request begins in another turn of the loop
        return body

    async def _account_and_fees(self, pair: str) -> tuple[Account, Fees]:
        try:
            async with asyncio.timeout(ORDER_WAIT_S):
                account = await self._prove_account()
                if pair not in self._fees.by_pair:
                    await self._fees.update()
        except TimeoutError as error:
            raise OrderRefused(f"not sent, its account and fee rates were not known within {ORDER_WAIT_S} s") from error
        if pair not in self._fees.by_pair:
            raise OrderRefused(f"the exchange states no fee rates for {pair}")
        return account, self._fees.by_pair[pair]
